"""The threads in which functions of a connection run; `engine` says what they promise."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from bot.errors import StorageDown
from bot.storage.dialects import has_disk_failed, is_down, reason, say

MOST_TOGETHER = 64

T = TypeVar("T")


class Workers(Protocol):
    """Runs functions of a connection, each in one transaction."""

    async def run(self, fn: Callable[[sa.Connection], T]) -> T:
        """What fn gives, after the commit."""

    async def between(self, fn: Callable[[sa.Engine], None]) -> None:
        """Lets fn work on the engine, outside any transaction of these threads."""

    def close(self) -> None:
        """Ends what has begun or waits; no more may come."""


class Pool:
    """As many threads as the engine has connections: each function has a transaction of its own."""

    def __init__(self, engine: sa.Engine, *, threads: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="storage")

    async def run(self, fn: Callable[[sa.Connection], T]) -> T:
        """What fn gives, after the commit."""
        outcome = await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, fn)
        value: T = _value(outcome)
        return value

    async def between(self, fn: Callable[[sa.Engine], None]) -> None:
        """Lets fn work on the engine, outside any transaction of these threads."""
        await _between(self._engine, fn)

    def _transact(self, fn: Callable[[sa.Connection], T]) -> "_Outcome":
        try:
            with self._engine.begin() as tx:
                return _Value(fn(tx))
        except BaseException as error:  # noqa: BLE001 - the top of a worker: whoever awaits gets it
            return _Failure(_down(error) or error)

    def close(self) -> None:
        """Ends what has begun or waits; no more may come."""
        self._threads.shutdown()
        self._engine.dispose()


class SingleWriter:
    """One thread that commits together what waits together, since SQLite's cost lies in the commit.

    Each function runs in a savepoint, so that one that raises takes nothing with it. When the database fails, none of
    those that were together is written. disk_failed is called before anybody is answered, when the file could not be
    written: after a failed fsync the system may show pages that never reach the disk, so that nothing may go on.
    """

    def __init__(self, engine: sa.Engine, *, disk_failed: Callable[[BaseException], None]) -> None:
        self._engine, self._disk_failed = engine, disk_failed
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="storage-writer", daemon=True)
        self._thread.start()

    async def run(self, fn: Callable[[sa.Connection], T]) -> T:
        """What fn gives, after the commit."""
        loop = asyncio.get_running_loop()
        job = _Job(fn=fn, loop=loop, answer=loop.create_future())
        self._jobs.put(job)
        value: T = _value(await job.answer)
        return value

    async def between(self, fn: Callable[[sa.Engine], None]) -> None:
        """Lets fn work on the engine, outside any transaction of these threads."""
        await _between(self._engine, fn)

    def close(self) -> None:
        """Ends what has begun or waits; no more may come."""
        self._jobs.put(None)
        self._thread.join()
        self._engine.dispose()

    def _work(self) -> None:
        while (first := self._jobs.get()) is not None:
            together, is_last = self._together_with(first)
            _answer(together, self._transact(together))
            if is_last:
                return

    def _together_with(self, first: "_Job") -> tuple[list["_Job"], bool]:
        together = [first]
        while len(together) < MOST_TOGETHER:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                return together, True
            together.append(job)
        return together, False

    def _transact(self, jobs: Sequence["_Job"]) -> Sequence["_Outcome"]:
        try:
            with self._engine.begin() as tx:
                return [_run_in_savepoint(tx, job) for job in jobs]
        except BaseException as error:  # noqa: BLE001 - the top of a worker: whoever awaits gets it
            if has_disk_failed(error):
                self._disk_failed(error)
            return [_Failure(_down(error) or error)] * len(jobs)


async def _between(engine: sa.Engine, fn: Callable[[sa.Engine], None]) -> None:
    try:
        await asyncio.to_thread(fn, engine)
    except Exception as error:
        raise (_down(error) or error) from error


@dataclass(frozen=True, kw_only=True)
class _Job:
    fn: Callable[[sa.Connection], Any]
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[_Outcome]"


@dataclass(frozen=True)
class _Value:
    value: Any


@dataclass(frozen=True)
class _Failure:
    error: BaseException


_Outcome = _Value | _Failure


def _value(outcome: _Outcome) -> Any:
    match outcome:
        case _Value(value):
            return value
        case _Failure(error):
            raise error


def _down(error: BaseException) -> StorageDown | None:
    if not is_down(error):
        return None
    down = StorageDown(f"The database does not answer ({reason(error)}).")
    down.__cause__ = error
    return down


def _run_in_savepoint(tx: sa.Connection, job: _Job) -> _Outcome:
    if job.answer.cancelled():
        return _Value(None)
    say(tx, "SAVEPOINT job")
    outcome: _Outcome
    try:
        outcome = _Value(job.fn(tx))
    except BaseException as error:
        if _down(error):
            raise
        say(tx, "ROLLBACK TO job")
        outcome = _Failure(error)
    say(tx, "RELEASE job")
    return outcome


def _answer(jobs: Sequence[_Job], outcomes: Sequence[_Outcome]) -> None:
    """Hands the outcomes to the event loops, each woken once: to wake one costs as much as a statement."""
    for loop in {job.loop for job in jobs}:
        theirs = [(job.answer, outcome) for job, outcome in zip(jobs, outcomes, strict=True) if job.loop is loop]
        with suppress(RuntimeError):  # a loop that is closed: nobody awaits any more
            loop.call_soon_threadsafe(_set, theirs)


def _set(answers: Sequence[tuple["asyncio.Future[_Outcome]", _Outcome]]) -> None:
    for answer, outcome in answers:
        if not answer.done():
            answer.set_result(outcome)
