"""Runs use cases on the database: plain functions of a connection, each in one transaction, in threads of their own."""

import os
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from bot.errors import StorageDown, StorageError
from bot.logs import open_log
from bot.storage import dialects, migrate
from bot.storage.vault import Vault, carry
from bot.storage.workers import Pool, SingleWriter, Workers

log = open_log(__name__)

READERS = 4
POSTGRES_WRITERS = 8
FOREIGN = 4

T = TypeVar("T")


class Storage:
    """The open database.

    Whoever awaits may be cancelled at any moment: the transaction then has not begun and never will, or it runs to its
    end. A function that raises leaves nothing behind.
    """

    def __init__(self, *, writers: Workers, readers: Workers) -> None:
        self._writers, self._readers = writers, readers
        self._closed = False

    async def run(self, fn: Callable[[sa.Connection], T]) -> T:
        """What fn gives, once everything it wrote is on disk.

        Raises:
            StorageDown: the database did not take it; the same may be tried again.
        """
        self._refuse_if_closed()
        return await self._writers.run(fn)

    async def read(self, fn: Callable[[sa.Connection], T]) -> T:
        """What fn reads, all of it at one moment, never waiting for a writer.

        Raises:
            StorageDown: the database does not answer.
        """
        self._refuse_if_closed()
        return await self._readers.run(fn)

    async def forget_deleted(self) -> None:
        """Leaves no page of what was deleted in SQLite's log beside the file; PostgreSQL sees to that itself.

        Raises:
            StorageDown: somebody reads for too long; the same may be tried again.
        """
        self._refuse_if_closed()
        await self._writers.between(dialects.forget_deleted)

    @property
    def is_closed(self) -> bool:
        """Whether it is closed, for good."""
        return self._closed

    def close(self) -> None:
        """Ends what has begun or waits, then lets go of the database; from then on everything is StorageDown."""
        if not self._closed:
            self._closed = True
            self._writers.close()
            self._readers.close()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StorageDown("The database is closed.")


def end_at_once(error: BaseException) -> None:
    """Ends this process without another write, as a power cut would; what was acknowledged is on the disk."""
    log.critical("disk_failed", error=error)
    os._exit(os.EX_IOERR)


def open_foreign_engine(database_url: str) -> sa.Engine:
    """An engine for a library that keeps tables of its own in the same database."""
    return dialects.create_foreign_engine(dialects.parse_database_url(database_url), connections=FOREIGN)


def open_storage(database_url: str, vault: Vault) -> Storage:
    """The database, ready for use; close it in the end. What is sealed in it opens with the vault.

    Raises:
        StorageError: the address is wrong, the database can not be reached, or its schema is not that of this version.
    """
    url = dialects.parse_database_url(database_url)
    current, head = migrate.current_and_head(database_url)
    if current != head:
        found = f"is at revision {current}" if current else "has no tables yet"
        raise StorageError(f"The database {found}; this version needs revision {head}. Upgrade it first.")
    reader = dialects.create_engine(url, connections=READERS, read_only=True)
    readers = Pool(carry(reader, vault), threads=READERS)
    if dialects.is_sqlite(url):
        writer = carry(dialects.create_engine(url, connections=1), vault)
        return Storage(writers=SingleWriter(writer, disk_failed=end_at_once), readers=readers)
    engine = dialects.create_engine(url, connections=POSTGRES_WRITERS)
    return Storage(writers=Pool(carry(engine, vault), threads=POSTGRES_WRITERS), readers=readers)
