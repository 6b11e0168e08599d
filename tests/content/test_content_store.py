"""Broken files never take down what works: the last good set is served, and why is kept."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from watchfiles.main import FileChange

from bot.content.render import text
from bot.content.store import ContentStore, OnProblem
from bot.errors import ContentError, ContentErrors
from bot.topics import Topics

Edit = Callable[[str, str, str], None]
WAIT_S = 20


@pytest.fixture
def store(folder: Path, topics: Topics, today: date) -> ContentStore:
    return ContentStore(folder, topics=topics, today=lambda: today)


def test_a_store_does_not_start_on_broken_files(folder: Path, topics: Topics, today: date, edit: Edit) -> None:
    edit("en/bot.yml", "Hello.", "Hello {.")
    with pytest.raises(ContentErrors):
        ContentStore(folder, topics=topics, today=lambda: today)


def test_a_change_is_served_after_reload(store: ContentStore, edit: Edit) -> None:
    before = store.current
    edit("en/bot.yml", "Hello.", "Good day.")
    assert store.reload()
    assert text(store.current, "en", "greeting").startswith("Good day.")
    assert text(before, "en", "greeting").startswith("Hello.")
    assert store.last_problems == ()


def test_broken_files_leave_the_last_good_set_and_say_why(
    store: ContentStore, folder: Path, edit: Edit, caplog: pytest.LogCaptureFixture
) -> None:
    before = store.current
    edit("en/bot.yml", "Hello.", "Hello {.")
    assert not store.reload()
    assert store.current is before
    (problem,) = store.last_problems
    assert (problem.path, problem.line) == (folder / "en" / "bot.yml", 2)
    assert [record.msg for record in caplog.records if record.levelno == logging.ERROR] == [
        {"event": "content_not_taken", "problem": str(problem)}
    ]
    assert str(problem) == (f"{folder / 'en' / 'bot.yml'}:2: A brace stands alone. Write {{name}}, with both braces.")
    edit("en/bot.yml", "Hello {.", "Hello.")
    assert store.reload()
    assert store.last_problems == ()


def test_a_text_that_vanishes_is_refused_while_the_bot_runs(store: ContentStore, folder: Path) -> None:
    for language in ("km", "en"):
        (folder / language / "web.yml").unlink()
    assert not store.reload()
    assert "“send” is gone" in store.last_problems[0].problem


class Served(logging.Handler):
    """Wakes whoever waits when the store says that it serves something else."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.loop, self.event = asyncio.get_running_loop(), asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.loop.call_soon_threadsafe(self.event.set)


@dataclass(frozen=True)
class Watched:
    """A store that is being watched, and ways to wait for what happens."""

    store: ContentStore
    task: asyncio.Task[None]
    told: "asyncio.Queue[tuple[ContentError, ...]]"
    served: Served

    async def greeting_becomes(self, words: str) -> None:
        async with asyncio.timeout(WAIT_S):
            while not text(self.store.current, "en", "greeting").startswith(words):
                await self.served.event.wait()
                self.served.event.clear()

    async def problem(self) -> ContentError:
        async with asyncio.timeout(WAIT_S):
            return (await self.told.get())[0]


@asynccontextmanager
async def watching(store: ContentStore, on_problem: OnProblem | None = None) -> AsyncIterator[Watched]:
    stop, served, log = asyncio.Event(), Served(), logging.getLogger("bot.content.store")
    told: asyncio.Queue[tuple[ContentError, ...]] = asyncio.Queue()
    task = asyncio.create_task(store.watch(stop, on_problem or told.put_nowait))
    log.addHandler(served)
    log.setLevel(logging.INFO)
    try:
        yield Watched(store=store, task=task, told=told, served=served)
    finally:
        log.removeHandler(served)
        log.setLevel(logging.NOTSET)
        stop.set()
        async with asyncio.timeout(WAIT_S):
            await task


async def test_a_saved_file_is_served(store: ContentStore, edit: Edit) -> None:
    async with watching(store) as watched:
        edit("en/bot.yml", "Hello.", "Good day.")
        await watched.greeting_becomes("Good day.")


async def test_a_broken_file_is_told_once_and_mended_without_a_restart(
    store: ContentStore, folder: Path, edit: Edit
) -> None:
    async with watching(store) as watched:
        edit("en/bot.yml", "Hello.", "Hello {.")
        problem = await watched.problem()
        assert (problem.path, problem.line) == (folder / "en" / "bot.yml", 2)
        edit("en/bot.yml", "Hello {.", "Good day.")
        await watched.greeting_becomes("Good day.")
        assert watched.told.empty()


async def test_a_file_that_an_editor_replaces_is_served_each_time(store: ContentStore, folder: Path) -> None:
    path = folder / "en" / "bot.yml"
    words = path.read_text(encoding="utf-8")
    async with watching(store) as watched:
        for greeting in ("First.", "Second."):
            new = path.with_suffix(".tmp")
            new.write_text(words.replace("Hello.", greeting), encoding="utf-8")
            new.replace(path)
            await watched.greeting_becomes(greeting)


async def test_a_folder_that_is_moved_away_and_another_put_in_its_place_is_followed(
    store: ContentStore, folder: Path, edit: Edit
) -> None:
    async with watching(store) as watched:
        shutil.move(folder, folder.with_name("old"))
        assert "no such folder" in (await watched.problem()).problem
        shutil.copytree(folder.with_name("old"), folder.with_name("new"))
        shutil.move(folder.with_name("new"), folder)
        edit("en/bot.yml", "Hello.", "From the new folder.")
        await watched.greeting_becomes("From the new folder.")
        edit("en/bot.yml", "From the new folder.", "And again.")
        await watched.greeting_becomes("And again.")


async def test_a_change_is_seen_where_the_system_reports_none(
    store: ContentStore, edit: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more_watches(*paths: Path, **options: object) -> AsyncIterator[set[FileChange]]:
        raise OSError("inotify watch limit reached")

    monkeypatch.setattr("bot.watching.awatch", no_more_watches)
    async with watching(store) as watched:
        edit("en/bot.yml", "Hello.", "Good day.")
        await watched.greeting_becomes("Good day.")


async def test_a_deleted_folder_leaves_what_is_served(store: ContentStore, folder: Path) -> None:
    before = store.current
    async with watching(store) as watched:
        shutil.rmtree(folder)
        await watched.problem()
        assert store.current is before
        assert not watched.task.done()


async def test_the_watch_outlives_whoever_it_tells(
    store: ContentStore, edit: Edit, caplog: pytest.LogCaptureFixture
) -> None:
    failed = asyncio.Event()

    def fail(problems: tuple[ContentError, ...]) -> None:
        failed.set()
        raise RuntimeError("the alarm is broken")

    async with watching(store, fail) as watched:
        edit("en/bot.yml", "Hello.", "Hello {.")
        async with asyncio.timeout(WAIT_S):
            await failed.wait()
        edit("en/bot.yml", "Hello {.", "Good day.")
        await watched.greeting_becomes("Good day.")
    assert all(word in caplog.text for word in ("content_not_looked_at", "RuntimeError", "bot/content/store.py"))
    assert "the alarm is broken" not in caplog.text


async def test_a_cancelled_watch_ends_and_does_not_stop_the_others(store: ContentStore) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(store.watch(stop, lambda problems: None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not stop.is_set()
