"""Examples that people edit while the bot runs: what is good is learnt, what is broken changes nothing."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import psutil
import pytest

from bot.errors import ContentError, ContentErrors
from bot.nlu import models
from bot.nlu.embedded import load_engine, load_model
from bot.nlu.live import LiveEngine
from bot.nlu.training import ensure_model, fingerprint, finish_training, start_training
from bot.settings import Paths
from bot.topics import load_topics
from khmer_nlu import Model
from tests.nlu.few import append, block, few_of, write_few_examples

TODAY = date(2026, 11, 25)
WAIT_S = 120
NEW = block("greet", *(f"good morning friend {n}" for n in range(2, 16)))


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return write_few_examples(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of the few examples as they are at first."""
    paths = write_few_examples(tmp_path_factory.mktemp("few"))
    return ensure_model(paths, paths.root / "models").parent


@pytest.fixture
def live(paths: Paths, trained: Path) -> LiveEngine:
    folder = paths.root / "models"
    name = fingerprint(paths)
    with models.lock(folder):
        models.keep(load_model(trained / name), folder, name)
    return LiveEngine(paths=paths, models_dir=folder, topics=load_topics(paths.topics), load=load_engine)


@asynccontextmanager
async def watching(live: LiveEngine) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(live.watch(stop))
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(WAIT_S):
            await task


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not is_so():  # noqa: ASYNC110 - a process of its own has no event to wait for
            await asyncio.sleep(0.01)


async def best_of(live: LiveEngine, text: str) -> str:
    return (await live.parse(text, today=TODAY)).ranking[0][0]


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process(os.getpid()).children() if "bot.nlu.training" in child.cmdline()]


async def test_new_examples_are_learnt_and_each_message_meets_one_whole_model(live: LiveEngine, paths: Paths) -> None:
    text = "good morning friend 7"
    before, understood = await live.parse(text, today=TODAY), []
    async with watching(live):
        append(few_of(paths), NEW)
        while live.version != fingerprint(paths):
            understood.append(await live.parse(text, today=TODAY))
            await asyncio.sleep(0.001)
        after = await live.parse(text, today=TODAY)

    assert before.ranking[0][0] != "greet"
    assert after.ranking[0][0] == "greet"
    assert understood
    assert all(parsed in (before, after) for parsed in understood)
    assert live.last_problems == ()


async def test_a_broken_file_changes_nothing_is_named_once_with_its_line_and_is_mended_without_a_restart(
    live: LiveEngine, paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    good, version = few_of(paths).read_text(encoding="utf-8"), live.version
    line = good.count("\n") + 3
    async with watching(live):
        append(few_of(paths), "- intent: greet\n  examples: |\n    no dash before it\n")
        await until(lambda: bool(live.last_problems))
        (problem,) = live.last_problems
        append(paths.pipeline, "# another change, while the file is still broken\n")
        seen = live.last_problems
        await until(lambda: live.last_problems is not seen)

        assert isinstance(problem, ContentError)
        assert (problem.path, problem.line) == (few_of(paths), line)
        assert live.version == version
        assert await best_of(live, "boss did not pay 3 months") == "unpaid_wages"
        errors = [record.msg for record in caplog.records if record.levelno == logging.ERROR]
        assert errors == [{"event": "examples_not_taken", "problem": str(problem)}]

        few_of(paths).write_text(good, encoding="utf-8")
        await until(lambda: not live.last_problems)
        assert live.version == fingerprint(paths) != version


async def test_what_is_written_while_another_process_trains_is_learnt_and_the_old_model_answers_till_then(
    live: LiveEngine, paths: Paths
) -> None:
    version = live.version
    async with watching(live):
        with models.lock(paths.root / "models"):
            append(few_of(paths), "# a first change\n")
            await until(lambda: bool(children()))
            append(few_of(paths), NEW)
            assert await best_of(live, "boss did not pay 3 months") == "unpaid_wages"
            assert (live.version, len(children())) == (version, 1)
        await until(lambda: live.version == fingerprint(paths))
        assert await best_of(live, "good morning friend 7") == "greet"


@pytest.mark.parametrize("how", ["told", "cancelled"])
async def test_a_watch_that_ends_ends_its_training(
    live: LiveEngine, paths: Paths, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(live.watch(stop))
    with models.lock(paths.root / "models"):  # it would wait for ever
        append(few_of(paths), NEW)
        await until(lambda: bool(children()))
        stop.set() if how == "told" else task.cancel()
        await asyncio.wait([task], timeout=WAIT_S)
        await until(lambda: not children())

    assert task.cancelled() is (how == "cancelled")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_ids_that_are_new_since_the_start_wait_for_a_restart(live: LiveEngine, paths: Paths) -> None:
    version = live.version
    ids = paths.topics.read_text(encoding="utf-8")
    paths.topics.write_text(
        ids.replace("  greet: hello\n", "  greet: hello\n  dance: wants to dance\n"), encoding="utf-8"
    )
    append(few_of(paths), block("dance", *(f"dance with me {n}" for n in range(2, 9))))

    async with watching(live):
        await until(lambda: bool(live.last_problems))

    assert "New since the bot was started: dance." in str(live.last_problems[0])
    assert (live.version, await best_of(live, "dance with me 3") != "dance") == (version, True)
    again = LiveEngine(
        paths=paths, models_dir=paths.root / "models", topics=load_topics(paths.topics), load=load_engine
    )
    assert await best_of(again, "dance with me 3") == "dance"


def test_two_processes_that_share_the_folder_train_once(paths: Paths) -> None:
    folder = paths.root / "models"

    one, other = start_training(paths, folder), start_training(paths, folder)
    first = finish_training(one)
    written = (first / "arrays.npz").stat()
    second = finish_training(other)

    assert first == second == folder / fingerprint(paths)
    assert (second / "arrays.npz").stat().st_ino == written.st_ino


def test_a_missing_file_is_an_error_that_names_it(paths: Paths, trained: Path) -> None:
    paths.pipeline.unlink()

    with pytest.raises(ContentErrors, match=r"config\.yml: The file can not be read"):
        ensure_model(paths, trained)


@pytest.fixture
def model(trained: Path) -> Model:
    return load_model(next(path for path in trained.iterdir() if path.is_dir()))


def test_the_models_used_last_stay_and_nothing_else_of_the_folder_is_touched(model: Model, tmp_path: Path) -> None:
    names = [f"{n:024x}" for n in range(models.KEPT + 2)]
    (tmp_path / "notes").mkdir()
    (tmp_path / "training-killed").mkdir()
    with models.lock(tmp_path):
        for age, name in enumerate(names[:-1]):
            models.keep(model, tmp_path, name)
            os.utime(tmp_path / name, (age, age))
        used = models.find(tmp_path, names[1])
        models.keep(model, tmp_path, names[-1])

    assert used == tmp_path / names[1]
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"notes", "training.lock", names[1], *names[-models.KEPT + 1 :]}


def test_a_damaged_model_is_not_found(model: Model, tmp_path: Path) -> None:
    with models.lock(tmp_path):
        folder = models.keep(model, tmp_path, "0" * 24)
    (folder / "arrays.npz").write_bytes(b"no arrays")

    assert models.find(tmp_path, "0" * 24) is None
