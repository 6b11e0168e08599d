"""The fake Telegram, through the real client: what tests rest on must behave like the real one."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity, Update
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter
from telegram.request import HTTPXRequest

from tests.fakes.telegram import FakeTelegram, fake_telegram_process

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")
ANA = 1001
BEN = 1002


def client(fake: FakeTelegram, token: str = "") -> Bot:
    return Bot(
        token or fake.token,
        base_url=f"{fake.address}/bot",
        base_file_url=f"{fake.address}/file/bot",
        request=HTTPXRequest(httpx_kwargs={"trust_env": False}),
        get_updates_request=HTTPXRequest(httpx_kwargs={"trust_env": False}),
    )


@pytest.fixture
async def bot(fake: FakeTelegram) -> AsyncIterator[Bot]:
    async with client(fake) as opened:
        yield opened


def everything(fake: FakeTelegram) -> list[dict[str, Any]]:
    """One update of each kind that people can cause."""
    fake.text(ANA, "/start abc")
    sent_id = fake.text(ANA, "hello")["message"]["message_id"]
    fake.do("edit", user=ANA, message_id=sent_id, text="hello again")
    for action in ("voice", "photo", "album", "document", "video", "video_note", "sticker", "location"):
        fake.do(action, user=ANA)
    fake.do("contact", user=ANA, phone="+85512345678")
    group = fake.do("group", user=BEN)
    fake.do("text", user=BEN, chat=group, text="hello")
    fake.do("migrate", user=BEN, chat=group)
    fake.do("group", user=BEN, forum=True)
    fake.do("block", user=ANA)
    fake.do("unblock", user=ANA)
    return fake.record()


async def test_every_update_is_understood_by_the_client_without_a_loss(fake: FakeTelegram, bot: Bot) -> None:
    everything(fake)
    raw = fake.client.post(f"{fake.address}/bot{fake.token}/getUpdates").json()["result"]

    typed = await bot.get_updates()

    assert len(raw) == len(typed) == 21
    for plain in raw:
        update = Update.de_json(plain, bot)
        assert not update.api_kwargs
        assert update.effective_chat is not None
        assert all(not message.api_kwargs for message in (update.message, update.edited_message) if message)


async def test_an_update_comes_until_a_higher_offset_acknowledges_it(fake: FakeTelegram, bot: Bot) -> None:
    fake.text(ANA, "one")
    fake.text(ANA, "two")

    (first,) = await bot.get_updates(limit=1)
    again, second = await bot.get_updates(offset=first.update_id)
    (left,) = await bot.get_updates(offset=second.update_id)

    assert again.update_id == first.update_id
    assert left.update_id == second.update_id
    assert await bot.get_updates(offset=second.update_id + 1) == ()


async def test_a_long_poll_ends_when_something_comes(fake: FakeTelegram, bot: Bot) -> None:
    waiting = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.to_thread(fake.wait_for, lambda: fake.do("state")["polling"])
    fake.text(ANA, "hello")

    (update,) = await waiting

    assert update.message is not None
    assert update.message.text == "hello"


async def test_two_that_poll_at_once_end_each_other(fake: FakeTelegram, bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.to_thread(fake.wait_for, lambda: fake.do("state")["polling"])

    await bot.get_updates(timeout=0)

    with pytest.raises(Conflict):
        await first


async def test_whoever_has_a_webhook_can_not_poll(bot: Bot) -> None:
    await bot.set_webhook("http://127.0.0.1:9/hook", secret_token="s" * 20)

    with pytest.raises(Conflict):
        await bot.get_updates()

    await bot.delete_webhook()
    assert await bot.get_updates() == ()


async def test_only_the_kinds_that_were_asked_for_come(fake: FakeTelegram, bot: Bot) -> None:
    await bot.get_updates(allowed_updates=["message"])
    fake.do("block", user=ANA)
    fake.text(BEN, "hello")

    (update,) = await bot.get_updates()

    assert update.message is not None


async def test_presses_are_dropped_after_150_seconds_and_texts_after_a_day(fake: FakeTelegram, bot: Bot) -> None:
    fake.text(ANA, "hello")
    message = await bot.send_message(ANA, "choose", reply_markup=keyboard("a"))
    fake.press(ANA, message.message_id, index=0)
    fake.do("advance", seconds=151)
    assert [update.callback_query for update in await bot.get_updates()] == [None]

    fake.do("advance", seconds=24 * 3600)
    assert await bot.get_updates() == ()


def keyboard(*data: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(f"title {one}", callback_data=one)] for one in data])


async def test_a_message_with_buttons_is_sent_pressed_answered_and_edited(fake: FakeTelegram, bot: Bot) -> None:
    fake.text(ANA, "hello")
    message = await bot.send_message(ANA, "choose", reply_markup=keyboard("a", "b"))
    fake.press(ANA, message.message_id, title="title b")
    query = (await bot.get_updates())[-1].callback_query
    assert query is not None

    assert (query.data, query.from_user.id) == ("b", ANA)
    assert await query.answer()
    edited = await message.edit_text("chosen")
    assert isinstance(edited, type(message))
    assert (edited.text, edited.reply_markup) == ("chosen", None)
    assert [call["method"] for call in fake.record()] == ["sendmessage", "answercallbackquery", "editmessagetext"]
    assert fake.do("state")["unanswered_presses"] == 0


async def test_a_press_can_not_be_answered_late(fake: FakeTelegram, bot: Bot) -> None:
    fake.text(ANA, "hello")
    message = await bot.send_message(ANA, "choose", reply_markup=keyboard("a"))
    query_id = fake.press(ANA, message.message_id, index=0)["callback_query"]["id"]
    fake.do("advance", seconds=61)

    with pytest.raises(BadRequest, match="too old"):
        await bot.answer_callback_query(query_id)


async def test_files_go_both_ways(fake: FakeTelegram, bot: Bot) -> None:
    voice_id = fake.do("voice", user=ANA, content="T2dnUw==")["message"]["voice"]["file_id"]
    fetched = await (await bot.get_file(voice_id)).download_as_bytearray()
    sent = [
        await bot.send_photo(ANA, b"picture", caption="a picture"),
        await bot.send_voice(ANA, b"voice", duration=3),
        await bot.send_document(ANA, b"paper", filename="paper.txt"),
        await bot.send_voice(ANA, voice_id),
    ]

    assert fetched == b"OggS"
    assert [message.effective_attachment is not None for message in sent] == [True] * 4
    assert [call["file"] for call in fake.sent(ANA)] == [7, 5, 5, None]
    too_big = fake.do("document", user=ANA, size=21 * 2**20)["message"]["document"]["file_id"]
    with pytest.raises(BadRequest, match="too big"):
        await bot.get_file(too_big)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"text": " "}, "text is empty"),
        ({"text": "x" * 4097}, "too long"),
        ({"text": "x", "reply_markup": keyboard("")}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": keyboard("x" * 65)}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": keyboard(*map(str, range(101)))}, "too long"),
        ({"text": "x", "entities": [MessageEntity("bold", 0, 2)]}, "ENTITY_BOUNDS_INVALID"),
        ({"text": "\U0001f600x", "entities": [MessageEntity("bold", 0, 1)]}, "middle of a UTF-16 symbol"),
        ({"text": "x", "parse_mode": "HTML"}, "entities only"),
        ({"text": "x", "message_thread_id": 99}, "thread not found"),
    ],
)
async def test_what_breaks_a_rule_is_refused(fake: FakeTelegram, bot: Bot, more: dict[str, Any], problem: str) -> None:
    fake.text(ANA, "hello")

    with pytest.raises(BadRequest, match=f"(?i){problem}"):
        await bot.send_message(ANA, **more)
    assert fake.sent() == []


async def test_strangers_and_people_who_blocked_the_bot_can_not_be_written_to(fake: FakeTelegram, bot: Bot) -> None:
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.send_message(ANA, "hello")
    fake.text(ANA, "hello")
    fake.do("block", user=ANA)
    with pytest.raises(Forbidden, match=r"(?i)blocked by the user"):
        await bot.send_message(ANA, "hello")
    fake.do("unblock", user=ANA)
    await bot.send_message(ANA, "hello")


async def test_a_group_that_moved_says_where_to(fake: FakeTelegram, bot: Bot) -> None:
    group = fake.do("group", user=ANA)
    moved = fake.do("migrate", user=ANA, chat=group)

    with pytest.raises(ChatMigrated) as caught:
        await bot.send_message(group, "hello")

    assert caught.value.new_chat_id == moved
    await bot.send_message(moved, "hello")


async def test_topics_of_a_forum(fake: FakeTelegram, bot: Bot) -> None:
    forum = fake.do("group", user=ANA, forum=True)
    topic = await bot.create_forum_topic(forum, "4821")
    await bot.send_message(forum, "hello", message_thread_id=topic.message_thread_id)
    fake.do("delete_topic", chat=forum, thread=topic.message_thread_id)

    with pytest.raises(BadRequest, match="thread not found"):
        await bot.send_message(forum, "hello", message_thread_id=topic.message_thread_id)


@pytest.mark.parametrize(
    ("limits", "chats", "wait_s"),
    [
        ({"overall_per_s": 5}, [ANA, BEN, ANA, BEN, ANA, BEN], 1),
        ({"chat_per_s": 1}, [ANA, BEN, ANA], 1),
        ({"group_per_min": 2}, [-7, -7, -7], 60),
    ],
)
async def test_a_limit_is_kept_and_says_how_long_to_wait(
    fake: FakeTelegram, bot: Bot, limits: dict[str, int], chats: list[int], wait_s: int
) -> None:
    for user in (ANA, BEN):
        fake.text(user, "hello")
    fake.do("group", user=ANA, chat=-7)
    fake.do("limits", **limits)
    for chat in chats[:-1]:
        await bot.send_message(chat, "hello")

    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(chats[-1], "hello")

    assert fake.do("refused")[-1]["parameters"] == {"retry_after": wait_s}
    assert str(wait_s) in str(caught.value)
    fake.do("advance", seconds=wait_s)
    await bot.send_message(chats[-1], "hello")


async def test_a_message_can_be_deleted_for_two_days(fake: FakeTelegram, bot: Bot) -> None:
    fake.text(ANA, "hello")
    old = await bot.send_message(ANA, "old")
    fake.do("advance", seconds=48 * 3600 + 1)
    new = await bot.send_message(ANA, "new")

    assert await bot.delete_messages(ANA, [new.message_id, 999])
    with pytest.raises(BadRequest, match="can't be deleted"):
        await bot.delete_message(ANA, old.message_id)


async def test_what_telegram_shows_of_the_bot_is_kept_for_each_language(bot: Bot) -> None:
    await bot.set_my_commands([BotCommand("menu", "Menu")], language_code="en")
    await bot.set_my_name("Name")
    await bot.set_my_description("Words", language_code="km")

    assert [command.command for command in await bot.get_my_commands(language_code="en")] == ["menu"]
    assert (await bot.get_my_name(language_code="en")).name == "Name"
    assert (await bot.get_my_description(language_code="km")).description == "Words"
    assert (await bot.get_my_short_description()).short_description == ""


async def test_a_wrong_token_is_refused(fake: FakeTelegram) -> None:
    wrong = client(fake, "42:wrong")

    with pytest.raises(InvalidToken):
        await wrong.initialize()

    await wrong.request.shutdown()


async def test_answers_can_be_scripted_and_lost_on_their_way(fake: FakeTelegram, bot: Bot) -> None:
    fake.text(ANA, "hello")
    fake.do("fail", method="sendMessage", code=429, description="Too Many Requests", parameters={"retry_after": 7})
    fake.do("fail", method="sendMessage", code=500, description="Internal Server Error", after=True)

    with pytest.raises(RetryAfter):
        await bot.send_message(ANA, "one")
    with pytest.raises(Exception, match="Internal Server Error"):
        await bot.send_message(ANA, "two")

    assert [call["params"]["text"] for call in fake.sent()] == ["two"]


def test_it_runs_as_a_process_of_its_own() -> None:
    with fake_telegram_process() as fake:
        assert fake.text(ANA, "hello")["message"]["text"] == "hello"


@dataclass(kw_only=True)
class Receiver:
    """A webhook's other end: answers with the codes it is given, then 200."""

    codes: list[int]
    got: list[tuple[str, str]]
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver(codes=[], got=[])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = receiver.codes.pop(0) if receiver.codes else 200
            update = Update.de_json(json.loads(body), None)
            words = update.callback_query.data if update.callback_query else update.message and update.message.text
            receiver.got.append((f"{code} {words}", self.headers.get("X-Telegram-Bot-Api-Secret-Token", "")))
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join()


def words(receiver: Receiver) -> list[str]:
    return [got for got, _ in receiver.got]


async def test_a_webhook_gets_updates_with_its_secret(fake: FakeTelegram, bot: Bot, receiver: Receiver) -> None:
    fake.text(ANA, "before")
    await bot.set_webhook(receiver.url, secret_token="a-secret-of-some-length")
    fake.text(ANA, "after")

    await asyncio.to_thread(fake.wait_for, lambda: len(receiver.got) == 2)

    assert receiver.got == [("200 before", "a-secret-of-some-length"), ("200 after", "a-secret-of-some-length")]
    assert (await bot.get_webhook_info()).pending_update_count == 0


async def test_a_failing_update_holds_back_only_the_texts_of_its_chat(
    fake: FakeTelegram, bot: Bot, receiver: Receiver
) -> None:
    fake.do("retry", first_s=1000)
    fake.text(ANA, "hello")
    message_id = (await bot.send_message(ANA, "x", reply_markup=keyboard("p"))).message_id
    await bot.set_webhook(receiver.url, drop_pending_updates=True)
    receiver.codes = [500]
    fake.text(ANA, "1")
    await asyncio.to_thread(fake.wait_for, lambda: "last_error_message" in fake.do("state")["webhook"])
    fake.text(ANA, "2")
    fake.text(BEN, "3")
    fake.press(ANA, message_id, index=0)
    await asyncio.to_thread(fake.wait_for, lambda: len(receiver.got) == 3)
    assert sorted(words(receiver)) == ["200 3", "200 p", "500 1"]
    assert (await bot.get_webhook_info()).last_error_message == "Wrong response from the webhook: 500"

    fake.do("advance", seconds=1001)

    await asyncio.to_thread(fake.wait_for, lambda: words(receiver)[3:] == ["200 1", "200 2"])


async def test_what_fails_for_a_day_is_dropped(fake: FakeTelegram, bot: Bot) -> None:
    fake.do("retry", first_s=1000)
    await bot.set_webhook("http://127.0.0.1:9/nobody")
    fake.text(ANA, "hello")
    await asyncio.to_thread(fake.wait_for, lambda: "last_error_message" in fake.do("state")["webhook"])

    fake.do("advance", seconds=24 * 3600 + 1)

    await asyncio.to_thread(fake.wait_for, lambda: fake.do("state")["dropped"])
    assert (await bot.get_webhook_info()).pending_update_count == 0


async def test_a_webhook_must_be_https_elsewhere(bot: Bot) -> None:
    with pytest.raises(BadRequest, match=r"(?i)https"):
        await bot.set_webhook("http://example.org/hook")
