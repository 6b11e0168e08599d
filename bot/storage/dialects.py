"""All that differs between SQLite and PostgreSQL: addresses, connections, and how they say that they are down."""

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError

from bot.errors import StorageError

FORMS = "Write sqlite:///path/file.db or postgresql://user@host/database."
LOCK_TIMEOUT_S = 4
MIGRATION_LOCK_TIMEOUT_S = 300
CONNECT_TIMEOUT_S = 4
_SQLITE_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",
    "trusted_schema = OFF",
    "temp_store = MEMORY",  # nothing that people wrote in a file of its own
)
_SQLITE_DOWN = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}


def parse_database_url(database_url: str) -> sa.URL:
    """The address with its driver filled in.

    Raises:
        StorageError: the form is wrong, or the folder of the SQLite file is missing. Never quotes the address: it may
            hold a password.
    """
    try:
        url = sa.make_url(database_url)
    except ArgumentError as error:
        raise StorageError(f"DATABASE_URL is not an address of a database. {FORMS}") from error
    match url.drivername:
        case "sqlite":
            return _checked_file(url).set(drivername="sqlite+pysqlite")
        case "postgresql" | "postgresql+psycopg":
            return url.set(drivername="postgresql+psycopg")
        case other:
            raise StorageError(f"DATABASE_URL names a database of the kind “{other}”. {FORMS}")


def _checked_file(url: sa.URL) -> sa.URL:
    if not url.database or url.database == ":memory:":
        raise StorageError(f"DATABASE_URL names no file. {FORMS}")
    folder = Path(url.database).absolute().parent
    if not folder.is_dir():
        raise StorageError(f"The folder {folder} of the database does not exist. Make it, or change DATABASE_URL.")
    return url


def is_sqlite(url: sa.URL) -> bool:
    """Whether the address is that of a SQLite file."""
    return url.get_backend_name() == "sqlite"


def create_engine(url: sa.URL, *, connections: int, read_only: bool = False, changes_schema: bool = False) -> sa.Engine:
    """An engine of at most so many connections; on SQLite a transaction that may write begins as a writer.

    A read-only one sees in each transaction one moment of the database. One that changes the schema leaves foreign
    keys unchecked on SQLite, where a table is changed by dropping it, which would delete whatever refers to it.
    """
    pool: dict[str, Any] = {"pool_size": connections, "max_overflow": 0, "hide_parameters": True}
    lock_timeout_s = MIGRATION_LOCK_TIMEOUT_S if changes_schema else LOCK_TIMEOUT_S
    if not is_sqlite(url):
        return _create_postgres_engine(url, pool, read_only=read_only, lock_timeout_s=lock_timeout_s)
    engine = sa.create_engine(url, **pool)
    pragmas = (
        f"busy_timeout = {lock_timeout_s * 1000}",  # first: the change to WAL has to wait for its turn as well
        *_SQLITE_PRAGMAS,
        f"foreign_keys = {not changes_schema:d}",
        f"query_only = {read_only:d}",
    )
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN, not the driver
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        say(connection, begin)

    return engine


def create_foreign_engine(url: sa.URL, *, connections: int) -> sa.Engine:
    """An engine for a library that keeps tables of its own in the same database, and says itself when it begins."""
    if not is_sqlite(url):
        return sa.create_engine(url, pool_size=connections, max_overflow=0, pool_pre_ping=True, hide_parameters=True)
    engine = sa.create_engine(url, pool_size=connections, max_overflow=0, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in (f"busy_timeout = {LOCK_TIMEOUT_S * 1000}", *_SQLITE_PRAGMAS, "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine


def _create_postgres_engine(url: sa.URL, pool: dict[str, Any], *, read_only: bool, lock_timeout_s: int) -> sa.Engine:
    engine = sa.create_engine(
        url,
        pool_pre_ping=True,  # a restart of the server must not cost a contact a message
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "options": f"-c lock_timeout={lock_timeout_s}s"},
        **pool,
    )

    @sa.event.listens_for(engine, "commit")
    def _refuse_lost(connection: sa.Connection) -> None:
        driver = connection.connection.driver_connection
        if isinstance(driver, psycopg.Connection) and driver.info.transaction_status == TransactionStatus.INERROR:
            raise StorageError("The transaction went on after an error: PostgreSQL would commit nothing of it.")

    if read_only:
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return engine


def insert_if_new(table: sa.Table, *unique: str) -> sa.Insert:
    """An insert that does nothing where a row has the same values in the unique columns; its rowcount is then 0.

    PostgreSQL's clause compiles to the same words for SQLite.
    """
    insert = postgresql.insert(table).on_conflict_do_nothing(index_elements=unique)
    return insert.execution_options(preserve_rowcount=True)


def make_private(file: Path) -> None:
    """Makes the file, for its owner alone, if it is missing; what SQLite puts beside it inherits that."""
    try:
        file.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return
    except OSError as error:
        raise StorageError(f"The database {file} can not be made: {error.strerror}.") from error


def forget_deleted(engine: sa.Engine) -> None:
    """Writes SQLite's log back into the file and empties it, so that no page of before is left beside it."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        finally:
            connection.close()


def say(connection: sa.Connection, command: str) -> None:
    """Gives SQLite a command that has no parameters and no result, without SQLAlchemy's cost for a statement."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError(f"This is no connection to SQLite: {type(driver)}")
    driver.execute(command).close()


_DISK_FAILED = {
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_TRUNCATE,
}


def has_disk_failed(error: BaseException) -> bool:
    """Whether SQLite's file could not be written: what the system still shows of it may never reach the disk."""
    original = _original(error)
    return isinstance(original, sqlite3.Error) and getattr(original, "sqlite_errorcode", 0) in _DISK_FAILED


def is_down(error: BaseException) -> bool:
    """Whether the database, and not the statement, is at fault, so that the same transaction may succeed later."""
    original = _original(error)
    if isinstance(original, sqlite3.Error):
        return getattr(original, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _SQLITE_DOWN
    return isinstance(original, psycopg.OperationalError | psycopg.InterfaceError)


def reason(error: BaseException) -> str:
    """What the driver says, without the statement, its parameters and the lines that may quote a row."""
    return str(_original(error)).partition("\n")[0]


def _original(error: BaseException) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error
