"""A returnee's talk over Telegram with the bot as it is served, by polling and by webhook."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from bot.content.loader import load_content
from bot.content.model import Content
from bot.content.render import RenderedAnswer, render_answer, text
from bot.settings import REPOSITORY, Paths
from bot.topics import load_topics
from tests.fakes.telegram import FakeTelegram, fake_telegram
from tests.serving import Served, free_port, serving

ANA = 5012345678
TODAY = date(2026, 11, 25)
WORDS = yaml.safe_load((REPOSITORY / "tests" / "data" / "telegram" / "talk.yml").read_text(encoding="utf-8"))
SECRET = "a-secret-for-tests-0123456789"


@dataclass(frozen=True, kw_only=True)
class Talk:
    """A person's side."""

    fake: FakeTelegram
    content: Content
    served: Served
    folder: Path

    def words(self, key: str, **args: str) -> str:
        """What the bot says in Khmer."""
        return text(self.content, "km", key, **args)

    def answer(self, answer: str) -> RenderedAnswer:
        """An answer in Khmer."""
        return render_answer(self.content, answer, "km", now=TODAY, withhold_unreviewed=False)

    def after(self, action: str, count: int = 1, **args: Any) -> list[dict[str, Any]]:
        """Does something, and gives the messages that the bot sends then."""
        before = len(self.fake.shown(ANA))
        self.fake.do(action, user=ANA, **args)
        self.fake.wait_for(lambda: len(self.fake.shown(ANA)) >= before + count)
        return self.fake.shown(ANA)[before:]

    def log(self) -> str:
        """What the server wrote."""
        return (self.folder / "log").read_text(encoding="utf-8")


@contextmanager
def talking(fake: FakeTelegram, folder: Path, models: Path, **more: str) -> Iterator[Talk]:
    """A served bot that speaks with this Telegram."""
    port = free_port()
    settings = {
        "TELEGRAM_TOKEN": fake.token,
        "TELEGRAM_API_URL": fake.address,
        "TELEGRAM_WEBHOOK_SECRET": SECRET,
        "TELEGRAM_STAFF_GROUP": "-77",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        **more,
    }
    paths = Paths(root=REPOSITORY)
    content = load_content(paths.content, topics=load_topics(paths.topics), today=TODAY)
    with serving(folder, models=models, port=port, more=settings) as served:
        yield Talk(fake=fake, content=content, served=served, folder=folder)


@pytest.fixture(scope="module", params=["polling", "webhook"])
def talk(request: pytest.FixtureRequest, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """The bot, by one way and by the other."""
    with ExitStack() as stack:
        fake = stack.enter_context(fake_telegram())
        fake.do("limits", overall_per_s=0, chat_per_s=0, group_per_min=0)
        folder = tmp_path_factory.mktemp("telegram")
        yield stack.enter_context(talking(fake, folder, models, TELEGRAM_MODE=request.param))


def titles(message: dict[str, Any]) -> list[str]:
    """The words on the buttons under a message."""
    return [button["text"] for row in message["reply_markup"]["inline_keyboard"] for button in row]


def test_a_whole_talk_in_khmer_with_buttons_voice_and_pictures(talk: Talk) -> None:
    (greeting,) = talk.after("text", text="/start poipet_2026-11")
    assert greeting["text"] == talk.words("greeting")
    assert titles(greeting)[0] == talk.words("language_km")

    (chosen,) = talk.after("press", message_id=greeting["message_id"], title=talk.words("language_km"))
    assert chosen["text"] == talk.words("language_changed")

    (answer,) = talk.after("text", text=WORDS["wages"])
    rendered = talk.answer("unpaid_wages")
    assert answer["text"] == f"{rendered.first}\n\n{rendered.note}"
    (more,) = talk.after("press", message_id=answer["message_id"], title=talk.words("more_button"))
    assert more["text"] == rendered.more
    (by_number,) = talk.after("text", text="1")
    assert by_number["text"] != more["text"]

    (voice,) = talk.after("voice")
    assert voice["text"] == talk.words("attachment_voice")
    (photo,) = talk.after("photo")
    assert photo["text"] == talk.words("attachment_photo")
    talk.fake.wait_for(lambda: len(list(talk.folder.glob("media/*.sealed"))) == 2)
    caption, note = talk.after("photo", caption=WORDS["jobs"], count=2)
    assert caption["text"].startswith(talk.answer("find_job").first)
    assert note["text"] == talk.words("caption_only")

    for action, key in (
        ("location", "attachment_location"),
        ("document", "attachment_other"),
        ("video", "attachment_other"),
        ("video_note", "attachment_other"),
        ("sticker", "sticker_reply"),
    ):
        (reply,) = talk.after(action)
        assert reply["text"] == talk.words(key)
    (own,) = talk.after("contact", phone="+85512345678")
    assert own["text"] == talk.words("contact_own")

    (person,) = talk.after("text", text="/person")
    number = person["text"].partition(talk.words("handoff_demo", number="|").partition("|")[0])[2].partition("\n")[0]
    assert number
    talk.fake.wait_for(lambda: talk.fake.do("state")["unanswered_presses"] == 0)


def test_an_edited_text_is_a_message_of_its_own(talk: Talk) -> None:
    before = len(talk.fake.shown(ANA))
    message_id = talk.fake.text(ANA, "/menu")["message"]["message_id"]
    talk.fake.wait_for(lambda: len(talk.fake.shown(ANA)) == before + 1)

    (answer,) = talk.after("edit", message_id=message_id, text=WORDS["jobs"])

    assert answer["text"].startswith(talk.answer("find_job").first)


def test_pictures_that_came_at_once_get_one_reply_and_danger_in_words_gets_help(talk: Talk) -> None:
    (photo,) = talk.after("album", count=1)
    crisis = talk.after("text", text=WORDS["crisis"])[-1]

    assert photo["text"] == talk.words("attachment_photo")
    assert crisis["text"] == talk.words("crisis_self_harm_demo")


def test_an_old_button_explains_itself(talk: Talk) -> None:
    (menu,) = talk.after("text", text="/menu")

    (reply,) = talk.after("press", message_id=menu["message_id"], data="00ff.0", stale=True)

    assert reply["text"] == talk.words("stale_button")


def test_whoever_blocked_the_bot_and_came_back_is_answered(talk: Talk) -> None:
    talk.fake.do("block", user=ANA)
    talk.fake.do("unblock", user=ANA)

    (menu,) = talk.after("text", text="/menu")

    assert menu["text"] == talk.words("menu_title")


def test_groups_are_left_alone_but_for_the_staff_group(talk: Talk) -> None:
    talk.fake.do("group", user=ANA, chat=-77)
    talk.fake.do("group", user=ANA, chat=-88)
    for chat in (-88, -77):
        talk.fake.text(ANA, WORDS["wages"], chat=chat)
        talk.fake.text(ANA, "/help", chat=chat)

    (note,) = talk.fake.wait_for_sent(-77, 1)

    assert note["params"]["text"] == talk.words("staff_group")
    assert talk.fake.sent(-88) == []
    assert "-88" in talk.log()


def test_telegram_shows_who_we_are_in_both_languages(talk: Talk) -> None:
    settings = talk.fake.wait_for(lambda: s if "commands:en" in (s := talk.fake.do("state")["settings"]) else None)

    assert settings["name"] == talk.words("profile_name")
    assert settings["name:en"] == text(talk.content, "en", "profile_name")
    assert talk.words("profile_demo") in settings["description"]
    assert [command["command"] for command in settings["commands"]] == ["menu", "person", "language", "help", "stop"]


def test_the_log_holds_no_token_no_secret_and_no_words(talk: Talk) -> None:
    talk.after("text", text=WORDS["wages"])

    log = talk.log()

    assert not any(secret in log for secret in (talk.fake.token.partition(":")[2], SECRET, WORDS["wages"]))


def test_a_bot_that_starts_without_telegram_serves_the_web_and_finds_telegram_later(
    models: Path, tmp_path: Path
) -> None:
    port = free_port()
    unreachable = FakeTelegram(address=f"http://127.0.0.1:{port}")
    with talking(unreachable, tmp_path, models) as talk:
        assert httpx.get(f"{talk.served.address}/chat").status_code == 200
        with fake_telegram(port=port) as fake:
            fake.text(ANA, "/menu")
            assert fake.wait_for_sent(ANA, 1, timeout_s=30)
    unreachable.client.close()
