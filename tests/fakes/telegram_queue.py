"""Updates on their way to the bot: kept until it has them, in order for each chat, dropped when they are too old."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "press"]
Lane = tuple[int, Kind]
"""A chat's texts and its presses queue separately, as Telegram's do."""
DAY_S = 24 * 3600.0
PRESS_EXPIRES_S = 150.0
FIRST_UPDATE_ID = 700_000_001
NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


@dataclass(frozen=True, kw_only=True)
class Pending:
    """An update that the bot has not acknowledged."""

    update: dict[str, Any]
    lane: Lane
    at: float

    @property
    def update_id(self) -> int:
        """Its number."""
        number: int = self.update["update_id"]
        return number

    def is_too_old(self, now: float) -> bool:
        """Whether Telegram drops it now."""
        return now - self.at > (PRESS_EXPIRES_S if self.lane[1] == "press" else DAY_S)


@dataclass(kw_only=True)
class Updates:
    """All pending updates: by number for getUpdates, by lane for webhooks."""

    allowed: tuple[str, ...] = ()
    next_id: int = FIRST_UPDATE_ID
    dropped: list[int] = field(default_factory=list)
    _pending: dict[int, Pending] = field(default_factory=dict)
    _lanes: dict[Lane, deque[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, kind: str, payload: dict[str, Any], *, chat_id: int, now: float) -> Pending | None:
        """Makes an update of it; None where the bot did not ask for this kind."""
        if not (kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT):
            return None
        lane: Lane = (chat_id, "press" if kind == "callback_query" else "text")
        pending = Pending(update={"update_id": self.next_id, kind: payload}, lane=lane, at=now)
        self._pending[self.next_id] = pending
        self._lanes.setdefault(lane, deque()).append(self.next_id)
        self.next_id += 1
        return pending

    def lanes(self) -> list[Lane]:
        """The lanes in which something waits."""
        return [lane for lane, numbers in self._lanes.items() if numbers]

    def head(self, lane: Lane, now: float) -> Pending | None:
        """The lane's oldest update that is not too old."""
        numbers = self._lanes.get(lane, deque())
        while numbers:
            pending = self._pending[numbers[0]]
            if not pending.is_too_old(now):
                return pending
            self.dropped.append(pending.update_id)
            self.done(pending)
        return None

    def done(self, pending: Pending) -> None:
        """The bot has it, or will never get it."""
        self._pending.pop(pending.update_id, None)
        numbers = self._lanes.get(pending.lane)
        if numbers and pending.update_id in numbers:
            numbers.remove(pending.update_id)
        if not numbers:
            self._lanes.pop(pending.lane, None)

    def drop_all(self) -> None:
        """Forgets everything that waits."""
        self._pending.clear()
        self._lanes.clear()

    def confirm_below(self, offset: int) -> None:
        """Forgets updates with lower numbers; a negative offset keeps only so many of the last ones."""
        if offset < 0:
            offset = min(list(self._pending)[offset:], default=0)
        for pending in list(self.below(offset)):
            self.done(pending)

    def below(self, offset: int) -> Iterator[Pending]:
        """Updates with lower numbers."""
        for number, pending in self._pending.items():
            if number >= offset:
                return
            yield pending

    def first(self, limit: int, now: float) -> list[dict[str, Any]]:
        """The oldest updates that are not too old, in order."""
        found: list[dict[str, Any]] = []
        for pending in list(self._pending.values()):
            if pending.is_too_old(now):
                self.dropped.append(pending.update_id)
                self.done(pending)
            elif len(found) < limit:
                found.append(pending.update)
            else:
                break
        return found
