"""The understanding, kept up with the examples that people edit while the bot runs."""

import asyncio
import subprocess
from collections.abc import Callable
from contextlib import aclosing
from datetime import date
from pathlib import Path
from typing import Final, Protocol

from bot.errors import ContentError, ContentErrors, ReturneeBotError
from bot.logs import open_log
from bot.nlu.engine import Engine
from bot.nlu.examples import intents_of
from bot.nlu.training import ensure_model, fingerprint, finish_training, start_training
from bot.settings import Paths, Settings
from bot.topics import Topics, load_topics
from bot.watching import looks, signature
from khmer_nlu import Parsed, Slot

_RESTART: Final = "Start the bot again: it learns them then."
log = open_log(__name__)


class Loaded(Engine, Protocol):
    """An Engine over one model."""

    async def labels(self) -> frozenset[str]:
        """Every id that the model knows."""


class LiveEngine:
    """An Engine whose model follows the examples; the old one answers until a new one is whole."""

    def __init__(self, *, paths: Paths, models_dir: Path, topics: Topics, load: Callable[[Path], Loaded]) -> None:
        """Loads the model of the examples, or trains it.

        Raises:
            ContentErrors: the examples or options are wrong.
            TrainingError: training failed.
        """
        self._paths, self._models_dir = paths, models_dir
        self._intents = intents_of(topics)
        self._inputs = (paths.pipeline, paths.topics, paths.nlu / "data")
        self._seen = signature(*self._inputs)
        self._is_stale = False
        self._folder = ensure_model(paths, models_dir)
        self._load = load
        self._engine = load(self._folder)
        self._problems: tuple[ReturneeBotError, ...] = ()

    @property
    def version(self) -> str:
        """The fingerprint of what the model was trained on."""
        return self._folder.name

    @property
    def last_problems(self) -> tuple[ReturneeBotError, ...]:
        """Why the last change of the files was not taken; empty when it was."""
        return self._problems

    async def parse(self, text: str, *, today: date, slot: Slot | None = None) -> Parsed:
        """What the text means, on this day, as the answer to this question; never raises for any text."""
        return await self._engine.parse(text, today=today, slot=slot)

    async def aclose(self) -> None:
        """Ends what the engine over the model holds open."""
        await self._engine.aclose()

    async def watch(self, stop: asyncio.Event) -> None:
        """Trains whenever the files changed and then stayed as they are, one training at a time, until stop is set.

        Training runs in a child process, which ends with the watch.
        """
        async with aclosing(looks(*self._inputs, stop=stop)) as found:
            async for changed in found:
                try:
                    await self._look(stop, changed=changed)
                except Exception as error:  # noqa: BLE001 - the top of a worker: one that ends would leave editors unheard
                    log.error("examples_not_looked_at", error=error)

    async def _look(self, stop: asyncio.Event, *, changed: bool) -> None:
        seen = await asyncio.to_thread(signature, *self._inputs)
        if changed or seen != self._seen:
            self._seen, self._is_stale = seen, True  # someone may be writing: wait for a look that finds nothing new
        elif self._is_stale:
            self._is_stale = False
            await self._follow(stop)

    async def _follow(self, stop: asyncio.Event) -> None:
        try:
            if await asyncio.to_thread(fingerprint, self._paths) != self.version:
                await self._take(await self._train(stop))
        except ReturneeBotError as error:
            if not stop.is_set():
                self._note(error)
        else:
            self._problems = ()

    async def _train(self, stop: asyncio.Event) -> Path:
        child = start_training(self._paths, self._models_dir)
        ending = asyncio.create_task(_end(child, stop))
        try:
            return await asyncio.to_thread(finish_training, child)
        finally:
            ending.cancel()
            child.kill()  # one that has ended takes no harm

    async def _take(self, folder: Path) -> None:
        engine = await asyncio.to_thread(self._load, folder)
        unknown = sorted(await engine.labels() - self._intents)
        if unknown:
            await engine.aclose()
            problem = f"New since the bot was started: {', '.join(unknown)}."
            raise ContentErrors([ContentError(self._paths.topics, None, problem, _RESTART)])
        former, self._engine, self._folder = self._engine, engine, folder
        await former.aclose()
        log.info("examples_served", version=self.version)

    def _note(self, error: ReturneeBotError) -> None:
        problems = error.errors if isinstance(error, ContentErrors) else (error,)
        known = set(map(str, self._problems))
        for problem in problems:
            if str(problem) not in known:
                log.error("examples_not_taken", problem=problem)
        self._problems = problems


async def _end(child: subprocess.Popen[str], stop: asyncio.Event) -> None:
    await stop.wait()
    child.kill()


def open_live(settings: Settings, *, load: Callable[[Path], Loaded]) -> LiveEngine:
    """The engine over the files of these settings; load opens each of its models.

    Raises:
        ContentErrors: the topics, examples or options are wrong.
        TrainingError: training failed.
    """
    paths = settings.paths
    return LiveEngine(paths=paths, models_dir=settings.models_dir, topics=load_topics(paths.topics), load=load)
