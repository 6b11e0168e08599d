"""The list of what was erased, outside of every database: a restored backup must forget it again before it serves.

One line each: the moment, a space, the owner of the key that was destroyed. It names nobody, and is to be copied off
the server more often than the backups are made.
"""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from bot.errors import StorageError


def add(file: Path, owners: Iterable[str], now: datetime) -> None:
    """Adds to the list; when it returns, the lines are on the disk.

    Raises:
        StorageError: they are not.
    """
    lines = "".join(f"{now.isoformat(timespec='seconds')} {owner}\n" for owner in owners)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, lines.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(f"The list of what was erased, {file}, can not be written: {error.strerror}.") from error


def read(file: Path) -> list[str]:
    """The owners in the list, each once, in its order; none where there is no list.

    Raises:
        StorageError: a line is not one of ours; nothing may be guessed here.
    """
    if not file.exists():
        return []
    owners: dict[str, None] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        moment, _, owner = line.partition(" ")
        if not _is_moment(moment) or not owner:
            raise StorageError(f"{file}:{number}: this is no line of the list of what was erased.")
        owners[owner] = None
    return list(owners)


def _is_moment(word: str) -> bool:
    try:
        return datetime.fromisoformat(word).tzinfo is not None
    except ValueError:
        return False
