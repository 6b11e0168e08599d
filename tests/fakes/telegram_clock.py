"""The fake's own clock, which tests can advance: what expires in a day expires in a test too."""

import asyncio
import time
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Clock:
    """Real time plus what tests have added; sleepers wake when it is added."""

    ahead_s: float = 0.0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.ahead_s

    def advance(self, seconds: float) -> None:
        """Lets time pass at once."""
        self.ahead_s += seconds
        self.wake()

    def wake(self) -> None:
        """Lets everyone who waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, until: float) -> None:
        """Returns at that moment, at the next advance or at the next wake, whichever is first."""
        left = until - self.now()
        if left > 0:
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                return

    async def sleep(self, seconds: float) -> None:
        """Returns when so much time has passed on this clock."""
        until = self.now() + seconds
        while self.now() < until:
            await self.wait(until)
