"""Attachments: what a message of a contact holds besides its words. The files themselves stay with the platform."""

import json
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa

from bot.model import Attachment
from bot.storage.messages import MessageRow
from bot.storage.tables import attachments
from bot.storage.vault import vault_of

_INSERT = sa.insert(attachments)
_OF = sa.select(attachments.c.details).where(attachments.c.message_id == sa.bindparam("message"))
_KNOWN = frozenset(field.name for field in fields(Attachment))


def keep(tx: sa.Connection, message: MessageRow, attachment: Attachment) -> None:
    """Keeps what came with the message, which is already inserted."""
    details: dict[str, Any] = {name: value for name, value in asdict(attachment).items() if value not in (None, "")}
    words = json.dumps(details, ensure_ascii=False)
    sealed = vault_of(tx).seal(message.conversation_id, "attachments", "details", message.id, words)
    tx.execute(_INSERT, {"message_id": message.id, "details": sealed})


def of(tx: sa.Connection, message: MessageRow) -> Attachment | None:
    """What came with the message, if anything."""
    details: bytes | None = tx.scalar(_OF, {"message": message.id})
    if details is None:
        return None
    words = vault_of(tx).open(message.conversation_id, "attachments", "details", message.id, details)
    return Attachment(**{name: value for name, value in json.loads(words).items() if name in _KNOWN})
