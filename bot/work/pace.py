"""How fast one bot sends on its channel: the platform's rate, its holds, and patience while it is down.

Kept in memory by a clock that never jumps; the holds are stored too, and given back after a restart.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from bot.channels.base import Capabilities
from bot.storage.outbound import Destination
from bot.work.retry import delay_before_probe

CHATS_REMEMBERED: Final = 10_000
IN_FLIGHT_MOST: Final = 64
WINDOW_S: Final = 1.0
DOWN_AFTER: Final = 3
"""Failures in a row, each of another conversation, after which the platform counts as down."""


def is_paced(capabilities: Capabilities) -> bool:
    """Whether the platform has a rate."""
    return bool(capabilities.sends_per_s or capabilities.chat_sends_per_s)


@dataclass(kw_only=True)
class Line:
    """The line in which a bot's messages wait for their turn. One that has to wait longer never stands in it.

    clock gives seconds that only grow; chance a number from 0 to 1.
    """

    capabilities: Capabilities
    clock: Callable[[], float]
    chance: Callable[[], float]
    _queue: deque[Destination] = field(default_factory=deque)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _chats: OrderedDict[str, float] = field(default_factory=OrderedDict)
    _done_at: deque[float] = field(default_factory=deque)
    _held_until: float = 0.0
    _in_flight: int = 0
    _failures: int = 0
    _failing: set[UUID] = field(default_factory=set)

    def put(self, to: Destination) -> None:
        """Lets a message stand in line."""
        self._queue.append(to)
        self._changed.set()

    async def take(self) -> Destination:
        """The next whose turn it is; the caller sends one message there, then says so by done()."""
        while True:
            self._changed.clear()
            wait_s = self._must_wait_s()
            if wait_s == 0.0:
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
        self.begin()
        return self._queue.popleft()

    def begin(self) -> None:
        """Counts one message that is now sent."""
        self._in_flight += 1

    def _must_wait_s(self) -> float | None:
        """Seconds until the first in line may go; None: until something changes."""
        most = 1 if self._is_down else IN_FLIGHT_MOST
        if not self._queue or self._in_flight >= most:
            return None
        rate_s = self._rate_wait_s()
        return None if rate_s is None else max(self._held_until - self.clock(), rate_s, 0.0)

    def _rate_wait_s(self) -> float | None:
        """Seconds until one more message breaks no rate, at whatever moment the platform counted those before.

        It counted each between its beginning and its end, so what has ended a second ago is in no window with this one.
        """
        if not self.capabilities.sends_per_s:
            return 0.0
        while self._done_at and self._done_at[0] <= self.clock() - WINDOW_S:
            self._done_at.popleft()
        if self._in_flight + len(self._done_at) < self.capabilities.sends_per_s:
            return 0.0
        return self._done_at[0] + WINDOW_S - self.clock() if self._done_at else None

    def chat_wait_s(self, to: Destination) -> float:
        """Seconds until the contact may get the next message."""
        return max(self._chats.get(to.contact_ref, 0.0) - self.clock(), 0.0)

    def held_s(self) -> float:
        """Seconds until the bot may send anything."""
        return max(self._held_until - self.clock(), 0.0)

    def done(self, to: Destination, *, answered: bool | None) -> None:
        """One message was sent, or not; answered: whether the platform did its part, whatever it said.

        None: it was not asked. While it is down, one message at a time goes out, to see whether it is back.
        """
        self._in_flight -= 1
        self._changed.set()
        if answered is None:
            return
        if self.capabilities.sends_per_s:
            self._done_at.append(self.clock())
        if self.capabilities.chat_sends_per_s:
            self.hold_chat(to, 1 / self.capabilities.chat_sends_per_s)
        if answered:
            self._failures, self._failing = 0, set()
            return
        self._failures += 1
        self._failing.add(to.conversation_id)
        if self._is_down:
            self.hold(delay_before_probe(self._failures - DOWN_AFTER, chance=self.chance()).total_seconds())

    def hold(self, seconds: float) -> None:
        """Sends nothing for so long."""
        self._held_until = max(self._held_until, self.clock() + seconds)
        self._changed.set()

    def hold_chat(self, to: Destination, seconds: float) -> None:
        """Sends nothing to this contact for so long."""
        until = self.clock() + seconds
        self._chats[to.contact_ref] = max(until, self._chats.get(to.contact_ref, until))
        self._chats.move_to_end(to.contact_ref)
        while len(self._chats) > CHATS_REMEMBERED:
            self._chats.popitem(last=False)

    @property
    def _is_down(self) -> bool:
        return len(self._failing) >= DOWN_AFTER
