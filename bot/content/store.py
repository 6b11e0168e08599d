"""Keeps the content that contacts get: swaps in a whole valid set, and keeps the last good one when files break."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from datetime import date
from pathlib import Path
from typing import Final

from watchfiles import awatch
from watchfiles.main import FileChange

from bot.content.loader import load_content
from bot.content.model import Content
from bot.content.texts import Said
from bot.errors import ContentError, ContentErrors
from bot.topics import Topics

log = logging.getLogger(__name__)

LOOK_EVERY_MS: Final = 500
DEBOUNCE_MS: Final = 400
QUIET_MS: Final = 100
OnProblem = Callable[[tuple[ContentError, ...]], None]
_Signature = frozenset[tuple[str, int, int, int]]


class ContentStore:
    """The content of a folder, always whole and valid."""

    def __init__(self, folder: Path, *, topics: Topics, today: Callable[[], date], said: Said = frozenset()) -> None:
        """Reads the folder.

        Raises:
            ContentErrors: it is not valid, and there is nothing older to serve.
        """
        self._folder, self._topics, self._today, self._said = folder, topics, today, said
        self._lock = threading.Lock()  # an older read never overtakes a newer one
        self._signature = _signature(folder)
        self._current = load_content(folder, topics=topics, today=today(), said=said)
        self._problems: tuple[ContentError, ...] = ()

    @property
    def current(self) -> Content:
        """The last good set."""
        return self._current

    @property
    def last_problems(self) -> tuple[ContentError, ...]:
        """Why the files are not what is served; empty when they are."""
        return self._problems

    def reload(self) -> bool:
        """Reads the folder again; whether what it holds is served now. Each problem is logged."""
        with self._lock:
            self._signature = _signature(self._folder)
            try:
                content = load_content(
                    self._folder,
                    topics=self._topics,
                    today=self._today(),
                    said=self._said,
                    serving=self._current,
                )
            except ContentErrors as error:
                self._problems = error.errors
                for problem in error.errors:
                    log.error("content not taken: %s", problem)
                return False
            before, self._current, self._problems = self._current, content, ()
            if content.version != before.version:
                log.info("content %s is served", content.version)
            return True

    async def watch(self, stop: asyncio.Event, on_problem: OnProblem = lambda problems: None) -> None:
        """Reloads whenever a file changes, until stop is set. on_problem gets what is wrong, each time that it changes.

        What the files look like is compared every half second; watchfiles only makes it faster. So it survives a
        folder that is moved, deleted or replaced, and a file system that reports no changes.
        """
        async with aclosing(_looks(self._folder, stop)) as looks:
            async for changed in looks:
                try:
                    await self._look(on_problem, changed=changed)
                except Exception:  # the top of a worker: a watcher that ends would leave editors unheard
                    log.exception("content could not be looked at; trying again")

    async def _look(self, on_problem: OnProblem, *, changed: bool) -> None:
        if not changed and await asyncio.to_thread(_signature, self._folder) == self._signature:
            return
        before = self._problems
        if not await asyncio.to_thread(self.reload) and _words(self._problems) != _words(before):
            on_problem(self._problems)


def _words(problems: tuple[ContentError, ...]) -> tuple[str, ...]:
    return tuple(map(str, problems))


def _signature(folder: Path) -> _Signature:
    """What the files look like from outside; another one when any of them was written, moved or replaced."""
    found = []
    with suppress(OSError):  # deleted while we look: the next look sees the rest
        for path in (folder, *folder.rglob("*")):
            about = path.stat()
            found.append((str(path), about.st_ino, about.st_mtime_ns, about.st_size))
    return frozenset(found)


async def _looks(folder: Path, stop: asyncio.Event) -> AsyncGenerator[bool, None]:
    """Tells when to look, at least every half second, and whether a change was reported."""
    while not stop.is_set():
        watched = _inode(folder)
        with suppress(OSError, RuntimeError):  # the folder is not there, or the system gives no more watches
            async with aclosing(_reports(folder)) as reports:
                async for changes in reports:
                    yield bool(changes)
                    if stop.is_set() or _inode(folder) != watched:
                        break
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_MS / 1000)
        yield False


def _inode(folder: Path) -> int | None:
    try:
        return folder.stat().st_ino
    except OSError:
        return None


def _reports(folder: Path) -> AsyncGenerator[set[FileChange], None]:
    return awatch(
        folder,
        watch_filter=None,
        debounce=DEBOUNCE_MS,
        step=QUIET_MS,
        rust_timeout=LOOK_EVERY_MS,
        yield_on_timeout=True,
    )
