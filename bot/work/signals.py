"""Signals: whoever shows a conversation learns that there is something new to read, in whatever process it was said."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Signals:
    """Named events. A signal carries nothing: the listener reads the database.

    mark makes of a name what others may be told; tell tells them.
    """

    mark: Callable[[str], str]
    tell: Callable[[str], None]
    _listeners: defaultdict[str, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))

    def notify(self, name: str) -> None:
        """Sets the event of every listener to name, in every process."""
        mark = self.mark(name)
        self.heard(mark)
        self.tell(mark)

    def heard(self, mark: str) -> None:
        """Sets the event of every listener in this process to the name with this mark."""
        for event in self._listeners.get(mark, ()):
            event.set()

    @contextmanager
    def listen(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set at each signal to name; the listener clears it before it reads."""
        event, mark = asyncio.Event(), self.mark(name)
        self._listeners[mark].add(event)
        try:
            yield event
        finally:
            self._listeners[mark].discard(event)
            if not self._listeners[mark]:
                del self._listeners[mark]
