"""Keeps a second process from serving with the same SQLite file, or under the same name: safety.md, rule 22."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from bot.errors import StorageError
from bot.storage import dialects
from bot.storage.processes import refuse_taken_name


@contextmanager
def alone(database_url: str, executor_id: str) -> Iterator[None]:
    """Holds the right to serve with this database while the context is open; on PostgreSQL each name has it.

    Raises:
        StorageError: the address is wrong, or another process has the right. The system takes it from one that dies.
    """
    url = dialects.parse_database_url(database_url)
    if not dialects.is_sqlite(url):
        refuse_taken_name(database_url, executor_id)
        yield
        return
    lock = FileLock(f"{url.database}.serving", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise StorageError(
            "Another process serves with this database already. On SQLite there can be only one: stop it, set another"
            " DATA_DIR, or use PostgreSQL."
        ) from error
    except OSError as error:
        raise StorageError(f"The file {lock.lock_file} can not be made: {error.strerror}.") from error
    try:
        yield
    finally:
        lock.release()
