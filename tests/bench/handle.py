"""`conversation.handle` with understanding, against the same rows written through the same `storage.run`."""

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection

from bot.app import Application, open_application, utc_now
from bot.channels.webchat import BOT, WebChannel
from bot.model import Inbound, SendClass, Text
from bot.settings import REPOSITORY, Paths, Settings
from bot.storage import conversations, messages, outbound
from bot.storage.messages import MessageRow
from tests.bench.row import Row, percentile

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
            rows_each = await answer_rows(application, texts[0])
            floor, _ = await _drive(lambda i: application.storage.run(partial(write_rows, i=i, outgoing=rows_each)))
            handled, times = await _drive(lambda i: application.conversations.handle(_inbound(i, texts)))
        finally:
            application.storage.close()
    return handled / floor, handled, floor, percentile(times, 0.5), percentile(times, 0.99)


def _open(folder: Path) -> Application:
    settings = Settings(data_dir=REPOSITORY / "data", database_url=f"sqlite:///{folder / 'bench.db'}")
    return open_application(settings, WebChannel())


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


async def answer_rows(application: Application, text: str) -> list[MessageRow]:
    """What one ordinary answer writes: the floor writes messages as long as these."""
    for attempt in ("first", "second"):
        handled = await application.conversations.handle(
            Inbound(channel="web", bot=BOT, external_id=attempt, contact_ref="sample", payload=Text(text=text))
        )
    await application.deliverer.drain(handled.conversation_id)
    return await application.storage.read(
        lambda tx: messages.visible_after(tx, handled.conversation_id, handled.seq, 50)
    )


def write_rows(tx: Connection, *, i: int, outgoing: list[MessageRow]) -> None:
    now = utc_now()
    conversation = conversations.lock_or_create(
        tx, channel="web", bot=BOT, contact_ref=f"floor-{i % CONVERSATIONS}", now=now
    )
    seq = conversation.last_seq + 1
    inbound = MessageRow(
        id=uuid4(),
        conversation_id=conversation.id,
        seq=seq,
        author="contact",
        kind="text",
        language="km",
        body=outgoing[0].body[:60],
        channel="web",
        bot=BOT,
        external_id=f"floor-{i}",
        created_at=now,
    )
    messages.insert(tx, inbound)
    for place, row in enumerate(outgoing, start=seq + 1):
        message = replace(row, id=uuid4(), conversation_id=conversation.id, seq=place, created_at=now)
        messages.insert(tx, message)
        outbound.enqueue(tx, message, send_class=SendClass.A, now=now)
    conversations.save(tx, replace(conversation, last_seq=seq + len(outgoing), updated_at=now))


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
