"""Erasing ends whole wherever it is killed, and leaves no word in any file."""

import asyncio
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.errors import KeyDestroyed, StorageError
from bot.storage import audit, erased_list
from tests.storage.rows import count
from tests.talk import Talk

CANARY = "canary-88121"
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


class Killed(BaseException):
    """The process is gone here."""


async def ask(talk: Talk) -> None:
    await talk.say(f"my boss {CANARY}")
    await talk.say("delete")
    await talk.say("yes")


@pytest.mark.parametrize("place", ["erase.noted", "erase.destroyed"])
async def test_killed_in_between_it_is_done_by_the_next(talk: Talk, place: str) -> None:
    await ask(talk)

    def reached(name: str) -> None:
        if name == place:
            raise Killed

    with pytest.raises(Killed):
        await replace(talk.eraser, reached=reached).erase_due()
    assert await talk.eraser.erase_due() == 1

    assert await talk.storage.read(lambda tx: count(tx, "contacts")) == 1
    assert len(erased_list.read(talk.eraser.erased)) == 1
    assert await talk.eraser.erase_due() == 0


async def test_two_processes_that_erase_the_same_do_it_once(talk: Talk) -> None:
    await ask(talk)

    await asyncio.gather(talk.eraser.erase_due(), talk.eraser.erase_due())

    deeds = await talk.storage.read(partial(audit.newest, limit=10))
    assert [deed.action for deed in deeds] == ["erase_asked", "erased"]
    assert await talk.storage.read(lambda tx: count(tx, "contacts")) == 1


async def test_a_list_that_can_not_be_written_destroys_nothing(talk: Talk, tmp_path: Path) -> None:
    await ask(talk)
    nowhere = replace(talk.eraser, erased=tmp_path / "no folder" / "erased.list")

    with pytest.raises(StorageError, match="can not be written"):
        await nowhere.erase_due()

    assert await talk.storage.read(lambda tx: count(tx, "contacts")) == 2
    assert await talk.eraser.erase_due() == 1


async def test_a_copy_of_before_can_not_be_read_and_no_file_keeps_the_rows(talk: Talk, tmp_path: Path) -> None:
    await ask(talk)
    (old,) = await talk.storage.read(
        lambda tx: tx.execute(sa.text("SELECT id, conversation_id, body FROM messages WHERE seq = 1")).all()
    )
    backup = tmp_path / "backup.db"
    with closing(sa.create_engine(f"sqlite:///{tmp_path / 'bot.db'}").raw_connection()) as connection:
        connection.execute("VACUUM INTO ?", (str(backup),)).close()

    await talk.eraser.erase_due()

    assert old.id.encode() in backup.read_bytes()
    with pytest.raises(KeyDestroyed):
        talk.vault.open(old.conversation_id, "messages", "body", old.id, old.body)
    assert files_with(old.id.encode(), tmp_path) == []


def files_with(words: bytes, folder: Path) -> list[str]:
    return [file.name for file in folder.glob("bot.db*") if words in file.read_bytes()]


async def test_it_works_as_soon_as_it_is_called(talk: Talk) -> None:
    stop = asyncio.Event()
    working = asyncio.create_task(talk.eraser.run(stop))
    await ask(talk)

    async with asyncio.timeout(10):
        while await talk.storage.read(lambda tx: count(tx, "contacts")) > 1:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
    stop.set()
    await working


def test_a_line_that_is_not_ours_is_named(tmp_path: Path) -> None:
    file = tmp_path / "erased.list"
    erased_list.add(file, ["a", "b"], NOW)
    erased_list.add(file, ["a"], NOW)
    assert erased_list.read(file) == ["a", "b"]
    assert file.stat().st_mode & 0o777 == 0o600

    with file.open("a") as lines:
        lines.write("whatever\n")
    with pytest.raises(StorageError, match=r"erased\.list:4"):
        erased_list.read(file)


def test_no_list_means_nothing_was_erased(tmp_path: Path) -> None:
    assert partial(erased_list.read, tmp_path / "none")() == []
