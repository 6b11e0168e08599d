"""Promises 16 and 18: of what was erased no byte is left here, and yesterday's copies can not be read either."""

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from bot.errors import KeyDestroyed
from bot.model import Attachment
from bot.settings import Settings
from bot.storage import backups, cases, conversations
from bot.storage.engine import open_storage
from bot.storage.tables import case_events, messages
from bot.storage.tables import media as media_table
from bot.storage.vault import open_vault, vault_of
from bot.work.files import FileFetcher
from bot.work.together import Alone
from tests.files import photo
from tests.talk import Talk
from tests.work.test_files import Platform

CANARIES = [f"canary-{uuid4().hex}" for _ in range(50)]


async def tell_all(talk: Talk) -> list[bytes]:
    """Says fifty things in words, names, notes and a picture, and gives the ids of all rows and files of the talk."""
    for canary in CANARIES[:25]:
        await talk.say(f"wages {canary}")
        talk.wait(seconds=10)
    for canary in CANARIES[25:35]:
        await talk.send(Attachment(kind="photo", file_id=canary, name=canary, caption=canary))
        talk.wait(seconds=10)
    platform = Platform(content=photo() + "".join(CANARIES[35:45]).encode())
    fetcher = FileFetcher(
        storage=talk.storage,
        keys=talk.vault.keys,
        files=talk.eraser.files,
        channels={platform.name: platform},
        processes=Alone(),
        tell_refused=talk.followups.tell_refused,
        now=lambda: talk.time[0],
    )
    assert await fetcher.fetch_wanted() == 10
    await talk.say("person")
    await talk.storage.run(partial(write_notes, talk=talk))
    return await talk.storage.read(ids_of)


def write_notes(tx: sa.Connection, *, talk: Talk) -> None:
    find = partial(conversations.find, channel="web", bot="test", contact_ref=talk.contact_ref)
    conversation = find(tx)
    assert conversation
    (case,) = cases.of_conversation(tx, conversation.id)
    for canary in CANARIES[45:]:
        cases.add_event(tx, case_id=case.id, kind="note", now=talk.time[0], note=canary)


def ids_of(tx: sa.Connection) -> list[bytes]:
    tables = (messages.c.id, case_events.c.id, media_table.c.id)
    return [one.hex.encode() for column in tables for one in tx.scalars(sa.select(column))]


def files_with(words: list[bytes], folder: Path) -> set[str]:
    found = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return {file.name for file, content in found.items() if any(word in content for word in words)}


async def test_of_what_was_erased_no_byte_is_left(talk: Talk, tmp_path: Path) -> None:
    ids = await tell_all(talk)
    assert files_with([canary.encode() for canary in CANARIES], tmp_path) == set()
    assert files_with(ids, tmp_path) != set()

    await talk.say("delete")
    await talk.say("yes")
    talk.wait(hours=72)
    assert await talk.eraser.erase_due() == 1

    await talk.storage.forget_deleted()
    assert files_with(ids, tmp_path) == set()
    assert not list(talk.eraser.files.folder.iterdir())


async def test_a_purged_case_is_unreadable_from_yesterdays_backup_once_the_copy_of_its_key_is_gone(
    talk: Talk, tmp_path: Path
) -> None:
    await tell_all(talk)
    now = talk.time[0]
    data = backups.make(tmp_path / "d", what="data", database_url=f"sqlite:///{tmp_path / 'bot.db'}", now=now)
    keys = backups.make(tmp_path / "k", what="keys", database_url=f"sqlite:///{tmp_path / 'keys.db'}", now=now)
    await talk.say("delete")
    await talk.say("yes")
    talk.wait(hours=72)
    await talk.eraser.erase_due()

    thief = tmp_path / "thief"
    thief.mkdir()
    shutil.copy(data.database, thief / "bot.db")
    shutil.copy(tmp_path / "master.keys", thief / "master.keys")

    shutil.copy(keys.database, thief / "keys.db")
    assert await notes_in(thief) == CANARIES[45:]  # for seven days the copy of the keys opens it

    backups.drop_older(tmp_path / "k", what="keys", made_before=now + timedelta(days=7))
    assert not keys.folder.exists()
    with closing(sqlite3.connect(tmp_path / "keys.db")) as source, closing(sqlite3.connect(thief / "now.db")) as copy:
        source.backup(copy)
    shutil.move(thief / "now.db", thief / "keys.db")
    with pytest.raises(KeyDestroyed):
        await notes_in(thief)


async def notes_in(folder: Path) -> list[str]:
    """The notes of cases, read with all that the folder holds."""
    with (
        closing(open_vault(Settings(data_dir=folder))) as vault,
        closing(open_storage(f"sqlite:///{folder / 'bot.db'}", vault)) as storage,
    ):
        return await storage.read(_notes)


def _notes(tx: sa.Connection) -> list[str]:
    rows = tx.execute(sa.select(case_events).where(case_events.c.note.is_not(None)).order_by(case_events.c.at)).all()
    opened = [vault_of(tx).open(row.case_id, "case_events", "note", row.id, row.note) for row in rows]
    return sorted(opened, key=CANARIES.index)
