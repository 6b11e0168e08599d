"""What the processes of one database tell each other, and which of them polls and sends for a bot.

On SQLite there is one process, `Alone`. On PostgreSQL each is `Together` with the others: signals go by NOTIFY, and
rights are locks that the server takes from a process when it dies.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

import psycopg

from bot.errors import ReturneeBotError, SettingsError, StorageDown
from bot.logs import open_log
from bot.model import ChannelName
from bot.storage.processes import SIGNALS, Membership
from bot.work.loops import pause

log = open_log(__name__)

LOOK_EVERY_S: Final = 1.0
ANSWER_WITHIN_S: Final = 5.0
AGAIN_AFTER_S: Final = 1.0
BE_WITHIN_S: Final = 10.0
"""So long a process tries to get its name: others look for a moment whether somebody has it."""
COME_BACK_WITHIN_S: Final = 10.0
TOLD_AT_ONCE: Final = 200


class Processes(Protocol):
    """This process among those of one database."""

    def leads(self, channel: ChannelName) -> bool:
        """Whether this process polls and sends on the channel, and no other does."""

    def can_tell_who_is_dead(self) -> bool:
        """Whether every process that lives has had the time to say so."""

    async def joined(self) -> None:
        """Waits until this process has its place among the others."""

    def tell(self, signal: str) -> None:
        """Tells the others; returns at once. Whoever misses it finds out by looking: nothing depends on it."""

    async def run(self, stop: asyncio.Event, heard: Callable[[str], None]) -> None:
        """Works until stop is set; heard is told what others tell."""


@dataclass(frozen=True)
class Alone:
    """The only process."""

    def leads(self, channel: ChannelName) -> bool:
        """Always."""
        return True

    def can_tell_who_is_dead(self) -> bool:
        """All others are."""
        return True

    async def joined(self) -> None:
        """At once."""

    def tell(self, signal: str) -> None:
        """There is nobody."""

    async def run(self, stop: asyncio.Event, heard: Callable[[str], None]) -> None:
        """Waits for the end."""
        await stop.wait()


@dataclass(kw_only=True)
class Together:
    """One of several processes on PostgreSQL; channels are those that one of them has to lead."""

    database_url: str
    executor_id: str
    channels: Collection[ChannelName]
    _led: set[ChannelName] = field(default_factory=set)
    _joined_at: float = 0.0
    _joined: asyncio.Event = field(default_factory=asyncio.Event)
    _to_tell: dict[str, None] = field(default_factory=dict)
    _has_to_tell: asyncio.Event = field(default_factory=asyncio.Event)

    def leads(self, channel: ChannelName) -> bool:
        """Whether it holds the lock of the channel, as far as it knows.

        For some seconds after its connection broke silently two may think so: claims are safe from that, the platform's
        rate is not.
        """
        return channel in self._led

    def can_tell_who_is_dead(self) -> bool:
        """Whether it has been a member for a while: after a restart of the database all have to come back first."""
        return self._joined.is_set() and time.monotonic() > self._joined_at + COME_BACK_WITHIN_S

    async def joined(self) -> None:
        """As Processes.joined."""
        await self._joined.wait()

    def tell(self, signal: str) -> None:
        """As Processes.tell."""
        self._to_tell[signal] = None
        self._has_to_tell.set()

    async def run(self, stop: asyncio.Event, heard: Callable[[str], None]) -> None:
        """As Processes.run.

        Raises:
            SettingsError: another process has the same EXECUTOR_ID.
        """
        telling = asyncio.create_task(self._tell_all())
        try:
            while not stop.is_set():
                try:
                    await self._be_member(stop, heard)
                except (psycopg.Error, ReturneeBotError, TimeoutError) as error:
                    if isinstance(error, SettingsError):
                        raise
                    log.error("processes_unreachable", error=error)
                    await pause(AGAIN_AFTER_S, stop)
                finally:
                    self._led.clear()
                    self._joined.clear()
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling

    async def _be_member(self, stop: asyncio.Event, heard: Callable[[str], None]) -> None:
        member = await Membership.open(self.database_url)
        async with member.connection as connection:
            await self._be_the_only(member)
            await connection.execute(f"LISTEN {SIGNALS}")
            self._joined_at = time.monotonic()
            self._joined.set()
            while not stop.is_set():
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    await connection.execute("SELECT 1")  # a connection that broke silently is noticed here
                    for channel in self.channels:
                        if channel not in self._led and await member.try_to_lead(channel):
                            self._led.add(channel)
                            log.info("channel_led", channel=channel)
                async for notify in connection.notifies(timeout=LOOK_EVERY_S):
                    heard(notify.payload)
                    if stop.is_set():
                        break

    async def _be_the_only(self, member: Membership) -> None:
        async with asyncio.timeout(ANSWER_WITHIN_S + BE_WITHIN_S):
            deadline = asyncio.get_running_loop().time() + BE_WITHIN_S
            while not await member.try_to_be(self.executor_id):
                if asyncio.get_running_loop().time() > deadline:
                    log.critical("executor_id_taken")
                    raise SettingsError(
                        [f"EXECUTOR_ID={self.executor_id}: another process has this name. Give each its own."]
                    )
                await asyncio.sleep(0.2)

    async def _tell_all(self) -> None:
        while True:
            try:
                member = await Membership.open(self.database_url)
                async with member.connection as connection:
                    await self._tell_on(connection)
            except (psycopg.Error, StorageDown):
                self._to_tell.clear()  # they look for themselves
                await asyncio.sleep(AGAIN_AFTER_S)

    async def _tell_on(self, connection: "psycopg.AsyncConnection[tuple[bool]]") -> None:
        while True:
            self._has_to_tell.clear()
            while self._to_tell:
                signals = list(self._to_tell)[:TOLD_AT_ONCE]
                for signal in signals:
                    del self._to_tell[signal]
                await connection.execute("SELECT pg_notify(%s, one) FROM unnest(%s::text[]) one", (SIGNALS, signals))
            await self._has_to_tell.wait()
