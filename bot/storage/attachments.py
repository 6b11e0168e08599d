"""Attachments: what a message of a contact holds besides its words. The files themselves stay with the platform."""

import json
from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from bot.model import Attachment
from bot.storage.tables import attachments
from bot.storage.texts import to_bytes, to_text

_INSERT = sa.insert(attachments)
_OF = sa.select(attachments.c.details).where(attachments.c.message_id == sa.bindparam("message"))
_KNOWN = frozenset(field.name for field in fields(Attachment))


def keep(tx: sa.Connection, message_id: UUID, attachment: Attachment) -> None:
    """Keeps what came with the message, which is already inserted."""
    details: dict[str, Any] = {name: value for name, value in asdict(attachment).items() if value not in (None, "")}
    tx.execute(_INSERT, {"message_id": message_id, "details": to_bytes(json.dumps(details, ensure_ascii=False))})


def of(tx: sa.Connection, message_id: UUID) -> Attachment | None:
    """What came with the message, if anything."""
    details: bytes | None = tx.scalar(_OF, {"message": message_id})
    if details is None:
        return None
    return Attachment(**{name: value for name, value in json.loads(to_text(details)).items() if name in _KNOWN})
