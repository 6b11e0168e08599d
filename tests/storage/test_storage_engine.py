"""Storage: each function in one transaction, whole or not at all, whatever happens around it."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
import sqlalchemy as sa

from bot.errors import StorageDown, StorageError
from bot.storage.engine import Storage
from tests.storage.rows import Gate, conversation_of, count, hear

only_sqlite = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
only_postgres = pytest.mark.parametrize(
    "dialect", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
count_messages = partial(count, table="messages")


class Broken(Exception):
    """What a use case raises in these tests."""


def hear_and_break(tx: sa.Connection) -> None:
    hear(tx)
    raise Broken


def hold_at(gate: Gate) -> Callable[[sa.Connection], None]:
    return lambda tx: gate.hold()


def hear_behind(gate: Gate) -> Callable[[sa.Connection], int]:
    def fn(tx: sa.Connection) -> int:
        row = hear(tx)
        gate.hold()
        return row.seq

    return fn


async def test_what_run_wrote_is_read_at_once(storage: Storage) -> None:
    row = await storage.run(hear)

    assert row.seq == 1
    assert await storage.read(count_messages) == 1


async def test_a_function_that_raises_leaves_nothing(storage: Storage) -> None:
    with pytest.raises(Broken):
        await storage.run(hear_and_break)

    assert await storage.read(partial(count, table="contacts")) == 0


async def test_a_function_that_raises_takes_nothing_of_others_with_it(storage: Storage) -> None:
    gate = Gate()
    async with asyncio.TaskGroup() as group:
        held = group.create_task(storage.run(hear_behind(gate)))
        await gate.entered()
        together = asyncio.gather(
            storage.run(hear), storage.run(hear_and_break), storage.run(hear), return_exceptions=True
        )
        await asyncio.sleep(0)  # all three now wait for the first
        gate.open()
        outcomes = await together

    assert held.result() == 1
    assert isinstance(outcomes[1], Broken)
    assert await storage.read(count_messages) == 3


async def test_whatever_a_function_raises_reaches_whoever_awaits(storage: Storage) -> None:
    def stop(tx: sa.Connection) -> None:
        raise StopIteration

    for run in (storage.run, storage.read):
        with pytest.raises(RuntimeError, match="StopIteration"):
            await run(stop)


async def test_one_that_waits_and_is_cancelled_never_begins(storage: Storage) -> None:
    gates = [Gate() for _ in range(8)]  # as many as there are writers on PostgreSQL
    held = [asyncio.ensure_future(storage.run(hold_at(gate))) for gate in gates]
    await gates[0].entered()
    waiting = asyncio.ensure_future(storage.run(hear))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    for gate in gates:
        gate.open()
    await asyncio.gather(*held)

    assert await storage.run(count_messages) == 0


async def test_one_that_has_begun_and_is_cancelled_runs_to_its_end(storage: Storage) -> None:
    gate = Gate()
    running = asyncio.ensure_future(storage.run(hear_behind(gate)))
    await gate.entered()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    gate.open()

    assert (await storage.run(hear)).seq == 2


async def test_a_reader_never_waits_for_a_writer(storage: Storage) -> None:
    gate = Gate()
    writing = asyncio.ensure_future(storage.run(hear_behind(gate)))
    await gate.entered()

    assert await storage.read(count_messages) == 0
    gate.open()
    await writing
    assert await storage.read(count_messages) == 1


async def test_a_reader_sees_one_moment(storage: Storage) -> None:
    gate = Gate()

    def count_twice(tx: sa.Connection) -> tuple[int, int]:
        before = count_messages(tx)
        gate.hold()
        return before, count_messages(tx)

    reading = asyncio.ensure_future(storage.read(count_twice))
    await gate.entered()
    await storage.run(hear)
    gate.open()

    assert await reading == (0, 0)


async def test_a_reader_can_not_write(storage: Storage) -> None:
    with pytest.raises(sa.exc.DBAPIError, match=r"read-?only"):
        await storage.read(hear)


async def test_errors_never_show_what_was_written(storage: Storage) -> None:
    with pytest.raises(sa.exc.IntegrityError) as caught:
        await storage.run(lambda tx: hear(tx, body="my secret", author="nobody"))

    assert "my secret" not in str(caught.value)


async def test_a_closed_storage_says_so(storage: Storage) -> None:
    storage.close()
    storage.close()

    for run in (storage.run, storage.read):
        with pytest.raises(StorageDown, match="closed"):
            await run(count_messages)


async def test_close_ends_what_waits(storage: Storage, database_url: str) -> None:
    gate = Gate()
    running = [asyncio.ensure_future(storage.run(hear_behind(gate)))]
    await gate.entered()
    running += [asyncio.ensure_future(storage.run(lambda tx: hear(tx).seq)) for _ in range(3)]
    await asyncio.sleep(0)

    gate.open()
    storage.close()

    assert sorted(await asyncio.gather(*running)) == [1, 2, 3, 4]


def test_an_event_loop_that_ended_while_it_waited_stops_no_other(storage: Storage) -> None:
    gates: list[Gate] = []

    async def leave() -> None:
        gates.append(Gate())
        task = asyncio.ensure_future(storage.run(hear_behind(gates[0])))
        await gates[0].entered()
        task.cancel()

    asyncio.run(leave())
    gates[0].open()

    assert asyncio.run(storage.run(hear)).seq == 2


@only_sqlite
async def test_every_connection_to_sqlite_is_set_up_for_safety(storage: Storage) -> None:
    def pragmas(tx: sa.Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "trusted_schema", "temp_store")
        return {name: tx.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}

    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "trusted_schema": 0,
        "temp_store": 2,
    }
    assert await storage.run(pragmas) == expected
    assert await storage.read(pragmas) == expected


@only_sqlite
async def test_a_writer_that_another_process_keeps_out_is_down_and_comes_back(
    storage: Storage, database_url: str
) -> None:
    await storage.run(lambda tx: tx.exec_driver_sql("PRAGMA busy_timeout = 0").close())
    other = sa.create_engine(database_url)
    with other.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(StorageDown, match="locked"):
            await storage.run(hear)
    other.dispose()

    assert (await storage.run(hear)).seq == 1


@only_sqlite
async def test_when_the_database_fails_none_of_those_together_is_written(storage: Storage) -> None:
    def fill_the_disk(tx: sa.Connection) -> None:
        pages = tx.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        hear(tx, body="x" * 1_000_000)

    gate = Gate()
    held = asyncio.ensure_future(storage.run(hold_at(gate)))
    await gate.entered()
    together = asyncio.gather(storage.run(hear), storage.run(fill_the_disk), storage.run(hear), return_exceptions=True)
    await asyncio.sleep(0)
    gate.open()
    await held

    assert [type(outcome) for outcome in await together] == [StorageDown] * 3
    assert await storage.read(count_messages) == 0


@only_postgres
async def test_a_transaction_that_goes_on_after_an_error_is_not_taken_for_written(storage: Storage) -> None:
    def swallow(tx: sa.Connection) -> None:
        hear(tx)
        with pytest.raises(sa.exc.DBAPIError):
            tx.exec_driver_sql("SELECT no_such_column")

    with pytest.raises(StorageError, match="went on after an error"):
        await storage.run(swallow)

    assert await storage.read(count_messages) == 0


@only_postgres
async def test_a_lost_connection_is_down_and_the_next_one_works(storage: Storage) -> None:
    def lose(tx: sa.Connection) -> None:
        hear(tx)
        tx.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StorageDown):
        await storage.run(lose)

    assert await storage.read(count_messages) == 0
    assert (await storage.run(hear)).seq == 1


@only_postgres
async def test_a_restart_of_the_server_costs_no_transaction(storage: Storage) -> None:
    await storage.run(hear)

    def end_all_others(tx: sa.Connection) -> None:
        tx.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    await storage.read(end_all_others)

    assert (await storage.run(hear)).seq == 2


@only_postgres
async def test_conversations_are_written_side_by_side(storage: Storage) -> None:
    gate = Gate()
    held = asyncio.ensure_future(storage.run(hear_behind(gate)))
    await gate.entered()

    other = await storage.run(partial(conversation_of, contact_ref="someone else"))

    gate.open()
    assert await held == 1
    assert other.last_seq == 0
