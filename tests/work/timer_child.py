"""A process with timers: `python -m tests.work.timer_child ADDRESS set|run|hang|heir`; says what fires until its end.

hang begins what was set and never ends it; heir has another name, and takes every other process for dead.
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from bot.storage.engine import open_foreign_engine
from bot.work.timers import DbosTimers, Regular

ABOUT = UUID(int=7)
AFTER = timedelta(seconds=3)


async def main(database_url: str, what: str) -> None:
    """Sets one timer, twice, and says so; or waits for what was set."""

    async def all_are_dead(executor_ids: Sequence[str]) -> Sequence[str]:
        return executor_ids

    timers = DbosTimers(
        database_url=database_url,
        open_engine=partial(open_foreign_engine, database_url),
        executor_id="heir" if what == "heir" else "test",
        now=lambda: datetime.now(UTC),
        dead_of=all_are_dead,
        take_over_every_s=0.2,
        poll_s=0.1,
        begin_after_s=0.0,
    )

    async def fire(about: UUID) -> None:
        print("fired", about.int, flush=True)
        if what == "hang":
            await asyncio.Event().wait()

    async def tick() -> None:
        print("tick", flush=True)

    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(timers.run(stop, {"fire": fire}, {"tick": Regular(cron="*/2 * * * * *", job=tick)}))
        if what in ("set", "hang"):
            for _ in range(2):
                await timers.set("fire", ABOUT, key="once", after=AFTER)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        stop.set()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
