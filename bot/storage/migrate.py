"""Brings a database to the schema of this version. Safe when several processes start at once."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from bot.errors import StorageError
from bot.storage import dialects
from bot.storage.vault import Vault, carry

MIGRATIONS = Path(__file__).parent / "migrations"
_POSTGRES_LOCK = 0x72657475726E  # any number that nothing else in the database locks


def upgrade(database_url: str, vault: Vault) -> None:
    """Makes the database, or changes its schema to that of this version, or does nothing.

    Raises:
        StorageError: the address is wrong, the database can not be reached, or a newer version has changed it.
    """
    with changing(database_url, vault) as connection:
        try:
            command.upgrade(config(connection, vault), "head")
        except CommandError as error:
            raise StorageError(f"The database can not be upgraded by this version: {error}") from error


def current_and_head(database_url: str) -> tuple[str | None, str]:
    """The revision the database is at, None for an empty one, and the one that this version needs.

    Raises:
        StorageError: the address is wrong or the database can not be reached.
    """
    url = dialects.parse_database_url(database_url)
    head = ScriptDirectory.from_config(config()).get_current_head()
    if head is None:
        raise StorageError(f"There are no migrations in {MIGRATIONS}.")
    if url.database and dialects.is_sqlite(url) and not Path(url.database).exists():
        return None, head
    with _reaching(url, read_only=True) as engine, engine.begin() as connection:
        return MigrationContext.configure(connection).get_current_revision(), head


def config(connection: sa.Connection | None = None, vault: Vault | None = None) -> Config:
    """Alembic's settings; its commands work on the connection, inside the transaction that is open there.

    An upgrade needs the vault, with which it seals rows of versions that did not.
    """
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    settings.attributes |= {"connection": connection, "vault": vault}
    return settings


@contextmanager
def changing(database_url: str, vault: Vault) -> Iterator[sa.Connection]:
    """A connection on which the schema may be changed: one transaction, with every other process waiting.

    Raises:
        StorageError: the address is wrong, the database can not be reached, or a row refers to none in the end.
    """
    url = dialects.parse_database_url(database_url)
    if dialects.is_sqlite(url):
        dialects.make_private(Path(str(url.database)))
    with _reaching(url, read_only=False) as engine, carry(engine, vault).begin() as connection:
        if not dialects.is_sqlite(url):
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRES_LOCK)))
        yield connection
        if dialects.is_sqlite(url) and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            raise StorageError("The change of schema would leave rows that refer to none; nothing is changed.")


@contextmanager
def _reaching(url: sa.URL, *, read_only: bool) -> Iterator[sa.Engine]:
    engine = dialects.create_engine(url, connections=1, read_only=read_only, changes_schema=not read_only)
    try:
        yield engine
    except (sa.exc.DBAPIError, sqlite3.Error) as error:
        if not dialects.is_down(error):
            raise
        raise StorageError(f"The database can not be used: {dialects.reason(error)}") from error
    finally:
        engine.dispose()
