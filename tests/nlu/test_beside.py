"""A process that understands beside the bot: the same answers, and nobody waits for one that is gone."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path

import psutil
import pytest

from bot.nlu.beside import BesideEngine
from bot.nlu.embedded import load_engine
from bot.nlu.training import ensure_model
from khmer_nlu import Slot
from tests.nlu.few import write_few_examples

TODAY = date(2026, 11, 26)
WAIT_S = 60
TEXTS = [
    "good morning friend 7",
    "I earned 300 baht per day for 3 months in Phnom Penh, 012 345 678",
    "i want to kill myself",
    "",
    "two\nlines\r\nand\u2028three",
    "\u0000 \ud83d \u200b",
    "a" * 20_000,
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    paths = write_few_examples(tmp_path_factory.mktemp("few"))
    return ensure_model(paths, paths.root / "models")


@asynccontextmanager
async def beside(folder: Path, *, patience_s: float = WAIT_S, silent_s: float = WAIT_S) -> AsyncIterator[BesideEngine]:
    engine = BesideEngine(folder, patience_s=patience_s, silent_s=silent_s)
    try:
        await engine.labels()
        yield engine
    finally:
        await engine.aclose()


def child() -> psutil.Process:
    (found,) = [one for one in psutil.Process().children() if "bot.nlu.beside" in one.cmdline()]
    return found


async def test_it_understands_what_the_model_understands_in_this_process(model: Path) -> None:
    inside = load_engine(model)
    slots: list[Slot | None] = [None, "money"]
    async with beside(model) as engine:
        assert await engine.labels() == await inside.labels()
        for text in TEXTS:
            for slot in slots:
                here = await inside.parse(text, today=TODAY, slot=slot)
                assert await engine.parse(text, today=TODAY, slot=slot) == here


async def test_each_of_many_messages_at_once_gets_its_own_answer(model: Path) -> None:
    async with beside(model) as engine:
        found = await asyncio.gather(*(engine.parse(f"{n} baht", today=TODAY) for n in range(1, 80)))
    assert [parsed.text for parsed in found] == [f"{n} baht" for n in range(1, 80)]


async def test_whoever_goes_away_takes_nobodys_answer(model: Path) -> None:
    async with beside(model) as engine:
        gone = asyncio.create_task(engine.parse("one", today=TODAY))
        stays = asyncio.create_task(engine.parse("two", today=TODAY))
        await asyncio.sleep(0)
        gone.cancel()
        assert (await stays).text == "two"


async def test_when_it_is_killed_the_messages_in_its_hands_are_understood_by_another(
    model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with beside(model) as engine:
        before = await engine.parse(TEXTS[0], today=TODAY)
        first = child()
        first.suspend()
        asked = [asyncio.create_task(engine.parse(TEXTS[0], today=TODAY)) for _ in range(20)]
        await asyncio.sleep(0.05)
        first.kill()
        assert await asyncio.gather(*asked) == [before] * 20
        assert child().pid != first.pid
    assert len(caplog.records) == 1  # one line, not one for each message


async def test_nobody_waits_for_one_that_hangs_and_it_is_replaced(model: Path) -> None:
    async with beside(model, patience_s=1, silent_s=4) as engine:
        first = child()
        first.suspend()
        in_danger = await engine.parse("i want to kill myself", today=TODAY)
        assert (in_danger.crisis, in_danger.intent) == ("crisis_self_harm", "nlu_fallback")
        assert child().pid == first.pid
        await asyncio.sleep(3.3)
        await engine.labels()
        engine._patience_s = WAIT_S
        assert (await engine.parse(TEXTS[0], today=TODAY)).ranking
        assert child().pid != first.pid


async def test_one_that_hangs_is_replaced_though_everybody_goes_away_before(model: Path) -> None:
    async with beside(model, silent_s=0.5) as engine:
        first = child()
        first.suspend()
        for _ in range(3):
            with suppress(TimeoutError):
                await asyncio.wait_for(engine.parse(TEXTS[0], today=TODAY), 0.3)
        await engine.labels()
        assert (await engine.parse(TEXTS[0], today=TODAY)).ranking
        assert child().pid != first.pid


async def test_one_that_hangs_at_its_start_is_replaced(model: Path) -> None:
    engine = BesideEngine(model, silent_s=4)
    first = child()
    first.suspend()
    try:
        assert not (await engine.parse(TEXTS[0], today=TODAY)).ranking
        assert (await engine.parse(TEXTS[0], today=TODAY)).ranking
        assert child().pid != first.pid
    finally:
        await engine.aclose()


async def test_when_it_can_not_be_started_danger_is_still_found_and_it_is_tried_again(
    model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    async with beside(folder) as engine:
        moved = folder.rename(tmp_path / "away")
        child().kill()
        in_danger = await engine.parse("i want to kill myself", today=TODAY)
        other = await engine.parse(TEXTS[0], today=TODAY)
        moved.rename(folder)
        mended = await engine.parse(TEXTS[0], today=TODAY)
    assert (in_danger.crisis, in_danger.intent) == ("crisis_self_harm", "nlu_fallback")
    assert (other.decision, other.ranking) == ("fallback", ())
    assert mended.ranking


async def test_a_model_that_is_damaged_is_not_taken(tmp_path: Path) -> None:
    engine = BesideEngine(tmp_path)
    with pytest.raises(ConnectionError):
        await engine.labels()
    await engine.aclose()


async def test_it_ends_with_a_bot_that_is_killed(model: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from bot.nlu.beside import BesideEngine\n"
        "engine = BesideEngine(Path(sys.argv[1])); print(engine._child.process.pid, flush=True); time.sleep(600)"
    )
    bot = subprocess.Popen([sys.executable, "-c", code, str(model)], stdout=subprocess.PIPE)  # noqa: ASYNC220
    assert bot.stdout
    pid = int(bot.stdout.readline())
    assert psutil.pid_exists(pid)
    os.kill(bot.pid, signal.SIGKILL)
    bot.wait()
    bot.stdout.close()
    async with asyncio.timeout(WAIT_S):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
