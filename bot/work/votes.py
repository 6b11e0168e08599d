"""Plans the question whether an answer helped, behind the answer's back: nobody waits for a timer to be written."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from bot.flows.tact import home_day
from bot.followups import VOTE_AFTER
from bot.logs import open_log
from bot.work.loops import unless_stopped, whenever
from bot.work.timers import Timers

log = open_log(__name__)

ASK_VOTE: Final = "ask_vote"
MOST_WAITING: Final = 1000


@dataclass(frozen=True, kw_only=True)
class VotePlanner:
    """Sets one timer for each conversation and day. What is planned in the moment of a kill is not asked: no harm."""

    timers: Timers
    _planned: deque[tuple[UUID, datetime]] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, conversation_id: UUID, now: datetime) -> None:
        """Plans the question for this conversation; returns at once."""
        self._planned.append((conversation_id, now))
        self._changed.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Sets timers until stop is set."""
        await unless_stopped(whenever(self._changed, self._work), stop)

    async def _work(self) -> None:
        while self._planned:
            conversation_id, now = self._planned.popleft()
            try:
                await self.timers.set(ASK_VOTE, conversation_id, key=home_day(now).isoformat(), after=VOTE_AFTER)
            except Exception as error:  # noqa: BLE001 - the top of a worker: whatever the timers raise, go on
                log.error("vote_not_planned", error=error)
