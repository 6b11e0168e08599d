"""Hostile files: how long looking at the worst of them takes, and how much memory."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from bot.errors import MediaRefused
from bot.media import inspect, view_of
from tests.files import hostile, photo

LOOKS_EVERY_S = 0.002


@dataclass(frozen=True, kw_only=True)
class Looked:
    """How many files, the slowest look and its name, the slowest view of a picture that is kept, the most memory."""

    files: int
    slowest_ms: float
    slowest: str
    view_ms: float
    rss_mb: float

    def __str__(self) -> str:
        return (
            f"{self.files} hostile files, slowest {self.slowest_ms:.0f} ms ({self.slowest}); the view of a picture of"
            f" 64 megapixels in a thread {self.view_ms:.0f} ms; RSS +{self.rss_mb:.0f} MB at the most"
        )


@dataclass(kw_only=True)
class Memory:
    """The most memory over what there was."""

    most_mb: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watches while the context is open."""
        process = psutil.Process()
        before = process.memory_info().rss

        def watch() -> None:
            while not self._ended.wait(LOOKS_EVERY_S):
                self.most_mb = max(self.most_mb, (process.memory_info().rss - before) / 2**20)

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            yield
        finally:
            self._ended.set()
            watching.join()


def look_at_hostile_files() -> Looked:
    """Looks at each, as at a file that has just come."""
    large = photo(size=(8000, 8000))
    for format in ("JPEG", "PNG", "WEBP"):  # the decoders are loaded from here on
        inspect(photo(format), "photo")
    times: dict[str, float] = {}
    memory = Memory()
    with memory.watched():
        for name, content, _ in hostile():
            began = time.perf_counter()
            with suppress(MediaRefused):
                inspect(content, "photo")
            times[name] = (time.perf_counter() - began) * 1000
        began = time.perf_counter()
        view_of(large, inspect(large, "photo").type)
        view_ms = (time.perf_counter() - began) * 1000
    slowest = max(times, key=times.__getitem__)
    return Looked(files=len(times), slowest_ms=times[slowest], slowest=slowest, view_ms=view_ms, rss_mb=memory.most_mb)
