"""What is kept for a time only: gone from the file, from its log, and from every copy that was made before."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.cases.retention import RAW_UPDATES
from bot.errors import KeyDestroyed
from bot.settings import Settings
from bot.storage import updates
from bot.storage.engine import Storage, open_storage
from bot.storage.migrate import upgrade
from bot.storage.updates import UpdateRow
from bot.storage.vault import Vault, open_vault
from bot.work.ingest import PURGED_AT_ONCE
from bot.work.retention import Retention
from tests.storage.rows import count

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CANARY = b"canary 8812 " * 40


@pytest.fixture
def own_vault(tmp_path: Path) -> Iterator[Vault]:
    with closing(open_vault(Settings(data_dir=tmp_path / "keys"))) as opened:
        yield opened


@pytest.fixture
def own_storage(empty_database_url: str, own_vault: Vault) -> Iterator[Storage]:
    upgrade(empty_database_url, own_vault)
    opened = open_storage(empty_database_url, own_vault)
    yield opened
    opened.close()


def retention(storage: Storage, vault: Vault, now: datetime) -> Retention:
    async def purge_rows() -> int:
        return await storage.run(partial(updates.purge, received_before=now - RAW_UPDATES, limit=PURGED_AT_ONCE))

    return Retention(storage=storage, keys=vault.keys, purge_rows=purge_rows, erase_due=lambda: None, now=lambda: now)


async def keep(storage: Storage, name: str, at: datetime) -> UpdateRow:
    return await storage.run(
        partial(updates.receive, channel="telegram", bot="b", external_id=name, raw=CANARY, now=at)
    )


async def test_a_day_loses_its_key_once_all_of_it_is_old(own_storage: Storage, own_vault: Vault) -> None:
    for day in range(3):
        await keep(own_storage, str(day), NOON + timedelta(days=day))
    owners = partial(own_vault.keys.owners, "updates ")
    assert owners() == ["updates 2026-11-20", "updates 2026-11-21", "updates 2026-11-22"]

    at = NOON + RAW_UPDATES + timedelta(hours=1)  # the first is too old, but its day is not over yet
    assert await retention(own_storage, own_vault, at).purge_updates() == 0
    assert len(owners()) == 3
    assert await own_storage.read(lambda tx: count(tx, "raw_updates")) == 2

    at = NOON + RAW_UPDATES + timedelta(hours=12)
    assert await retention(own_storage, own_vault, at).purge_updates() == 1
    assert owners() == ["updates 2026-11-21", "updates 2026-11-22"]
    assert await own_storage.read(lambda tx: count(tx, "raw_updates")) == 2


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_a_copy_of_before_can_not_be_read_any_more(
    own_storage: Storage, own_vault: Vault, empty_database_url: str, tmp_path: Path
) -> None:
    row = await keep(own_storage, "one", NOON)
    backup = tmp_path / "backup.db"
    with closing(sa.create_engine(empty_database_url).raw_connection()) as connection:
        connection.execute("VACUUM INTO ?", (str(backup),)).close()
    look = partial(updates.list_open, status="received", received_until=NOON, limit=1)
    with closing(open_storage(f"sqlite:///{backup}", own_vault)) as restored:
        assert [found.raw for found in await restored.read(look)] == [CANARY]

    await retention(own_storage, own_vault, NOON + timedelta(days=5)).purge_updates()

    with closing(open_storage(f"sqlite:///{backup}", own_vault)) as restored, pytest.raises(KeyDestroyed):
        await restored.read(look)
    assert row.id.hex.encode() in backup.read_bytes()
    assert files_with(row.id.hex.encode(), tmp_path) == []


def files_with(words: bytes, folder: Path) -> list[str]:
    return [file.name for file in folder.glob("test.db*") if words in file.read_bytes()]


async def test_a_clock_that_is_wrong_deletes_nothing(own_storage: Storage, own_vault: Vault) -> None:
    await keep(own_storage, "one", datetime(2020, 1, 1, tzinfo=UTC))

    at = datetime(2025, 12, 31, tzinfo=UTC)
    assert await retention(own_storage, own_vault, at).purge_updates() == 0

    assert own_vault.keys.owners("updates ") == ["updates 2020-01-01"]
    assert await own_storage.read(lambda tx: count(tx, "raw_updates")) == 1
