"""Media: the files that came with messages. Rows say what became of each; its bytes lie sealed in a file of its own.

Each has a key of its own, named like the file, so that a file can be written before the message that it belongs to.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from bot.errors import StorageDown
from bot.model import AttachmentKind
from bot.storage.messages import MessageRow
from bot.storage.tables import MediaStatus, is_wanted, media, messages
from bot.storage.vault import Vault


@dataclass(frozen=True, kw_only=True)
class MediaRow:
    """A file that came with a message; type and size are those of its content, known once it is stored.

    reason is a code that says why it is not (yet) stored.
    """

    id: UUID
    message_id: UUID
    conversation_id: UUID
    kind: AttachmentKind
    status: MediaStatus
    reason: str | None
    type: str | None
    size: int | None
    attempts: int
    not_before: datetime | None
    updated_at: datetime


_INSERT = sa.insert(media)
_MARK = sa.update(media).where(media.c.id == sa.bindparam("of_media"))
_FIND = sa.select(media).where(media.c.id == sa.bindparam("of_media"))
_OF_CONVERSATION = sa.select(media.c.id).where(media.c.conversation_id == sa.bindparam("of_conversation"))
_OF_MESSAGES = sa.select(media).where(media.c.message_id.in_(sa.bindparam("messages", expanding=True)))
_WANTED = (
    sa.select(media)
    .where(is_wanted(media))
    .where(sa.or_(media.c.not_before.is_(None), media.c.not_before <= sa.bindparam("now")))
    .order_by(media.c.updated_at)
    .limit(sa.bindparam("at_most"))
)
_SEQ = sa.select(messages.c.seq).where(messages.c.id == sa.bindparam("of_message"))
_KNOWN = sa.select(media.c.id).where(media.c.id.in_(sa.bindparam("ids", expanding=True)))


def want(tx: sa.Connection, media_id: UUID, message: MessageRow, kind: AttachmentKind, *, now: datetime) -> None:
    """Notes that a file came with the message and is to be fetched."""
    _insert(tx, media_id, message, kind, status="wanted", now=now)


def keep(
    tx: sa.Connection,
    media_id: UUID,
    message: MessageRow,
    kind: AttachmentKind,
    *,
    type: str,
    size: int,
    now: datetime,
) -> None:
    """Notes that the file which came with the message is stored."""
    _insert(tx, media_id, message, kind, status="stored", type=type, size=size, now=now)


def _insert(
    tx: sa.Connection, media_id: UUID, message: MessageRow, kind: AttachmentKind, *, now: datetime, **known: Any
) -> None:
    values = {
        "id": media_id,
        "message_id": message.id,
        "conversation_id": message.conversation_id,
        "kind": kind,
        "reason": None,
        "type": None,
        "size": None,
        "attempts": 0,
        "not_before": None,
        "updated_at": now,
    }
    tx.execute(_INSERT, values | known)


def mark_stored(tx: sa.Connection, media_id: UUID, *, type: str, size: int, now: datetime) -> None:
    """The file is on the disk."""
    values = {"status": "stored", "type": type, "size": size, "reason": None, "updated_at": now}
    tx.execute(_MARK, {"of_media": media_id, **values})


def mark_refused(tx: sa.Connection, media_id: UUID, *, reason: str, now: datetime) -> None:
    """The file is not kept: it is too big, or nothing that we keep, or the platform does not give it any more."""
    tx.execute(_MARK, {"of_media": media_id, "status": "refused", "reason": reason, "updated_at": now})


def mark_retry(tx: sa.Connection, row: MediaRow, *, reason: str, not_before: datetime, now: datetime) -> None:
    """The file is tried again at not_before."""
    values = {"reason": reason, "attempts": row.attempts + 1, "not_before": not_before, "updated_at": now}
    tx.execute(_MARK, {"of_media": row.id, **values})


def find(conn: sa.Connection, media_id: UUID) -> MediaRow | None:
    """The file of this name, if there is one."""
    row = conn.execute(_FIND, {"of_media": media_id}).one_or_none()
    return None if row is None else MediaRow(**row._mapping)


def seq_of(conn: sa.Connection, row: MediaRow) -> int:
    """The number of the message that the file came with."""
    seq: int = conn.execute(_SEQ, {"of_message": row.message_id}).scalar_one()
    return seq


def wanted(conn: sa.Connection, now: datetime, limit: int) -> list[MediaRow]:
    """Files to fetch now, those that wait longest first."""
    return [MediaRow(**row._mapping) for row in conn.execute(_WANTED, {"now": now, "at_most": limit})]


def of_conversation(conn: sa.Connection, conversation_id: UUID) -> list[UUID]:
    """The names of all files of the conversation."""
    return list(conn.scalars(_OF_CONVERSATION, {"of_conversation": conversation_id}))


def of_messages(conn: sa.Connection, message_ids: Collection[UUID]) -> dict[UUID, MediaRow]:
    """The files of these messages, by message."""
    if not message_ids:
        return {}
    rows = conn.execute(_OF_MESSAGES, {"messages": list(message_ids)})
    return {row.message_id: MediaRow(**row._mapping) for row in rows}


def unknown(conn: sa.Connection, names: Collection[UUID]) -> set[UUID]:
    """Those of the names that no row has."""
    return set(names) - set(conn.scalars(_KNOWN, {"ids": list(names)})) if names else set()


@dataclass(frozen=True, kw_only=True)
class MediaFiles:
    """The sealed files. Its methods block; folder is made when the first file comes."""

    folder: Path
    vault: Vault

    def write(self, media_id: UUID, content: bytes) -> None:
        """Keeps the file; when it returns, it is whole and on the disk.

        Raises:
            StorageDown: it is not.
        """
        sealed = self.vault.seal_bytes(media_id, "media", "file", media_id, content)
        file = self._file(media_id)
        half = file.with_suffix(".half")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(sealed)
                opened.flush()
                os.fsync(descriptor)
            half.rename(file)
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            half.unlink(missing_ok=True)
            raise StorageDown(f"A file could not be kept ({error.strerror}).") from error

    def read(self, media_id: UUID) -> bytes:
        """The content.

        Raises:
            StorageDown: there is no such file.
            KeyDestroyed, SealBroken: as Vault.open.
        """
        try:
            sealed = self._file(media_id).read_bytes()
        except OSError as error:
            raise StorageDown(f"A file can not be read ({error.strerror}).") from error
        return self.vault.open_bytes(media_id, "media", "file", media_id, sealed)

    def delete(self, media_id: UUID) -> None:
        """Lets go of the file, if it is there."""
        self._file(media_id).unlink(missing_ok=True)

    def older_than(self, moment: datetime) -> list[UUID]:
        """The names of all files that were written before."""
        files = self.folder.iterdir() if self.folder.exists() else ()
        old = (file for file in files if file.stat().st_mtime < moment.timestamp())
        return [UUID(hex=file.stem) for file in old]

    def _file(self, media_id: UUID) -> Path:
        return self.folder / f"{media_id.hex}.sealed"
