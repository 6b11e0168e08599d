"""Signals inside one process: whoever shows a conversation learns that there is something new to read."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Signals:
    """Named events. A signal carries nothing: the listener reads the database."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def notify(self, name: str) -> None:
        """Sets the event of every listener to name."""
        for event in self._listeners.get(name, ()):
            event.set()

    @contextmanager
    def listen(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set at each signal to name; the listener clears it before it reads."""
        event = asyncio.Event()
        self._listeners[name].add(event)
        try:
            yield event
        finally:
            self._listeners[name].discard(event)
            if not self._listeners[name]:
                del self._listeners[name]
