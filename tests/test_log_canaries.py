"""Words, names, numbers and secrets on every way into the served bot: none of them is in what it writes."""

import json
import secrets
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from bot.settings import REPOSITORY
from tests.failing_bot import POISON
from tests.fakes.telegram import FakeTelegram, fake_telegram
from tests.serving import Served, free_port, serving

KHMER: Final = 0x1780
HOOK: Final = "/webhooks/telegram"
LAST: Final = "menu"
FORMAT: Final = {"polling": "json", "webhook": "text"}
TELEGRAM_SAYS: Final = [
    ("sendMessage", 400, "Bad Request: can't parse “{}”"),
    ("sendMessage", 403, "Forbidden: {} blocked the bot"),
    ("sendMessage", 500, "Internal Server Error: {}"),
    ("sendMessage", 429, "Too Many Requests: {}"),
    ("answerCallbackQuery", 400, "Bad Request: query of {}"),
    ("sendChatAction", 400, "Bad Request: {}"),
    ("getUpdates", 502, "Bad Gateway: {}"),
    ("getUpdates", 409, "Conflict: terminated by {}"),
]


@dataclass(kw_only=True)
class Canaries:
    """Everything that was sent and may be in no log."""

    sent: list[str] = field(default_factory=list)

    def word(self) -> str:
        """A new word."""
        return self._keep(f"cnr{secrets.token_hex(8)}")

    def khmer(self) -> str:
        """A new word in Khmer letters."""
        return self._keep("".join(chr(KHMER + secrets.randbelow(33)) for _ in range(16)))

    def number(self, digits: int) -> str:
        """A new number."""
        return self._keep(str(10 ** (digits - 1) + secrets.randbelow(9 * 10 ** (digits - 1))))

    def _keep(self, canary: str) -> str:
        self.sent.append(canary)
        return canary

    def found_in(self, log: str) -> list[str]:
        """Those that stand there, in any usual way of writing."""
        return [canary for canary in self.sent if any(form in log for form in _forms(canary))]


def _forms(canary: str) -> set[str]:
    return {canary, json.dumps(canary)[1:-1], quote(canary), repr(canary.encode())[2:-1]}


@contextmanager
def refusing(folder: Path, table: str, words: str) -> Iterator[None]:
    """The database refuses new rows of a table, with these words."""
    with closing(sqlite3.connect(folder / "returnee-bot.db", timeout=10)) as database:
        database.execute(f"CREATE TRIGGER no BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, '{words}'); END")
        database.commit()
        yield
        database.execute("DROP TRIGGER no")
        database.commit()


def write_on_the_web(served: Served, canaries: Canaries, folder: Path) -> None:
    """As a contact, as a broken page and as a stranger."""
    api, word = "/chat/api/messages", canaries.word
    alone = httpx.Limits(max_keepalive_connections=0)  # the server ends a connection after an error
    with httpx.Client(base_url=served.address, timeout=20, limits=alone) as client:
        client.get(f"/chat?from={word()}", headers={"User-Agent": word(), "Referer": f"https://{word()}.example/"})
        canaries.sent.append(client.cookies["contact"])

        def post(**message: Any) -> None:
            client.post(api, json={"id": str(uuid4()), **message})

        post(text=f"boss {word()} took {canaries.number(9)}")
        post(text=canaries.khmer())
        post(text=f"{POISON}{word()}")
        post(button=word())
        post(text="x", extra=word())
        post(text={"of": word()})
        post(text=word() * 1_100)
        client.post(api, content=f'{{"id": "{word()}", "text": '.encode(), headers={"content-type": "application/json"})
        with suppress(httpx.TransportError):  # it is refused before it is read
            client.post(api, content=word().encode() * 20_000, headers={"content-type": "application/json"})
        client.post(api, content=word().encode(), headers={"content-type": word()})
        client.get(api, params={"after": word()})
        client.get(f"/{word()}")
        client.get(api, headers={"cookie": f"contact={word()}"})
        client.request(word().upper(), "/chat")
        client.post(HOOK, json={"update_id": word()}, headers={"X-Telegram-Bot-Api-Secret-Token": word()})
        with suppress(httpx.ReadTimeout), client.stream("GET", "/chat/api/events", timeout=0.5) as events:
            for _ in events.iter_lines():
                pass
        with refusing(folder, "messages", word()):
            post(text=word())
    _break_http(served, f"GET /{word()} HTTP/9.9 {word()}\r\n\r\n", f"POST {api} HTTP/1.1\r\nHost: {word()}\r\n"
                f"Content-Type: application/json\r\nContent-Length: 999\r\n\r\n{word()}")  # fmt: skip


def _break_http(served: Served, *requests: str) -> None:
    port = int(served.address.rpartition(":")[2])
    for request in requests:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(request.encode())


def write_on_telegram(fake: FakeTelegram, canaries: Canaries) -> None:
    """As several people, and as a Telegram that quotes what it was sent."""
    user, word = int(canaries.number(10)), canaries.word
    text = fake.text(user, f"/start {word()}")["message"]
    fake.do("edit", user=user, message_id=text["message_id"], text=word())
    fake.text(user, f"{canaries.khmer()} {canaries.number(9)}", reply_to=text["message_id"])
    fake.do("document", user=user, name=f"{word()}.pdf", caption=word())
    fake.do("voice", user=user, caption=word())
    fake.do("album", user=user, caption=word())
    fake.do("contact", user=user, phone=f"+855{canaries.number(9)}")
    fake.do(
        "location", user=user, latitude=float(f"13.{canaries.number(6)}"), longitude=float(f"102.{canaries.number(6)}")
    )
    fake.wait_for(lambda: fake.shown(user))
    fake.press(user, fake.shown(user)[0]["message_id"], data=word(), stale=True)
    group = fake.do("group", user=user, title=word())
    fake.text(user, word(), chat=group)
    fake.text(user, f"{POISON}{word()}")
    person = {"id": user, "is_bot": False, "first_name": word(), "last_name": canaries.khmer(), "username": word()}
    whole = {"message_id": 900_001, "date": 1_795_000_000, "chat": {"id": user, "type": "private"}, "from": person}
    fake.do("raw", update=whole | {"text": word()}, chat=user)
    fake.do("raw", update=whole | {"text": [word()], "date": word(), "message_id": word()}, chat=user)
    fake.do("raw", update={"chat": {"id": word()}, "from": word(), "text": word()}, chat=user)
    for method, code, description in TELEGRAM_SAYS:
        fake.do("fail", method=method, code=code, description=description.format(word()))
        fake.text(int(canaries.number(10)), word())
        fake.press(user, fake.shown(user)[0]["message_id"], index=0)
    failing = [method for method, *_ in TELEGRAM_SAYS].count("sendMessage")
    fake.wait_for(lambda: sum(call["method"] == "sendmessage" for call in fake.do("refused")) >= failing)
    _say_last(fake, int(canaries.number(10)))


def _say_last(fake: FakeTelegram, user: int) -> None:
    fake.text(user, LAST)
    fake.wait_for(lambda: fake.shown(user) and not fake.do("state")["pending"], timeout_s=40)


def post_as_telegram(served: Served, canaries: Canaries, secret: str) -> None:
    """Posts that know the secret and are no updates."""
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret, "content-type": "application/json"}
    word = canaries.word
    bodies = [f'{{"update_id": {word()}', json.dumps({"update_id": word()}), json.dumps([word()]), word() * 60_000]
    for body in [*bodies, json.dumps({"update_id": 7, word(): word()})]:
        with suppress(httpx.TransportError):
            httpx.post(f"{served.address}{HOOK}?{word()}", content=body, headers=headers)


@pytest.mark.parametrize("mode", FORMAT)
def test_nothing_that_is_sent_on_any_way_is_written_at_the_level_debug(mode: str, models: Path, tmp_path: Path) -> None:
    canaries, secret, port = Canaries(), secrets.token_urlsafe(24), free_port()
    token = f"42:{secrets.token_urlsafe(27)}"
    more = {
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": FORMAT[mode],
        "TELEGRAM_TOKEN": token,
        "TELEGRAM_MODE": mode,
        "TELEGRAM_WEBHOOK_SECRET": secret,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    program = (str(REPOSITORY / "tests" / "failing_bot.py"),)
    with fake_telegram(token=token) as fake:
        fake.do("limits", overall_per_s=0, chat_per_s=0, group_per_min=0)
        more["TELEGRAM_API_URL"] = fake.address
        with serving(tmp_path, models=models, port=port, more=more, program=program) as served:
            write_on_telegram(fake, canaries)
            write_on_the_web(served, canaries, tmp_path)
            if mode == "webhook":
                post_as_telegram(served, canaries, secret)
            with refusing(tmp_path, "messages", canaries.word()):
                fake.text(int(canaries.number(10)), canaries.word())
                fake.wait_for(lambda: not fake.do("state")["pending"], timeout_s=40)
            _say_last(fake, int(canaries.number(10)))
    canaries.sent += [token, token[3:], secret, (tmp_path / "master.keys").read_text(encoding="utf-8").split()[1]]
    log = (tmp_path / "log").read_text(encoding="utf-8")

    assert len(set(canaries.sent)) >= 80
    passed = (
        "update_quarantined",
        "foreign",
        "httpx",
        "uvicorn.error",
        "asyncio",
        "sqlalchemy",
        "ValueError",
        "KeyError",
    )
    assert [word for word in (*passed, "IntegrityError") if word not in log] == []
    assert canaries.found_in(log) == []


def test_the_child_that_reads_messages_dies_without_their_words(models: Path) -> None:

    canaries = Canaries()
    folder = next(path for path in models.iterdir() if path.is_dir())
    question = json.dumps({"text": canaries.word(), "today": canaries.word(), "slot": None})

    done = subprocess.run(
        [sys.executable, "-m", "bot.nlu.beside", str(folder)], input=f"{question}\n", capture_output=True, text=True
    )

    assert "ValueError" in done.stderr
    assert canaries.found_in(done.stderr + done.stdout) == []
