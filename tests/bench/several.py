"""Three processes on one PostgreSQL against one: how many messages a second they take, and what bounds them."""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import psutil

from tests.bench.row import Row
from tests.fakes.telegram import fake_telegram_process
from tests.postgres import NotHere, start_postgres
from tests.torture.application import text_update
from tests.torture.bot import SECRET, Bot
from tests.torture.words import ANSWERED

MESSAGES: Final = 3000
WARM: Final = 200
TASKS: Final = 48
PEOPLE: Final = 1000
FIRST_USER: Final = 70_000_001


def measure_several() -> Iterator[Row]:
    """The ratio, and how busy the machine was; nothing to compare where no PostgreSQL runs."""
    try:
        one, busy_one = _taken_per_s(1)
        three, busy_three = _taken_per_s(3)
    except NotHere as error:
        yield Row(figure="three processes on PostgreSQL ÷ one", measured=f"not measured: {error}", goal="≥ 1.5")
        return
    figure = (
        f"three processes on PostgreSQL ÷ one ({psutil.cpu_count()} cores, busy {busy_three:.0%} and {busy_one:.0%})"
    )
    yield Row(figure=figure, measured=f"{three / one:.2f} ({three:.0f}/s ÷ {one:.0f}/s)", goal="≥ 1.5")


def _taken_per_s(processes: int) -> tuple[float, float]:
    """Messages a second by webhook, each committed before it is acknowledged; and the share of all cores at work."""
    with (
        tempfile.TemporaryDirectory() as name,
        start_postgres() as server,
        server.database() as url,
        fake_telegram_process() as fake,
    ):
        folder = Path(name)
        bots = [Bot(folder=folder, api_url=fake.address, mode="webhook", database_url=url) for _ in range(processes)]
        with _running(bots):
            asyncio.run(_post_all([bot.address for bot in bots], range(1, WARM + 1)))
            psutil.cpu_percent()
            began = time.perf_counter()
            asyncio.run(_post_all([bot.address for bot in bots], range(WARM + 1, WARM + MESSAGES + 1)))
            return MESSAGES / (time.perf_counter() - began), psutil.cpu_percent() / 100


@contextmanager
def _running(bots: Sequence[Bot]) -> Iterator[None]:
    try:
        for place, bot in enumerate(bots):
            bot.start({"EXECUTOR_ID": f"bot-{place}"})
            bot.wait_until_up()
        yield
    finally:
        for bot in bots:
            bot.kill()


async def _post_all(addresses: Sequence[str], numbers: range) -> None:
    waiting = iter(numbers)
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:

        async def work() -> None:
            for number in waiting:
                user, text = FIRST_USER + number % PEOPLE, ANSWERED[number % len(ANSWERED)]
                response = await client.post(
                    f"{addresses[number % len(addresses)]}/webhooks/telegram",
                    json=text_update(number, user, text),
                    headers={"X-Telegram-Bot-Api-Secret-Token": SECRET},
                )
                response.raise_for_status()

        async with asyncio.TaskGroup() as group:
            for _ in range(TASKS):
                group.create_task(work())
