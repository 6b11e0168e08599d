"""`make bench-load`: 25 messages a second over Telegram with its limits, and how many could come at the most.

The fake Telegram is a process of its own, the bot is `returnee-bot serve`. BENCH_LOAD_S and BENCH_CONVERSATIONS make it
shorter; BENCH_RASA names Rasa's own program, which is then measured beside it (see tests/bench/rasa.py).
"""

import asyncio
import os
import random
import sqlite3
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from tests.bench.handle import TurnRows, turns_of, write_turn
from tests.bench.rasa import SECONDS as RASA_S
from tests.bench.rasa import measure_rasa
from tests.bench.report import MACHINE, write_section
from tests.bench.row import Row, percentile, table_of
from tests.fakes.telegram import FakeTelegram, fake_telegram_process
from tests.torture.application import Inbox, inbox, raw_of, text_update
from tests.torture.bot import Bot
from tests.torture.words import ANSWERED

SECONDS: Final = float(os.environ.get("BENCH_LOAD_S", "600"))
CONVERSATIONS: Final = int(os.environ.get("BENCH_CONVERSATIONS", "10000"))
PER_S: Final = 25.0
FLOOR_MESSAGES: Final = 2000
WAITING: Final = 25_000
"""More than the bot takes while it is measured at its most."""
TASKS: Final = 16
FIRST_USER: Final = 1_000_000
FIRST_NAMED: Final = 50_000_000
"""Far from the numbers that the fake gives to messages: one of the same number in the same chat is a duplicate."""
SETTLE_S: Final = 30.0
WRITTEN_FROM_S: Final = 600.0


@dataclass(kw_only=True)
class Load:
    """What was sent and how long each reply took."""

    sent_at: "defaultdict[int, list[float]]" = field(default_factory=lambda: defaultdict(list))
    rss_mb: list[float] = field(default_factory=list)

    def waits(self, record: list[dict[str, Any]]) -> list[float]:
        """Seconds from each message to the reply that the platform took; endless where none came."""
        taken: defaultdict[int, list[float]] = defaultdict(list)
        for call in record:
            if call["method"] == "sendmessage":
                taken[call["chat_id"]].append(call["at"])
        return [
            taken[user][place] - at if place < len(taken[user]) else float("inf")
            for user, times in self.sent_at.items()
            for place, at in enumerate(times)
        ]


def measure_load() -> Iterator[Row]:
    """All rows as they come; one run."""
    with tempfile.TemporaryDirectory() as name, fake_telegram_process() as fake:
        bot = Bot(folder=Path(name) / "bot", api_url=fake.address)
        floor = asyncio.run(_prepare(bot))
        bot.start()
        try:
            bot.wait_until_up()
            yield from _measure_steady(fake, bot)
            yield from _measure_most(fake, bot, floor)
        finally:
            bot.kill()


async def _prepare(bot: Bot) -> float:
    """Begins the conversations, each of which has an answer already; gives the floor: the same rows, written alone."""
    async with inbox(bot.database, bot.folder) as box:
        await _each(CONVERSATIONS, partial(_begin, box))
        with sqlite3.connect(bot.folder / "returnee-bot.db") as database:
            database.execute("UPDATE outbound SET status = 'sent', platform_id = '0'")
        database.close()
        turn = (await box.application.storage.read(turns_of))[-1]
        began = time.perf_counter()
        await _each(FLOOR_MESSAGES, partial(_write, box, turn))
        floor = FLOOR_MESSAGES / (time.perf_counter() - began)
        with sqlite3.connect(bot.folder / "returnee-bot.db") as database:
            database.execute("UPDATE outbound SET status = 'sent', platform_id = '0'")
        database.close()
    return floor


async def _begin(box: Inbox, number: int) -> None:
    named = FIRST_NAMED + number
    await box.deliver(named, raw_of(text_update(named, FIRST_USER + number, ANSWERED[number % len(ANSWERED)])))


async def _write(box: Inbox, turn: TurnRows, number: int) -> None:
    await box.application.storage.run(partial(write_turn, i=number, turn=turn))


async def _each(count: int, one: Any) -> None:
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await one(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(work())


def _measure_steady(fake: FakeTelegram, bot: Bot) -> list[Row]:
    load, ended = Load(), threading.Event()
    watch = threading.Thread(target=_watch, args=(bot, load, ended), daemon=True)
    watch.start()
    chance = random.Random(1)
    began, count = time.time(), 0
    while time.time() < began + SECONDS:
        user = FIRST_USER + chance.randrange(CONVERSATIONS)
        load.sent_at[user].append(time.time())
        fake.text(user, chance.choice(ANSWERED))
        count += 1
        time.sleep(max(began + count / PER_S - time.time(), 0))
    took = time.time() - began
    _settle(fake, bot)
    ended.set()
    watch.join()
    waits = load.waits(fake.record())
    errors = _errors(bot) | {"not answered": sum(wait == float("inf") for wait in waits)}
    named = ", ".join(f"{name} {number}" for name, number in errors.items() if number)
    refused = len(fake.do("refused"))
    figure = f"Telegram with its limits, {took:.0f} s over {CONVERSATIONS} conversations"
    return [
        Row(figure=f"{figure}: messages", measured=f"{count / took:.1f}/s", goal="25/s"),
        Row(
            figure="  message to reply accepted by the platform, p50 / p95 / p99",
            measured=" / ".join(f"{percentile(waits, share) * 1000:.0f}" for share in (0.5, 0.95, 0.99)) + " ms",
            goal="p95 < 1000 ms",
        ),
        Row(figure="  memory (RSS) at the most", measured=f"{max(load.rss_mb):.0f} MB", goal="< 600 MB"),
        Row(figure="  errors (not answered, failed, rejected, ingest)", measured=named or "0", goal="0"),
        Row(figure="  refused by the platform's rate limits and sent again", measured=str(refused), goal="-"),
    ]


def _measure_most(fake: FakeTelegram, bot: Bot, floor: float) -> list[Row]:
    """As many as the bot takes when they wait for it, its replies still at the platform's pace.

    Measured from the first answer on for as long as Rasa's server is.
    """
    bot.kill()
    for number in range(WAITING):
        fake.text(FIRST_USER + number % CONVERSATIONS, ANSWERED[number % len(ANSWERED)])
    bot.start()
    bot.wait_until_up()
    while not (first := _figure(bot, 'returnee_bot_handle_seconds_count{channel="telegram"}')):
        time.sleep(0.02)
    began = time.perf_counter()
    while fake.do("state")["pending"] and time.perf_counter() < began + RASA_S:
        time.sleep(0.05)
    done = _figure(bot, 'returnee_bot_handle_seconds_count{channel="telegram"}')
    most = (done - first) / (time.perf_counter() - began)
    return [
        Row(
            figure="most inbound messages ÷ the same rows through storage.run",
            measured=f"{most / floor:.0%} ({most:.0f}/s ÷ {floor:.0f}/s)",
            goal="-",
        ),
        *measure_rasa(most),
    ]


def _watch(bot: Bot, load: Load, ended: threading.Event) -> None:
    while not ended.wait(1.0):
        load.rss_mb.append(bot.rss_mb())


def _settle(fake: FakeTelegram, bot: Bot) -> None:
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        if not fake.do("state")["pending"] and not _figure(bot, "returnee_bot_outbound_queued "):
            return
        time.sleep(0.2)


def _errors(bot: Bot) -> dict[str, int]:
    lost = ('result="failed"', 'result="rejected"', "ingest_failures_total", "updates_quarantined ")
    lines = httpx.get(f"{bot.address}/metrics", timeout=20, trust_env=False).text.splitlines()
    kept = [line for line in lines if not line.startswith("#") and any(word in line for word in lost)]
    figures = (line.rpartition(" ") for line in kept if "created" not in line)
    return {name.removeprefix("returnee_bot_"): round(float(number)) for name, _, number in figures}


def _figure(bot: Bot, name: str) -> float:
    lines = httpx.get(f"{bot.address}/metrics", timeout=20, trust_env=False).text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)


def main() -> None:
    """Measures, prints each row as it comes, and writes its section of docs/benchmarks.md unless it was short."""
    rows = []
    for row in measure_load():
        print(f"{row.figure:<78} {row.measured:>28}   goal {row.goal}", flush=True)
        rows.append(row)
    if SECONDS >= WRITTEN_FROM_S:
        write_section("Load", f"Printed by `make bench-load` on {MACHINE}.\n\n{table_of(rows)}")


if __name__ == "__main__":
    main()
