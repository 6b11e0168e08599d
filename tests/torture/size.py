"""A database of millions of messages: does it take longer to handle one?"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa

from bot.channels.webchat import BOT
from bot.model import Inbound, Text
from bot.settings import Settings
from bot.storage import backups, dialects
from bot.storage import outbound as outbound_rows
from bot.storage.restoring import make_safe
from bot.storage.tables import contacts, conversations, messages, outbound
from bot.storage.vault import carry, open_vault
from tests.torture.application import Inbox, inbox
from tests.torture.words import ANSWERED

A_CONVERSATION: Final = 200
"""Messages in each conversation of the filling."""
ROUNDS: Final = 300
AT_ONCE: Final = 50
TALKING: Final = 50


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The median time of handling one message beside few messages and beside many, in ms; taken in turn."""

    few: int
    many: int
    few_ms: float
    many_ms: float

    def __str__(self) -> str:
        many = f"{self.many_ms:.2f} ms beside {self.many:,} messages"
        return f"{self.many_ms / self.few_ms:.2f} × ({many} ÷ {self.few_ms:.2f} ms beside {self.few:,})"


def compare_sizes(folder: Path, *, few: int, many: int) -> Compared:
    """Fills two databases, and handles messages in both in turn."""
    return asyncio.run(_compare(folder, few, many))


@dataclass(frozen=True, kw_only=True)
class Restored:
    """How long it took to copy the data, and to bring them back safe to serve; what would be sent again."""

    messages: int
    size_mb: float
    backup_s: float
    restore_s: float
    to_send: int

    def __str__(self) -> str:
        return (
            f"{self.messages:,} messages, {self.size_mb:.0f} MB: backup {self.backup_s:.0f} s, restore"
            f" {self.restore_s:.0f} s, {self.to_send} messages to send again"
        )


def back_up_and_restore(folder: Path, *, size: int) -> Restored:
    """Copies the database that compare_sizes filled with so many messages, and brings it back into another folder."""
    data_dir, now = folder / str(size), datetime.now(UTC)
    began = time.perf_counter()
    source = f"sqlite:///{data_dir / 'returnee-bot.db'}"
    backup = backups.make(folder / "copies", what="data", database_url=source, now=now)
    copied = time.perf_counter()
    target = f"sqlite:///{folder / 'restored.db'}"
    with closing(open_vault(Settings(data_dir=data_dir))) as vault:
        backups.bring_back(backups.load(backup.folder, what="data"), target)
        engine = carry(dialects.create_engine(dialects.parse_database_url(target), connections=1), vault)
        with engine.begin() as tx:
            made = make_safe(tx, vault.keys, [], now)
            to_send = outbound_rows.queue_state(tx, now).length
        engine.dispose()
    if made.unreadable:
        raise AssertionError(f"{made.unreadable} conversations had no key")
    return Restored(
        messages=size,
        size_mb=backup.database.stat().st_size / 2**20,
        backup_s=copied - began,
        restore_s=time.perf_counter() - copied,
        to_send=to_send,
    )


async def _compare(folder: Path, few: int, many: int) -> Compared:
    async with AsyncExitStack() as stack:
        boxes = []
        for size in (few, many):
            data_dir = folder / str(size)
            data_dir.mkdir(parents=True)
            box = await stack.enter_async_context(inbox(f"sqlite:///{data_dir / 'returnee-bot.db'}", data_dir))
            for number in range(TALKING):
                await _handle(box, f"begin-{number}", number)
            await _fill(box, size)
            boxes.append(box)
        times: tuple[list[float], list[float]] = ([], [])
        for number in range(ROUNDS):
            for box, kept in zip(boxes, times, strict=True):
                kept.append(await _handle(box, f"timed-{number}", number))
    return Compared(few=few, many=many, few_ms=median(times[0]) * 1000, many_ms=median(times[1]) * 1000)


async def _handle(box: Inbox, name: str, number: int) -> float:
    text = ANSWERED[number % len(ANSWERED)]
    message = Inbound(
        channel="web", bot=BOT, external_id=name, contact_ref=f"c{number % TALKING}", payload=Text(text=text)
    )
    began = time.perf_counter()
    await box.application.conversations.handle(message)
    return time.perf_counter() - began


async def _fill(box: Inbox, size: int) -> None:
    """Copies the first conversation's rows as they are: they are never opened, only passed by."""
    storage = box.application.storage
    pattern = await storage.read(_pattern)
    for first in range(0, size // A_CONVERSATION, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, size // A_CONVERSATION))
        ids = await storage.run(partial(_write, pattern=pattern, numbers=numbers))
        for one in ids:
            await asyncio.to_thread(box.application.vault.keys.key_or_new, str(one))


Pattern = tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]], dict[str, Any]]


def _pattern(tx: sa.Connection) -> Pattern:
    def rows(table: sa.Table) -> list[dict[str, Any]]:
        return [dict(row._mapping) for row in tx.execute(sa.select(table).limit(2))]

    sent = {
        column.key: value
        for column, value in zip(outbound.c, tx.execute(sa.select(outbound)).first() or (), strict=True)
    }
    return rows(contacts)[0], rows(conversations)[0], rows(messages), {**sent, "status": "sent"}


def _write(tx: sa.Connection, *, pattern: Pattern, numbers: range) -> list[UUID]:
    contact, conversation, said, sent = pattern
    ids = [uuid4() for _ in numbers]
    tx.execute(sa.insert(contacts), [contact | {"id": one, "ref_mark": one.bytes} for one in ids])
    tx.execute(sa.insert(conversations), [conversation | {"id": one, "contact_id": one} for one in ids])
    for one in ids:
        copies = list(_copies(said, one))
        tx.execute(sa.insert(messages), copies)
        replies = (copy for copy in copies if copy["author"] == "bot")
        named = [{"message_id": copy["id"], "conversation_id": one, "seq": copy["seq"]} for copy in replies]
        tx.execute(sa.insert(outbound), [sent | name for name in named])
    return ids


def _copies(said: list[dict[str, Any]], conversation_id: Any) -> Iterator[dict[str, Any]]:
    for seq in range(1, A_CONVERSATION + 1):
        row = said[seq % len(said)]
        new = uuid4()
        name = new.hex if row["external_id"] else None
        yield row | {"id": new, "conversation_id": conversation_id, "seq": seq, "external_id": name}
