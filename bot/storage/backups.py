"""Copies of a database, whole and of one moment, while others use it; and bringing one back.

Data and keys never share a backup: a copy of both in one place could read everything for ever.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import sqlalchemy as sa

from bot.errors import StorageError
from bot.storage import dialects, migrate

What = Literal["data", "keys"]
MANIFEST: Final = "manifest.json"
SQLITE_FILE: Final = "database.db"
POSTGRES_FILE: Final = "database.dump"
_READ_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A backup in its folder; files maps each name to its SHA-256 in hex. revision is that of the schema."""

    folder: Path
    what: What
    made_at: datetime
    revision: str
    files: Mapping[str, str]

    @property
    def database(self) -> Path:
        """The copy of the database."""
        return self.folder / next(name for name in (SQLITE_FILE, POSTGRES_FILE) if name in self.files)


def make(into: Path, *, what: What, database_url: str, beside: Sequence[Path] = (), now: datetime) -> Backup:
    """A new backup in a folder of its own below into, with the files and folders beside it that exist.

    Until it is whole it has another name, so that no half backup is taken for one.

    Raises:
        StorageError: it could not be made; nothing of it is left.
    """
    other = "keys" if what == "data" else "data"
    if any(into.glob(f"returnee-bot-{other}-*")):
        raise StorageError(f"{into} holds backups of the {other}. Data and keys must lie apart: name another folder.")
    folder = into / f"returnee-bot-{what}-{now:%Y%m%dT%H%M%SZ}"
    half = into / f".half-{folder.name}"
    if folder.exists():
        raise StorageError(f"{folder} exists already.")
    try:
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700, parents=True)
        _copy_database(database_url, half)
        for path in (path for path in beside if path.exists()):
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, half / path.name)
        files = {str(path.relative_to(half)): _sum(path) for path in sorted(half.rglob("*")) if path.is_file()}
        revision = migrate.current_and_head(database_url)[0] or "" if what == "data" else ""
        plain = {"what": what, "made_at": now.isoformat(), "revision": revision, "files": files}
        (half / MANIFEST).write_text(json.dumps(plain, indent=2), encoding="utf-8")
        _sync(half)
        half.rename(folder)
    except OSError as error:
        raise StorageError(f"The backup in {into} could not be made: {error.strerror}.") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return Backup(folder=folder, what=what, made_at=now, revision=revision, files=files)


def load(folder: Path, *, what: What) -> Backup:
    """The backup in this folder, every file of it compared with what was written then.

    Raises:
        StorageError: it is none, of another kind, or damaged.
    """
    try:
        plain = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        backup = Backup(
            folder=folder,
            what=plain["what"],
            made_at=datetime.fromisoformat(plain["made_at"]),
            revision=plain["revision"],
            files=dict(plain["files"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{folder} is no backup of ours: its {MANIFEST} can not be read.") from error
    if backup.what != what:
        raise StorageError(f"{folder} is a backup of the {backup.what}, not of the {what}.")
    for name, expected in backup.files.items():
        file = folder / name
        if not file.is_file() or _sum(file) != expected:
            raise StorageError(f"{file} is missing or damaged. Take another backup.")
    return backup


def bring_back(backup: Backup, database_url: str) -> None:
    """Puts the copy where the database was, which must be empty or not there.

    Raises:
        StorageError: there is a database already, or it could not be brought back.
    """
    url = dialects.parse_database_url(database_url)
    if dialects.is_sqlite(url) != (backup.database.name == SQLITE_FILE):
        raise StorageError("The backup is of another kind of database than DATABASE_URL names.")
    refuse_existing(database_url)
    if not dialects.is_sqlite(url):
        options = ["--no-owner", "--exit-on-error", "--single-transaction", "--dbname", str(url.database)]
        _run(["pg_restore", *options, str(backup.database)], url)
        return
    file = Path(str(url.database))
    half = file.with_name(f".half-{file.name}")
    shutil.copyfile(backup.database, half)
    half.chmod(0o600)
    half.rename(file)
    _sync(file.parent)


def refuse_existing(database_url: str) -> None:
    """Lets pass where nothing would be lost.

    Raises:
        StorageError: there is a database already.
    """
    url = dialects.parse_database_url(database_url)
    if dialects.is_sqlite(url):
        if Path(str(url.database)).exists():
            name = url.database
            raise StorageError(
                f"{name} exists. Move it away first, with what begins like it and ends in -wal and -shm."
            )
        return
    engine = dialects.create_engine(url, connections=1)
    try:
        if sa.inspect(engine).get_table_names():
            raise StorageError("The database that DATABASE_URL names is not empty. Make a new one, and name that.")
    finally:
        engine.dispose()


def drop_older(into: Path, *, what: What, made_before: datetime) -> list[Path]:
    """Deletes whole backups of this kind that are older; gives their folders."""
    old = [
        folder
        for folder in sorted(into.glob(f"returnee-bot-{what}-*"))
        if (folder / MANIFEST).exists() and load(folder, what=what).made_at < made_before
    ]
    for folder in old:
        shutil.rmtree(folder)
    return old


def _copy_database(database_url: str, into: Path) -> None:
    url = dialects.parse_database_url(database_url)
    if not dialects.is_sqlite(url):
        _run(["pg_dump", "--format=custom", "--no-owner", "--file", str(into / POSTGRES_FILE)], url)
        return
    source, target = Path(str(url.database)), into / SQLITE_FILE
    if not source.exists():
        raise StorageError(f"There is no database {source}.")
    target.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(source)) as database, closing(sqlite3.connect(target)) as copy:
            database.backup(copy)
    except sqlite3.Error as error:
        raise StorageError(f"The database could not be copied: {error}.") from error


def _run(command: list[str], url: sa.URL) -> None:
    """Runs PostgreSQL's own program; the password goes where other users of the machine can not read it."""
    host = url.host or str(url.query.get("host", ""))
    named = {"PGHOST": host, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password}
    named |= {"PGDATABASE": url.database, "PGCONNECT_TIMEOUT": dialects.CONNECT_TIMEOUT_S}
    environment = os.environ | {name: str(value) for name, value in named.items() if value}
    try:
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True)  # noqa: S603 - our words
    except FileNotFoundError as error:
        raise StorageError(f"{command[0]} is not installed: it comes with PostgreSQL's client programs.") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip() or f"exit {error.returncode}"
        raise StorageError(f"{command[0]} failed: {said}") from error


def _sum(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_READ_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def _sync(folder: Path) -> None:
    """Returns when every file below the folder is on the disk."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
