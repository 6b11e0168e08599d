"""Several processes on one PostgreSQL: one name each, one leader a channel, and nobody takes what the living do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import psycopg
import pytest

from bot.errors import SettingsError, StorageError
from bot.storage.engine import Storage
from bot.storage.processes import dead, refuse_taken_name
from bot.work import together
from bot.work.together import Alone, Together
from tests.channels.test_telegram_poll import until

HOLDERS = "SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory'"

pytestmark = pytest.mark.parametrize("dialect", ["postgres"], indirect=True)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(together, "AGAIN_AFTER_S", 0.05)
    monkeypatch.setattr(together, "COME_BACK_WITHIN_S", 0.0)
    monkeypatch.setattr(together, "BE_WITHIN_S", 0.3)


@asynccontextmanager
async def member(url: str, name: str, heard: Callable[[str], None] = lambda signal: None) -> AsyncIterator[Together]:
    """A process of this name."""
    one, stop = Together(database_url=url, executor_id=name, channels=["telegram"]), asyncio.Event()
    task = asyncio.create_task(one.run(stop, heard))
    await asyncio.wait_for(one.joined(), 10)
    try:
        yield one
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def test_one_leads_and_the_next_takes_over_when_it_ends(database_url: str) -> None:
    async with member(database_url, "second") as second:
        await until(lambda: second.leads("telegram"))
        async with member(database_url, "third") as third:
            await asyncio.sleep(0.3)
            assert not third.leads("telegram")
            assert second.leads("telegram")
        assert not third.leads("telegram")
    async with member(database_url, "third") as third:
        await until(lambda: third.leads("telegram"))
    assert not second.leads("telegram")


async def test_the_dead_are_told_from_the_living(database_url: str, storage: Storage) -> None:
    look = partial(dead, executor_ids=["first", "second", ""])
    async with member(database_url, "first"):
        assert await storage.run(look) == ["second", ""]
        async with member(database_url, "second") as second:
            assert second.can_tell_who_is_dead()
            assert await storage.run(look) == [""]
        assert not second.can_tell_who_is_dead()
    assert await storage.run(look) == ["first", "second", ""]


async def test_what_one_tells_the_others_hear(database_url: str) -> None:
    heard: list[str] = []
    async with member(database_url, "first", heard.append), member(database_url, "second") as second:
        for number in range(500):
            second.tell(f"wake {number}")
            second.tell(f"wake {number}")
        await until(lambda: len(heard) >= 500)
        second.tell("ភាសាខ្មែរ")
        await until(lambda: heard[-1] == "ភាសាខ្មែរ")
    assert heard[:-1] == [f"wake {number}" for number in range(500)]


async def test_a_connection_that_breaks_ends_the_lead_and_is_made_anew(database_url: str) -> None:
    heard: list[str] = []
    async with member(database_url, "first", heard.append) as first:
        await until(lambda: first.leads("telegram"))
        with psycopg.connect(database_url, autocommit=True) as other:
            before = {pid for (pid,) in other.execute(HOLDERS)}
            other.execute(f"SELECT pg_terminate_backend(pid) FROM ({HOLDERS}) holders")
            await until(lambda: not before & {pid for (pid,) in other.execute(HOLDERS)})
            await until(lambda: bool(other.execute(HOLDERS).fetchall()))
        await until(lambda: first.leads("telegram"))
        first.tell("again")
        await until(lambda: "again" in heard)


async def test_a_name_that_is_taken_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.storage.processes.LETS_GO_WITHIN_S", 0.3)
    refuse_taken_name(database_url, "first")
    async with member(database_url, "first"):
        with pytest.raises(StorageError, match="EXECUTOR_ID=first: another process has this name"):
            await asyncio.to_thread(refuse_taken_name, database_url, "first")
        late = Together(database_url=database_url, executor_id="first", channels=[])
        with pytest.raises(SettingsError, match="EXECUTOR_ID=first"):
            await asyncio.wait_for(late.run(asyncio.Event(), lambda signal: None), 10)
    refuse_taken_name(database_url, "first")


async def test_a_server_that_is_gone_is_said_at_once(database_url: str) -> None:
    gone = "postgresql://nobody@127.0.0.1:9/none"
    with pytest.raises(StorageError, match="does not answer"):
        await asyncio.to_thread(refuse_taken_name, gone, "first")


async def test_who_is_alone_leads_everything(database_url: str) -> None:
    alone, stop = Alone(), asyncio.Event()
    await alone.joined()
    assert alone.leads("telegram")
    assert alone.can_tell_who_is_dead()
    stop.set()
    await alone.run(stop, lambda signal: None)
