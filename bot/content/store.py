"""Keeps the content that contacts get: swaps in a whole valid set, and keeps the last good one when files break."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import aclosing
from datetime import date
from pathlib import Path

from bot.content.loader import load_content
from bot.content.model import Content
from bot.content.texts import Said
from bot.errors import ContentError, ContentErrors
from bot.logs import open_log
from bot.topics import Topics
from bot.watching import looks, signature

log = open_log(__name__)

OnProblem = Callable[[tuple[ContentError, ...]], None]


class ContentStore:
    """The content of a folder, always whole and valid."""

    def __init__(self, folder: Path, *, topics: Topics, today: Callable[[], date], said: Said = frozenset()) -> None:
        """Reads the folder.

        Raises:
            ContentErrors: it is not valid, and there is nothing older to serve.
        """
        self._folder, self._topics, self._today, self._said = folder, topics, today, said
        self._lock = threading.Lock()  # an older read never overtakes a newer one
        self._signature = signature(folder)
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
            self._signature = signature(self._folder)
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
                    log.error("content_not_taken", problem=problem)
                return False
            before, self._current, self._problems = self._current, content, ()
            if content.version != before.version:
                log.info("content_served", version=content.version)
            return True

    async def watch(self, stop: asyncio.Event, on_problem: OnProblem = lambda problems: None) -> None:
        """Reloads whenever a file changes, until stop is set. on_problem gets what is wrong, whenever that changes."""
        async with aclosing(looks(self._folder, stop=stop)) as found:
            async for changed in found:
                try:
                    await self._look(on_problem, changed=changed)
                except Exception as error:  # noqa: BLE001 - the top of a worker: one that ends would leave editors unheard
                    log.error("content_not_looked_at", error=error)

    async def _look(self, on_problem: OnProblem, *, changed: bool) -> None:
        if not changed and await asyncio.to_thread(signature, self._folder) == self._signature:
            return
        before = self._problems
        if not await asyncio.to_thread(self.reload) and _words(self._problems) != _words(before):
            on_problem(self._problems)


def _words(problems: tuple[ContentError, ...]) -> tuple[str, ...]:
    return tuple(map(str, problems))
