"""Message bombs and hostile updates, through the real parser and the real understanding: none may crash or take long.

Times are those of the processor, so that neighbours on the machine do not count.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from tests.torture.application import fresh, inbox, text_update
from tests.torture.words import ANSWERED

TEXT_MAX: Final = 4096
WEB_TEXT_MAX: Final = 20_000
ENTITIES_MAX: Final = 100
SIGNS: Final = {
    "zero width": "\u200b\u200c\u200d\ufeff",
    "combining": "e\u0301\u0302\u0303\u0304\u0305",
    "coeng": "\u1780\u17d2\u1780\u17d2\u1780\u17d2",
    "vowels": "\u17b6\u17b7\u17b8\u17c6\u17c8",
    "turned": "\u202e\u202d\u2066\u2069",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "null": "\x00\x01\x02",
    "digits": "9\u17e9\u0e59",
    "latin": "thaoke min berk luy ",
    "one letter": "\u1780",
    "lines": "\n",
    "slashes": "/start ",
    "markup": "<script>alert(1)</script>",
    "sql": "'; DROP TABLE messages; -- ",
    "template": "{{7*7}}{%x%}${x}",
    "formula": "=cmd|' /C calc'!A0\t",
}


@dataclass(kw_only=True)
class Bombed:
    """How it went."""

    count: int = 0
    slowest_ms: float = 0.0
    slowest: str = ""
    rss_more_mb: float = 0.0
    answered_after: bool = False
    quarantined: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        slow = f"slowest {self.slowest_ms:.0f} ms ({self.slowest})"
        after = "answers after it" if self.answered_after else "SILENT after it"
        return f"{self.count} bombs, {slow}, RSS +{self.rss_more_mb:.0f} MB, {len(self.quarantined)} set aside, {after}"


def bombs() -> dict[str, bytes]:
    """Updates by name, each with update_id = its place."""
    found: dict[str, bytes] = {}

    def add(name: str, update: Any) -> None:
        number = len(found) + 1
        if isinstance(update, dict):
            update = json.dumps(update | {"update_id": number}).encode()
        found[name] = update

    for name, sign in SIGNS.items():
        add(f"text {name}", text_update(1000 + len(found), 7, (sign * TEXT_MAX)[:TEXT_MAX]))
        add(f"long {name}", text_update(1000 + len(found), 7, (sign * WEB_TEXT_MAX)[:WEB_TEXT_MAX]))
    add("surrogate", json.dumps(text_update(2000, 7, "x")).replace('"x"', '"\\ud83d\\ud83d"').encode())
    whole = text_update(2001, 7, "x")
    for name, value in _WRONG.items():
        add(f"message is {name}", {"message": value})
        for key in whole["message"]:
            add(f"{key} is {name}", {"message": whole["message"] | {key: value, "message_id": 3000 + len(found)}})
        add(f"press is {name}", {"callback_query": value})
        add(f"press data is {name}", {"callback_query": _press(value)})
    add("deep", b'{"update_id": 1, "message": ' + b"[" * 200_000 + b"]" * 200_000 + b"}")
    add("deep objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
    add("not json", b"\xff\xfe\x00")
    add("empty", b"")
    add("many keys", {"message": {f"k{n}": n for n in range(20_000)}})
    entities = [{"type": "bold", "offset": n, "length": 1} for n in range(ENTITIES_MAX)]
    add("entities", {"message": whole["message"] | {"entities": entities}})
    for kind in ("photo", "document", "voice", "location", "contact", "sticker"):
        for name, value in _WRONG.items():
            add(f"{kind} is {name}", {"message": _without_text(whole["message"], 5000 + len(found)) | {kind: value}})
    return found


_WRONG: Final[dict[str, Any]] = {
    "null": None,
    "a number": 10**30,
    "a text": "x" * 10_000,
    "a list": [[[]]] * 100,
    "an object": {"a": {"b": {}}},
    "true": True,
    "negative": -1,
}


def _press(data: Any) -> dict[str, Any]:
    person = {"id": 7, "is_bot": False, "first_name": "P"}
    message = {"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}}
    return {"id": "1", "from": person, "chat_instance": "1", "message": message, "data": data}


def _without_text(message: dict[str, Any], number: int) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key != "text"} | {"message_id": number}


def bomb(folder: Path) -> Bombed:
    """Delivers every bomb, then an ordinary question."""
    return asyncio.run(_bomb(fresh(folder, "bombs"), folder))


async def _bomb(database_url: str, keys: Path) -> Bombed:
    outcome = Bombed()
    async with inbox(database_url, keys) as box:
        await box.deliver(1, json.dumps(text_update(1, 6, ANSWERED[0])).encode())  # everything is loaded by now
        process = psutil.Process()
        before = process.memory_info().rss
        for number, (name, raw) in enumerate(bombs().items(), start=10):
            began = time.process_time()
            await box.deliver(number, raw)
            took_ms = (time.process_time() - began) * 1000
            if took_ms > outcome.slowest_ms:
                outcome.slowest_ms, outcome.slowest = took_ms, name
            outcome.count += 1
        outcome.rss_more_mb = (process.memory_info().rss - before) / 2**20
        handled = await box.application.conversations.storage.read(_count)
        await box.deliver(9_999, json.dumps(text_update(9_999, 8, ANSWERED[0])).encode())
        outcome.answered_after = await box.application.conversations.storage.read(_count) > handled
        outcome.quarantined = await box.application.storage.read(_quarantined)
    return outcome


def _count(tx: Any) -> int:
    return int(tx.exec_driver_sql("SELECT count(*) FROM outbound").scalar_one())


def _quarantined(tx: Any) -> list[str]:
    return [row[0] for row in tx.exec_driver_sql("SELECT error FROM raw_updates WHERE status = 'quarantined'")]
