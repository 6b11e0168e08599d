"""Migrations: the tables of `tables.py`, on both databases, without losing a row."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from bot.errors import StorageError
from bot.storage import conversations, dialects, messages, migrate, outbound
from bot.storage.engine import open_storage
from bot.storage.tables import METADATA
from bot.storage.vault import Vault, carry
from tests.conftest import Dialect
from tests.storage.rows import NOW, count, hear, say, status

HEAD = "0009"
ADDED = re.compile(r", (\w+ [A-Z]+, )$", re.MULTILINE)
"""A column that SQLite added later, which it writes behind the last."""
CONSTRAINTS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%' ORDER BY name",
    "postgres": (
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = CAST('public' AS regnamespace) AND conname NOT LIKE '%alembic%'"
        " UNION ALL SELECT indexname, indexdef FROM pg_indexes"
        " WHERE schemaname = 'public' AND indexname NOT LIKE '%alembic%' ORDER BY 1, 2"
    ),
}


def schema(connection: sa.Connection, dialect: Dialect) -> list[tuple[str, list[str]]]:
    """Every table and constraint in the database's own words, without regard to the order of lines and to quotes."""
    rows = connection.execute(sa.text(CONSTRAINTS[dialect]))
    lines = ((name, ADDED.sub(r",\n\1", (words or "").replace('"', "")).splitlines()) for name, words in rows)
    return [(name, sorted(line.strip(" \t,") for line in words)) for name, words in lines]


def test_an_empty_database_is_brought_to_head(empty_database_url: str, vault: Vault) -> None:
    assert migrate.current_and_head(empty_database_url) == (None, HEAD)

    migrate.upgrade(empty_database_url, vault)

    assert migrate.current_and_head(empty_database_url) == (HEAD, HEAD)
    open_storage(empty_database_url, vault).close()


def test_to_upgrade_again_changes_nothing(own_database_url: str, vault: Vault) -> None:
    with migrate.changing(own_database_url, vault) as connection:
        row = say(connection)

    migrate.upgrade(own_database_url, vault)

    with migrate.changing(own_database_url, vault) as connection:
        assert count(connection, "outbound") == row.seq == 1


def test_alembic_finds_no_difference_to_the_tables(own_database_url: str, vault: Vault) -> None:
    with migrate.changing(own_database_url, vault) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_migrated_schema_is_word_for_word_that_of_the_tables(
    empty_database_url: str, dialect: Dialect, vault: Vault
) -> None:
    with migrate.changing(empty_database_url, vault) as connection:
        METADATA.create_all(connection)
        expected = schema(connection, dialect)
        METADATA.drop_all(connection)
    migrate.upgrade(empty_database_url, vault)

    with migrate.changing(empty_database_url, vault) as connection:
        assert schema(connection, dialect) == expected
    assert len(expected) > len(METADATA.tables)


def test_down_and_up_again_ends_where_it_began(own_database_url: str, dialect: Dialect, vault: Vault) -> None:
    with migrate.changing(own_database_url, vault) as connection:
        before = schema(connection, dialect)
        command.downgrade(migrate.config(connection, vault), "base")
        assert set(sa.inspect(connection).get_table_names()) == {"alembic_version"}

    migrate.upgrade(own_database_url, vault)

    with migrate.changing(own_database_url, vault) as connection:
        assert schema(connection, dialect) == before


def test_down_from_the_second_keeps_messages_and_calls_failed_ones_rejected(
    own_database_url: str, vault: Vault
) -> None:
    with migrate.changing(own_database_url, vault) as connection:
        row = say(connection)
        outbound.mark_failed(connection, row.id, error="timeout", now=NOW)
        command.downgrade(migrate.config(connection, vault), "0001")
        assert status(connection, row) == "rejected"
        assert "raw_updates" not in sa.inspect(connection).get_table_names()

    migrate.upgrade(own_database_url, vault)

    with migrate.changing(own_database_url, vault) as connection:
        assert (status(connection, row), count(connection, "messages")) == ("rejected", 1)


def test_rows_of_a_version_that_did_not_seal_are_sealed(own_database_url: str, vault: Vault) -> None:
    with migrate.changing(own_database_url, vault) as connection:
        rows = [hear(connection, f"someone {n}", body=f"words {n}") for n in range(3)]
        command.downgrade(migrate.config(connection, vault), "0003")
        plain = connection.execute(sa.text("SELECT body FROM messages")).scalars()
        assert sorted(bytes(body) for body in plain) == [b"words 0", b"words 1", b"words 2"]

    migrate.upgrade(own_database_url, vault)

    with migrate.changing(own_database_url, vault) as connection:
        assert b"words" not in b"".join(map(bytes, connection.execute(sa.text("SELECT body FROM messages")).scalars()))
        assert [messages.get(connection, row.id) for row in rows] == rows
        again = conversations.lock_or_create(connection, channel="web", bot="webchat", contact_ref="someone 1", now=NOW)
        assert again.id == rows[1].conversation_id
        assert again.contact_ref == "someone 1"


def test_a_message_is_known_by_a_mark_whatever_version_heard_it(own_database_url: str, vault: Vault) -> None:
    name = "5012345678:211"
    with migrate.changing(own_database_url, vault) as connection:
        marked = hear(connection, external_id="5012345678:210")
        command.downgrade(migrate.config(connection, vault), "0007")
        plain = hear(connection, external_id="x")
        rename = sa.text("UPDATE messages SET external_id = :name WHERE seq = 2")
        connection.execute(rename, {"name": name})

    migrate.upgrade(own_database_url, vault)

    with migrate.changing(own_database_url, vault) as connection:
        for row, known in ((marked, "5012345678:210"), (plain, name)):
            found = messages.seq_of(connection, channel=row.channel, bot=row.bot, external_id=known)
            assert found == row.seq
        kept = connection.execute(sa.text("SELECT external_id FROM messages")).scalars().all()
        assert not [mark for mark in kept if "5012345678" in mark]


def test_a_database_of_a_newer_version_is_left_alone(own_database_url: str, vault: Vault) -> None:
    with migrate.changing(own_database_url, vault) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StorageError, match="9999"):
        migrate.upgrade(own_database_url, vault)
    with pytest.raises(StorageError, match=f"is at revision 9999; this version needs revision {HEAD}"):
        open_storage(own_database_url, vault)


def upgrade_and_fail(database_url: str, vault: Vault) -> None:
    with migrate.changing(database_url, vault) as connection:
        command.upgrade(migrate.config(connection, vault), "head")
        raise ZeroDivisionError


def test_a_migration_that_fails_leaves_nothing(empty_database_url: str, vault: Vault) -> None:
    with pytest.raises(ZeroDivisionError):
        upgrade_and_fail(empty_database_url, vault)

    assert migrate.current_and_head(empty_database_url) == (None, HEAD)


def test_a_table_that_is_made_anew_keeps_the_rows_that_refer_to_it(own_database_url: str, vault: Vault) -> None:
    with migrate.changing(own_database_url, vault) as connection:
        say(connection)
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("conversations", recreate="auto") as batch:
            batch.alter_column("language", server_default="km")

    with migrate.changing(own_database_url, vault) as connection:
        assert [count(connection, name) for name in ("conversations", "messages", "outbound")] == [1, 1, 1]


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_migration_that_leaves_rows_without_their_parent_is_refused(own_database_url: str, vault: Vault) -> None:
    with migrate.changing(own_database_url, vault) as connection:
        say(connection)

    with pytest.raises(StorageError, match="refer to none"), migrate.changing(own_database_url, vault) as connection:
        connection.exec_driver_sql("DELETE FROM conversations")

    with migrate.changing(own_database_url, vault) as connection:
        assert count(connection, "conversations") == 1


def test_four_processes_may_start_at_once(empty_database_url: str, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bot.settings import Settings\n"
        "from bot.storage.migrate import upgrade; from bot.storage.vault import open_vault\n"
        "upgrade(sys.argv[1], open_vault(Settings(data_dir=Path(sys.argv[2]))))"
    )
    keys = tmp_path / "keys"
    starting = [subprocess.Popen([sys.executable, "-c", code, empty_database_url, str(keys)]) for _ in range(4)]

    assert [process.wait(60) for process in starting] == [0] * 4
    assert migrate.current_and_head(empty_database_url) == (HEAD, HEAD)


def test_the_file_is_for_its_owner_alone(tmp_path: Path, vault: Vault) -> None:
    file = tmp_path / "private.db"
    url = f"sqlite:///{file}"
    migrate.upgrade(url, vault)

    engine = carry(dialects.create_engine(dialects.parse_database_url(url), connections=1), vault)
    with engine.begin() as tx:
        say(tx)
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
        assert len(list(tmp_path.iterdir())) == 3
    engine.dispose()


def test_a_folder_that_may_not_be_written_is_explained(tmp_path: Path, vault: Vault) -> None:
    (tmp_path / "file.db").mkdir()

    with pytest.raises(StorageError, match="can not be used: unable to open"):
        migrate.upgrade(f"sqlite:///{tmp_path / 'file.db'}", vault)
