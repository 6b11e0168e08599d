"""Conversations: one for each contact, and the lock under which everything in it happens in order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from bot.model import ChannelName, Language
from bot.storage import contacts
from bot.storage.dialects import insert_if_new
from bot.storage.tables import contacts as contacts_table
from bot.storage.tables import conversations
from bot.storage.vault import vault_of

NEW_STATE = "{}"
NEW_LANGUAGE: Language = "km"


@dataclass(frozen=True, kw_only=True)
class ConversationRow:
    """A conversation and the name of its contact.

    state is JSON, in the form that state_version says. last_seq is the seq of the newest message; messages up to
    hidden_seq are no longer shown to the contact.
    """

    id: UUID
    contact_id: UUID
    channel: ChannelName
    bot: str
    contact_ref: str
    language: Language
    state: str
    state_version: int
    last_seq: int
    hidden_seq: int
    created_at: datetime
    updated_at: datetime


_ALL = sa.select(conversations, contacts_table.c.channel, contacts_table.c.bot, contacts_table.c.ref).join(
    contacts_table, contacts_table.c.id == conversations.c.contact_id
)
_FIND = _ALL.where(
    contacts_table.c.channel == sa.bindparam("channel"),
    contacts_table.c.bot == sa.bindparam("bot"),
    contacts_table.c.ref_mark == sa.bindparam("ref_mark"),
)
_LOCK = _FIND.with_for_update(of=conversations)
_LOCK_BY_ID = _ALL.where(conversations.c.id == sa.bindparam("conversation_id")).with_for_update(of=conversations)
_CREATE = insert_if_new(conversations, "contact_id")
_SAVE = sa.update(conversations).where(conversations.c.id == sa.bindparam("conversation_id"))


def lock_or_create(
    tx: sa.Connection, *, channel: ChannelName, bot: str, contact_ref: str, now: datetime
) -> ConversationRow:
    """The contact's conversation, which may be new; no other transaction gets it before this one ends."""
    name = contacts.name_of(tx, channel=channel, bot=bot, contact_ref=contact_ref)
    row = tx.execute(_LOCK, name).one_or_none()
    if row is None:
        contact_id = contacts.find_or_create(tx, channel=channel, bot=bot, contact_ref=contact_ref, now=now)
        tx.execute(_CREATE, _new(tx, contact_id, now))
        row = tx.execute(_LOCK, name).one()
    return _read(tx, row, contact_ref)


def lock(tx: sa.Connection, conversation_id: UUID) -> ConversationRow | None:
    """The conversation, as lock_or_create gives it; None if there is none of this id."""
    row = tx.execute(_LOCK_BY_ID, {"conversation_id": conversation_id}).one_or_none()
    return None if row is None else _read(tx, row, contacts.ref_of(tx, row.contact_id, row.ref))


def find(tx: sa.Connection, *, channel: ChannelName, bot: str, contact_ref: str) -> ConversationRow | None:
    """The contact's conversation, without a lock; None if they never wrote."""
    row = tx.execute(_FIND, contacts.name_of(tx, channel=channel, bot=bot, contact_ref=contact_ref)).one_or_none()
    return None if row is None else _read(tx, row, contact_ref)


def save(tx: sa.Connection, row: ConversationRow) -> None:
    """Keeps what a turn may change: language, state and its version, last_seq, hidden_seq, updated_at."""
    values = {
        "conversation_id": row.id,
        "language": row.language,
        "state": _sealed(tx, row.id, row.state),
        "state_version": row.state_version,
        "last_seq": row.last_seq,
        "hidden_seq": row.hidden_seq,
        "updated_at": row.updated_at,
    }
    tx.execute(_SAVE, values)


def _new(tx: sa.Connection, contact_id: UUID, now: datetime) -> dict[str, object]:
    """A contact's conversation has the contact's id, and so the same key."""
    return {
        "id": contact_id,
        "contact_id": contact_id,
        "language": NEW_LANGUAGE,
        "state": _sealed(tx, contact_id, NEW_STATE),
        "state_version": 0,
        "last_seq": 0,
        "hidden_seq": 0,
        "created_at": now,
        "updated_at": now,
    }


def _sealed(tx: sa.Connection, conversation_id: UUID, state: str) -> bytes:
    return vault_of(tx).seal(conversation_id, "conversations", "state", conversation_id, state)


def _read(tx: sa.Connection, row: sa.Row[Any], contact_ref: str) -> ConversationRow:
    return ConversationRow(
        id=row.id,
        contact_id=row.contact_id,
        channel=row.channel,
        bot=row.bot,
        contact_ref=contact_ref,
        language=row.language,
        state=vault_of(tx).open(row.id, "conversations", "state", row.id, row.state),
        state_version=row.state_version,
        last_seq=row.last_seq,
        hidden_seq=row.hidden_seq,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
