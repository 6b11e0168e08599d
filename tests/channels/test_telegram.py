"""The channel against the fake Telegram, over real HTTP."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from bot.channels.splitting import utf16_length
from bot.channels.telegram import TelegramChannel, open_channel
from bot.channels.telegram_profile import Profile, introduce, take_by_webhook
from bot.errors import SendRejected, SendRetryable
from bot.model import LANGUAGES, Language, OutboundMessage
from tests.channels.test_rendering import WORDS, message
from tests.fakes.telegram import FakeTelegram
from tests.serving import free_port

ANA = 1001


def to_ana(text: str = "words", *titles: str) -> OutboundMessage:
    sent = message(text, *titles)
    buttons = tuple(replace(button, id=f"{sent.id.hex}.{place}") for place, button in enumerate(sent.buttons))
    return replace(sent, id=uuid4(), contact_ref=str(ANA), buttons=buttons)


async def test_a_message_arrives_word_for_word_with_its_buttons(fake: FakeTelegram, channel: TelegramChannel) -> None:
    fake.text(ANA, "hello")
    words = f"{WORDS['sentences']} <b>*_[x](y)_*</b> & `c`"

    sent_id = await channel.send(to_ana(words, "Yes", "No"))

    (seen,) = fake.shown(ANA)
    assert (seen["text"], str(seen["message_id"])) == (words, sent_id)
    (row,) = seen["reply_markup"]["inline_keyboard"]
    assert [button["text"] for button in row] == ["Yes", "No"]
    assert all(len(button["callback_data"].encode()) <= 64 for button in row)


async def test_wide_titles_stand_one_below_the_other(fake: FakeTelegram, channel: TelegramChannel) -> None:
    fake.text(ANA, "hello")

    await channel.send(to_ana("words", "I was not paid", "No"))

    assert [len(row) for row in fake.shown(ANA)[0]["reply_markup"]["inline_keyboard"]] == [1, 1]


async def test_a_long_text_comes_in_parts_with_typing_between_and_buttons_last(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    fake.text(ANA, "hello")

    await channel.send(to_ana(WORDS["sentences"] * 150, "Yes"))

    seen = fake.shown(ANA)
    assert len(seen) == 2
    assert all(utf16_length(part["text"]) <= 4096 for part in seen)
    assert ["reply_markup" in part for part in seen] == [False, True]
    assert [call["method"] for call in fake.record()] == ["sendmessage", "sendchataction", "sendmessage"]


async def test_a_later_try_goes_on_after_the_parts_that_went(fake: FakeTelegram, channel: TelegramChannel) -> None:
    fake.text(ANA, "hello")
    long = to_ana("\n".join(f"{number:05d}" for number in range(1200)))
    fake.do("limits", chat_per_s=1)
    with pytest.raises(SendRetryable) as caught:
        await channel.send(long)
    assert (caught.value.retry_after_s, caught.value.maybe_sent) == (1, False)
    fake.do("advance", seconds=2)

    await channel.send(long)

    lines = [line for part in fake.shown(ANA) for line in part["text"].split("\n")]
    assert lines == [f"{number:05d}" for number in range(1200)]


@pytest.mark.parametrize(
    ("failure", "reason", "maybe_sent", "retry_after_s"),
    [
        (
            {"code": 429, "description": "Too Many Requests: retry after 17", "parameters": {"retry_after": 17}},
            "telegram_429",
            False,
            17,
        ),
        ({"code": 500, "description": "Internal Server Error"}, "telegram_no_answer", True, None),
        ({"code": 502, "description": "Bad Gateway"}, "telegram_no_answer", True, None),
        ({"code": 401, "description": "Unauthorized"}, "telegram_token_refused", False, 60),
    ],
)
async def test_what_may_go_later_says_when_and_whether_it_may_have_gone(
    fake: FakeTelegram,
    channel: TelegramChannel,
    failure: dict[str, Any],
    reason: str,
    maybe_sent: bool,
    retry_after_s: float | None,
) -> None:
    fake.text(ANA, "hello")
    fake.do("fail", method="sendMessage", **failure)

    with pytest.raises(SendRetryable) as caught:
        await channel.send(to_ana())

    assert (caught.value.reason, caught.value.maybe_sent) == (reason, maybe_sent)
    assert caught.value.retry_after_s == retry_after_s


@pytest.mark.parametrize(
    ("code", "description", "reason"),
    [
        (403, "Forbidden: bot was blocked by the user", "telegram_blocked"),
        (403, "Forbidden: user is deactivated", "telegram_deactivated"),
        (403, "Forbidden: something new", "telegram_forbidden"),
        (400, "Bad Request: chat not found", "telegram_chat_not_found"),
        (400, "Bad Request: words of the message", "telegram_bad_request"),
    ],
)
async def test_what_will_never_go_is_rejected_with_a_code(
    fake: FakeTelegram, channel: TelegramChannel, code: int, description: str, reason: str
) -> None:
    fake.text(ANA, "hello")
    fake.do("fail", method="sendMessage", code=code, description=description)

    with pytest.raises(SendRejected) as caught:
        await channel.send(to_ana())

    assert caught.value.reason == reason


async def test_a_message_without_words_is_rejected(channel: TelegramChannel) -> None:
    with pytest.raises(SendRejected, match="telegram_empty"):
        await channel.send(to_ana(" \n"))


async def test_where_nobody_answers_nothing_was_sent(fake: FakeTelegram) -> None:
    lonely = open_channel(token=fake.token, api_url=f"http://127.0.0.1:{free_port()}", staff_group=None)

    with pytest.raises(SendRetryable) as caught:
        await lonely.send(to_ana())
    await lonely.close()

    assert (caught.value.reason, caught.value.maybe_sent) == ("telegram_unreachable", False)


def answering(reply: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(reply)
        writer.close()

    return answer


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"ok": tr',
        b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"ok": tr',
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 13\r\n\r\n<html></html>",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_a_reset_a_cut_answer_and_a_stranger_in_between_may_all_have_sent_it(
    reply: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = await asyncio.start_server(answering(reply), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    channel = open_channel(token="42:AASecretSecretSecretSecret", api_url=address, staff_group=None)

    with pytest.raises(SendRetryable) as caught:
        await channel.send(to_ana("private words"))
    await channel.close()
    server.close()
    await server.wait_closed()

    assert caught.value.maybe_sent
    assert not any(secret in caplog.text for secret in ("AASecret", "private", "html"))
    assert "AASecret" not in f"{caught.value!r} {caught.value.__cause__!r} {channel!r}"


async def test_a_group_that_moved_is_followed_and_the_operator_is_told(
    fake: FakeTelegram, channel: TelegramChannel, caplog: pytest.LogCaptureFixture
) -> None:
    fake.do("group", user=ANA, chat=-77)
    moved = fake.do("migrate", user=ANA, chat=-77)

    await channel.send(replace(to_ana(), contact_ref="-77"))

    assert [call["chat_id"] for call in fake.sent()] == [moved]
    assert channel.staff_groups == {-77, moved}
    assert f'"telegram_group_moved", "group": {moved}, "was": -77' in caplog.text


async def test_the_staff_group_is_found_after_a_restart_with_the_old_number(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    fake.do("group", user=ANA, chat=-77)
    moved = fake.do("migrate", user=ANA, chat=-77)

    await channel.find_staff_group()

    assert moved in channel.staff_groups


async def test_a_group_that_is_not_ours_is_named_so_that_the_operator_finds_its_number(
    fake: FakeTelegram, channel: TelegramChannel, caplog: pytest.LogCaptureFixture
) -> None:
    fake.do("group", user=ANA, chat=-88)
    (update,) = await channel.fetch(None, wait_s=0)

    assert channel.parse(json.dumps(update).encode()) == []
    assert '"telegram_group_ignored", "group": -88' in caplog.text


async def test_a_press_is_answered_once_it_is_handled(fake: FakeTelegram, channel: TelegramChannel) -> None:
    fake.text(ANA, "hello")
    await channel.send(to_ana("words", "Yes"))
    update = fake.press(ANA, fake.shown(ANA)[0]["message_id"], index=0)

    async with channel.attending(update):
        assert fake.do("state")["unanswered_presses"] == 1

    await asyncio.to_thread(fake.wait_for, lambda: fake.do("state")["unanswered_presses"] == 0)


async def test_a_press_that_could_not_be_kept_is_not_answered(fake: FakeTelegram, channel: TelegramChannel) -> None:
    fake.text(ANA, "hello")
    await channel.send(to_ana("words", "Yes"))
    update = fake.press(ANA, fake.shown(ANA)[0]["message_id"], index=0)

    with pytest.raises(ZeroDivisionError):
        async with channel.attending(update):
            raise ZeroDivisionError

    assert not channel._answering


async def test_typing_is_shown_only_where_an_answer_takes_long(
    fake: FakeTelegram, channel: TelegramChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = fake.text(ANA, "hello")
    async with channel.attending(update):
        pass
    assert fake.record() == []
    monkeypatch.setattr("bot.channels.telegram.TYPING_AFTER_S", 0.0)

    async with channel.attending(update):
        await asyncio.to_thread(fake.wait_for, fake.record)

    assert [call["method"] for call in fake.record()] == ["sendchataction"]


PROFILES: dict[Language, Profile] = {
    language: Profile(
        name=f"Name {language}",
        description=f"About {language}",
        short_description=f"Short {language}",
        commands=(("menu", f"Menu {language}"),),
    )
    for language in LANGUAGES
}


async def test_the_profile_is_shown_in_each_language_and_written_only_once(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    await introduce(channel.bot, PROFILES, default="km")
    settings, calls = fake.do("state")["settings"], len(fake.record())
    await introduce(channel.bot, PROFILES, default="km")

    assert settings["name"] == "Name km"
    assert settings["name:en"] == "Name en"
    assert settings["commands:en"] == [{"command": "menu", "description": "Menu en"}]
    assert [call["method"] for call in fake.record()[calls:] if call["method"].startswith("set")] == []


async def test_updates_are_posted_where_it_is_asked(fake: FakeTelegram, channel: TelegramChannel) -> None:
    await take_by_webhook(channel.bot, url="http://127.0.0.1:9/x", secret="a" * 20)

    assert fake.do("state")["webhook"]["url"] == "http://127.0.0.1:9/x"
