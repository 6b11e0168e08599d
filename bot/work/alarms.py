"""Alarms: what a person must look at soon goes into the log and to the staff group, without any content."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, Literal, Protocol, get_args

import sqlalchemy as sa

from bot.errors import SendError
from bot.logs import open_log
from bot.model import ChannelName
from bot.storage import erasures, outbound, updates
from bot.storage.engine import Storage
from bot.work.loops import pause
from bot.work.together import Processes

log = open_log(__name__)

Alarm = Literal[
    "updates_quarantined",
    "messages_waiting",
    "platform_unreachable",
    "token_refused",
    "disk_nearly_full",
    "erasing_stands_still",
    "clock_wrong",
]
ALARMS: Final[tuple[Alarm, ...]] = get_args(Alarm)
LOOKS_EVERY_S: Final = 60.0
AGAIN_AFTER: Final = timedelta(hours=1)
WAITING_TOO_LONG: Final = timedelta(minutes=10)
ERASING_TOO_LATE: Final = timedelta(hours=1)
DISK_LEFT_MB: Final = 500


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What alarms are read from. platform: why it does not answer, as its channel says; None where it does."""

    quarantined: int
    oldest_waits: timedelta
    erasing_late: timedelta
    disk_left_mb: float
    platform: str | None
    clock_problem: str


def alarms_of(signs: Signs) -> frozenset[Alarm]:
    """The alarms that these signs raise."""
    raised: Mapping[Alarm, bool] = {
        "updates_quarantined": signs.quarantined > 0,
        "messages_waiting": signs.oldest_waits > WAITING_TOO_LONG,
        "platform_unreachable": signs.platform is not None and "token" not in signs.platform,
        "token_refused": signs.platform is not None and "token" in signs.platform,
        "disk_nearly_full": signs.disk_left_mb < DISK_LEFT_MB,
        "erasing_stands_still": signs.erasing_late > ERASING_TOO_LATE,
        "clock_wrong": bool(signs.clock_problem),
    }
    return frozenset(alarm for alarm, is_raised in raised.items() if is_raised)


def to_tell(
    raised: Collection[Alarm], told: Mapping[Alarm, datetime], now: datetime
) -> tuple[tuple[Alarm, ...], tuple[Alarm, ...]]:
    """The alarms to tell now, each once an hour, and those that are over."""
    new = (alarm for alarm in ALARMS if alarm in raised and now - told.get(alarm, now - AGAIN_AFTER) >= AGAIN_AFTER)
    return tuple(new), tuple(alarm for alarm in ALARMS if alarm in told and alarm not in raised)


class StaffGroup(Protocol):
    """The part of a channel that alarms need."""

    name: ChannelName

    async def why_silent(self) -> str | None:
        """Why the platform does not answer, as a code; None where it does."""

    async def tell_staff(self, words: str) -> None:
        """Says this in the staff group, if there is one."""


@dataclass(frozen=True, kw_only=True)
class Watchman:
    """Looks every minute. group is None where no platform has one; the process that leads speaks there."""

    storage: Storage
    folder: Path
    group: StaffGroup | None
    clock_problem: Callable[[], Awaitable[str]]
    words: Callable[..., str]
    processes: Processes
    now: Callable[[], datetime]
    _told: dict[Alarm, datetime] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Looks until stop is set."""
        while not stop.is_set():
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - the top of a worker: the database may be down, and that is logged
                log.error("alarms_not_looked_at", error=error)
            await pause(LOOKS_EVERY_S, stop)

    async def look(self) -> None:
        """Tells what is new, what lasts, and what is over."""
        now = self.now()
        new, over = to_tell(alarms_of(await self._signs(now)), self._told, now)
        for alarm in new:
            self._told[alarm] = now
            log.error("alarm", what=alarm)
            await self._tell(alarm, is_over=False)
        for alarm in over:
            del self._told[alarm]
            log.warning("alarm_over", what=alarm)
            await self._tell(alarm, is_over=True)

    async def _tell(self, alarm: Alarm, *, is_over: bool) -> None:
        if self.group is None or not self.processes.leads(self.group.name):
            return
        what = self.words(f"alarm_{alarm}")
        words = self.words("alarm_is_over", what=what) if is_over else self.words("alarm_told", what=what, code=alarm)
        try:
            await self.group.tell_staff(words)
        except SendError as error:
            log.error("staff_not_told", code=str(error))

    async def _signs(self, now: datetime) -> Signs:
        quarantined, waits, late = await self.storage.read(partial(_look, now=now))
        disk = await asyncio.to_thread(shutil.disk_usage, self.folder)
        return Signs(
            quarantined=quarantined,
            oldest_waits=waits,
            erasing_late=late,
            disk_left_mb=disk.free / 2**20,
            platform=await self.group.why_silent() if self.group else None,
            clock_problem=await self.clock_problem(),
        )


def _look(tx: sa.Connection, *, now: datetime) -> tuple[int, timedelta, timedelta]:
    queue, due = outbound.queue_state(tx, now), erasures.due(tx, now, 1)
    waits = now - queue.oldest_at if queue.oldest_at else timedelta()
    return updates.count_quarantined(tx), waits, now - due[0].due_at if due else timedelta()
