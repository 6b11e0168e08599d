"""`conversation.handle` with understanding, against the same rows written through the same `storage.run`."""

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.app import Application, open_application, utc_now
from bot.channels.webchat import BOT, WebChannel
from bot.model import Inbound, SendClass, Text
from bot.settings import REPOSITORY, Paths, Settings
from bot.storage import conversations, messages, outbound, tables
from bot.storage.messages import MessageRow
from bot.storage.vault import Vault, open_vault, vault_of
from tests.bench.row import Row, percentile
from tests.torture.application import link_models

TASKS = 8
MESSAGES = 3000
CONVERSATIONS = 200
ROUNDS = 3


async def measure_handle() -> list[Row]:
    """Throughput and latency of both, in turn, over several rounds; the median round counts."""
    rounds = [await _round() for _ in range(ROUNDS)]
    ratio, handled, floor, p50, p99 = sorted(rounds)[len(rounds) // 2]
    return [
        Row(
            figure=f"handle with understanding ÷ the same rows through storage.run, {TASKS} tasks",
            measured=f"{ratio:.0%} ({handled:.0f}/s ÷ {floor:.0f}/s)",
            goal="≥ 50 %",
        ),
        Row(
            figure="handle: p99 ÷ its own p50",
            measured=f"{p99 / p50:.1f} ({p99 * 1000:.1f} ms ÷ {p50 * 1000:.1f} ms)",
            goal="≤ 5",
        ),
    ]


async def _round() -> tuple[float, float, float, float, float]:
    texts = _texts()
    with tempfile.TemporaryDirectory() as folder:
        application = _open(Path(folder))
        try:
            await application.conversations.handle(_inbound(-1, texts))  # the model is loaded from here on
            handled, times = await _drive(lambda i: application.conversations.handle(_inbound(i, texts)))
            turns = await application.storage.read(turns_of)
            floor, _ = await _drive(lambda i: application.storage.run(partial(write_turn, i=i, turn=turns[i])))
        finally:
            await application.aclose()
    return handled / floor, handled, floor, percentile(times, 0.5), percentile(times, 0.99)


class PlainVault(Vault):
    """Seals nothing: what sealing costs is the difference."""

    def seal_bytes(self, owner: UUID | str, table: str, column: str, row: UUID, plain: bytes) -> bytes:
        """The bytes as they are."""
        return plain

    def open_bytes(self, owner: UUID | str, table: str, column: str, row: UUID, sealed: bytes) -> bytes:
        """The bytes as they are."""
        return sealed


async def measure_sealing() -> Row:
    """Messages a second with sealing and without, in turn; the median round counts."""

    def plain(settings: Settings) -> Vault:
        with closing(open_vault(settings)) as real:
            return PlainVault(keys=real.keys, look_up=real.look_up)

    ratios = []
    for _ in range(ROUNDS):
        with patch("bot.app.open_vault", plain):
            without = await _handled_per_s()
        ratios.append(await _handled_per_s() / without)
    cost = 1 - sorted(ratios)[ROUNDS // 2]
    return Row(figure="handle: what sealing costs of its throughput", measured=f"{cost:.0%}", goal="≤ 15 %")


async def _handled_per_s() -> float:
    texts = _texts()
    with tempfile.TemporaryDirectory() as folder:
        application = _open(Path(folder))
        try:
            await application.conversations.handle(_inbound(-1, texts))
            rate, _ = await _drive(lambda i: application.conversations.handle(_inbound(i, texts)))
        finally:
            await application.aclose()
    return rate


def _open(folder: Path) -> Application:
    link_models(folder)
    return open_application(Settings(data_dir=folder), WebChannel())


def _texts() -> list[str]:
    lines = (Paths(root=REPOSITORY).nlu / "evaluation" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    return [text for text in texts if text.strip()]


def _inbound(i: int, texts: list[str]) -> Inbound:
    return Inbound(
        channel="web",
        bot=BOT,
        external_id=f"handle-{i}",
        contact_ref=f"contact-{i % CONVERSATIONS}",
        payload=Text(text=texts[i % len(texts)]),
    )


@dataclass(frozen=True, kw_only=True)
class TurnRows:
    """All that one message led to in the database: itself, the bot's messages, and what else was noted."""

    state: str
    messages: list[MessageRow]
    unanswered: list[dict[str, Any]]
    cases: list[dict[str, Any]]
    events: list[dict[str, Any]]


def turns_of(conn: Connection) -> list[TurnRows]:
    """What every message of a contact led to, in the order in which they came."""
    parts: dict[tuple[UUID, datetime], TurnRows] = {}
    unseal = vault_of(conn).open
    states = {
        row.id: unseal(row.id, "conversations", "state", row.id, row.state)
        for row in conn.execute(sa.select(tables.conversations))
    }
    for row in conn.execute(sa.select(tables.messages).order_by(tables.messages.c.created_at, tables.messages.c.seq)):
        empty = TurnRows(state=states[row.conversation_id], messages=[], unanswered=[], cases=[], events=[])
        parts.setdefault((row.conversation_id, row.created_at), empty).messages.append(messages.read(conn, row))
    for row in conn.execute(sa.select(tables.unanswered)):
        parts[row.conversation_id, row.at].unanswered.append(dict(row._mapping))
    of_case = {}
    for row in conn.execute(sa.select(tables.cases)):
        of_case[row.id] = row.conversation_id
        parts[row.conversation_id, row.created_at].cases.append(dict(row._mapping))
    for row in conn.execute(sa.select(tables.case_events)):
        parts[of_case[row.case_id], row.at].events.append(dict(row._mapping))
    return list(parts.values())


def write_turn(tx: Connection, *, i: int, turn: TurnRows) -> None:
    """Writes the same rows once more, as those of another contact."""
    now = utc_now()
    conversation = conversations.lock_or_create(
        tx, channel="web", bot=BOT, contact_ref=f"floor-{i % CONVERSATIONS}", now=now
    )
    ids = {row.id: uuid4() for row in turn.messages} | {case["id"]: uuid4() for case in turn.cases}
    for seq, row in enumerate(turn.messages, start=conversation.last_seq + 1):
        name = f"floor-{i}" if row.external_id else None
        message = replace(row, id=ids[row.id], conversation_id=conversation.id, seq=seq, external_id=name)
        messages.insert(tx, message)
        if row.author == "bot":
            outbound.enqueue(tx, message, send_class=SendClass.A, now=now)
    for noted in turn.unanswered:
        again = {"id": uuid4(), "message_id": ids[noted["message_id"]], "conversation_id": conversation.id}
        tx.execute(_INSERT_UNANSWERED, noted | again)
    for case in turn.cases:
        again = {"id": ids[case["id"]], "conversation_id": conversation.id, "number": -case["number"]}
        tx.execute(_INSERT_CASE, case | again)
    for event in turn.events:
        tx.execute(_INSERT_EVENT, event | {"id": uuid4(), "case_id": ids.get(event["case_id"], event["case_id"])})
    last_seq = conversation.last_seq + len(turn.messages)
    conversations.save(tx, replace(conversation, state=turn.state, last_seq=last_seq, updated_at=now))


_INSERT_UNANSWERED = sa.insert(tables.unanswered)
_INSERT_CASE = sa.insert(tables.cases)
_INSERT_EVENT = sa.insert(tables.case_events)


async def _drive(one: Callable[[int], Awaitable[object]]) -> tuple[float, list[float]]:
    """How many a second TASKS tasks manage, and how long each took."""
    numbers, times = iter(range(MESSAGES)), []

    async def work() -> None:
        for i in numbers:
            began = time.perf_counter()
            await one(i)
            times.append(time.perf_counter() - began)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(work())
    return MESSAGES / (time.perf_counter() - began), times
