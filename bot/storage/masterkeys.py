"""The file of master keys, which wrap all other keys: lines of a version and 32 random bytes in base64.

Whoever has it and the key store reads everything; whoever loses it has lost everything. It never lies in the database.
"""

import base64
import binascii
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.errors import SettingsError
from bot.storage.crypto import KEY_BYTES, Key, new_secret

_LINE: Final = re.compile(r"([1-9][0-9]{0,5}) ([A-Za-z0-9+/]{43}=)")
_FEWEST_DIFFERENT: Final = 10
"""So many different bytes are in 32 random ones, but for one time in a billion billion."""


@dataclass(frozen=True, kw_only=True)
class MasterKeys:
    """The master keys by version; the newest wraps new keys."""

    by_version: dict[int, Key]

    @property
    def newest(self) -> int:
        """The version that wraps new keys."""
        return max(self.by_version)


def load_master_keys(file: Path) -> MasterKeys:
    """The keys in the file.

    Raises:
        SettingsError: it is missing, others may read it, or a line of it is no good key: every problem, without a key.
    """
    return MasterKeys(by_version={version: Key(secret) for version, secret in _read(file).items()})


def make_master_keys(file: Path) -> None:
    """Writes a file with one new key, for its owner alone; one that is there stays.

    Raises:
        SettingsError: it can not be written.
    """
    if not file.exists():
        _write(file, {1: new_secret()})


def add_master_key(file: Path) -> int:
    """Adds a new key, which is the newest from then on; gives its version. The file is whole at every moment.

    Raises:
        SettingsError: as load_master_keys, or it can not be written.
    """
    secrets = _read(file)
    version = max(secrets) + 1
    _write(file, secrets | {version: new_secret()})
    return version


def drop_master_keys(file: Path, *, keep: int) -> None:
    """Takes every key but this version out of the file.

    Raises:
        SettingsError: as add_master_key.
    """
    _write(file, {keep: _read(file)[keep]})


def _read(file: Path) -> dict[int, bytes]:
    try:
        with file.open("rb") as opened:
            about = os.fstat(opened.fileno())
            lines = opened.read(100_000).decode("ascii", "replace").split("\n")
    except OSError as error:
        raise SettingsError([f"MASTER_KEY_FILE: {file} can not be read: {error.strerror}."]) from error
    problems = []
    if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        problems.append(f"MASTER_KEY_FILE: others may read {file}. Make it private: chmod 600.")
    if about.st_uid not in (os.geteuid(), 0):
        problems.append(f"MASTER_KEY_FILE: {file} belongs to somebody else.")
    secrets: dict[int, bytes] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        problem = _take(line.rstrip("\r"), secrets)
        if problem:
            problems.append(f"MASTER_KEY_FILE: {file}:{number}: {problem}")
    if not secrets and not problems:
        problems.append(f"MASTER_KEY_FILE: {file} holds no key. Lines are a version and a key: 1 base64.")
    if problems:
        raise SettingsError(problems)
    return secrets


def _take(line: str, secrets: dict[int, bytes]) -> str:
    """Adds the key of a line; what is wrong with it, without quoting it."""
    match = _LINE.fullmatch(line)
    if not match:
        return f"This is no version and {KEY_BYTES} bytes in base64."
    version = int(match[1])
    try:
        secret = base64.b64decode(match[2], validate=True)
    except binascii.Error:
        return f"This is no version and {KEY_BYTES} bytes in base64."
    if len(set(secret)) < _FEWEST_DIFFERENT:
        return "This key is not random. Make one with: head -c 32 /dev/urandom | base64"
    if version in secrets:
        return f"Version {version} stands here twice."
    if secret in secrets.values():
        return "This key stands here already, under another version."
    secrets[version] = secret
    return ""


def _write(file: Path, secrets: dict[int, bytes]) -> None:
    """Puts a new file in the place of the old one, once it is on the disk."""
    lines = [f"{version} {base64.b64encode(secrets[version]).decode()}\n" for version in sorted(secrets)]
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.writelines(lines)
            opened.flush()
            os.fsync(opened.fileno())
        unfinished.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise SettingsError([f"MASTER_KEY_FILE: {file} can not be written: {error.strerror}."]) from error
