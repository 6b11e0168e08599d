"""How much a bot may say: so many messages a second in all, one a second in a chat, 20 a minute in a group."""

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

from tests.fakes.telegram_errors import ApiError, too_many


@dataclass(kw_only=True)
class Limits:
    """The figures; 0 lifts a limit."""

    overall_per_s: int = 30
    chat_per_s: int = 1
    group_per_min: int = 20


@dataclass(kw_only=True)
class Rates:
    """What was sent in the last minute, and whether one more may be."""

    limits: Limits = field(default_factory=Limits)
    _overall: deque[float] = field(default_factory=deque)
    _chats: defaultdict[int, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _groups: defaultdict[int, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def take(self, chat_id: int, now: float) -> None:
        """Counts one message.

        Raises:
            ApiError: 429, with the seconds to wait; the message does not count.
        """
        windows = [
            (self._overall, self.limits.overall_per_s, 1.0),
            (self._chats[chat_id], self.limits.chat_per_s, 1.0),
        ]
        if chat_id < 0:
            windows.append((self._groups[chat_id], self.limits.group_per_min, 60.0))
        waits = [_wait(times, limit, window_s, now) for times, limit, window_s in windows]
        if max(waits) > 0:
            raise self._refusal(max(waits))
        for times, limit, _ in windows:
            if limit:
                times.append(now)

    def _refusal(self, wait_s: float) -> ApiError:
        return too_many(max(1, math.ceil(wait_s)))


def _wait(times: deque[float], limit: int, window_s: float, now: float) -> float:
    if not limit:
        return 0.0
    while times and times[0] <= now - window_s:
        times.popleft()
    return 0.0 if len(times) < limit else times[0] + window_s - now
