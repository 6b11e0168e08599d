"""Erasing: a conversation or case is put aside in one transaction, and made unreadable for good once that is due.

What is put aside keeps its rows and its key until it is due, so that an open case is not lost to whoever holds the
phone. Then its key is destroyed, in every backup of the data too, and after it the rows go.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from bot.storage import cases, contacts, conversations, media
from bot.storage.conversations import ConversationRow
from bot.storage.dialects import insert_if_new
from bot.storage.tables import ErasedKind, erasures, is_unsent, legal_holds, outbound
from bot.storage.tables import cases as cases_table
from bot.storage.tables import contacts as contacts_table
from bot.storage.tables import conversations as conversations_table
from bot.storage.vault import vault_of


@dataclass(frozen=True, kw_only=True)
class ErasureRow:
    """Something to erase: owner is the id of the conversation or case, and of its key. reason is a code."""

    owner: UUID
    kind: ErasedKind
    reason: str
    asked_at: datetime
    due_at: datetime


_INSERT = insert_if_new(erasures, "owner")
_COLUMNS = (erasures.c.owner, erasures.c.kind, erasures.c.reason, erasures.c.asked_at, erasures.c.due_at)
_ALL = sa.select(*_COLUMNS).order_by(erasures.c.due_at)
_held = cases_table.alias("held")
_IS_HELD = (
    sa.select(legal_holds.c.case_id)
    .join(_held, _held.c.id == legal_holds.c.case_id)
    .where(sa.or_(_held.c.id == erasures.c.owner, _held.c.conversation_id == erasures.c.owner))
    .exists()
)
_DUE = _ALL.where(erasures.c.due_at <= sa.bindparam("now"), ~_IS_HELD).limit(sa.bindparam("at_most"))
_MINE = (
    sa.select(erasures.c.owner)
    .join(cases_table, cases_table.c.conversation_id == erasures.c.owner)
    .where(
        erasures.c.contact_mark == sa.bindparam("contact_mark"),
        cases_table.c.number == sa.bindparam("number"),
        ~_IS_HELD,
    )
)
_HURRY = sa.update(erasures).where(erasures.c.owner == sa.bindparam("of_owner")).values(due_at=sa.bindparam("at"))
_UNQUEUE = sa.delete(outbound).where(outbound.c.conversation_id == sa.bindparam("of_conversation"), is_unsent(outbound))
_PUT_ASIDE = sa.update(contacts_table).where(contacts_table.c.id == sa.bindparam("of_contact"))
_CASES = sa.select(cases_table.c.id).where(cases_table.c.conversation_id == sa.bindparam("of_conversation"))
_DELETE = {
    "case": (sa.delete(cases_table).where(cases_table.c.id == sa.bindparam("of_owner")),),
    "conversation": (
        sa.delete(conversations_table).where(conversations_table.c.id == sa.bindparam("of_owner")),
        sa.delete(contacts_table).where(contacts_table.c.id == sa.bindparam("of_owner")),
    ),
}
_DONE = sa.delete(erasures).where(erasures.c.owner == sa.bindparam("of_owner"))


def begin_anew(
    tx: sa.Connection, conversation: ConversationRow, *, reason: str, due_at: datetime, now: datetime
) -> ConversationRow:
    """Puts the locked conversation aside, to be erased when it is due, and gives the contact a new, empty one.

    The new one has another id and key. It counts its messages on from the old, so that an open page misses none, and
    hides all before. What was still to be sent is not sent, and what is on its way now is not tried again.
    """
    vault = vault_of(tx)
    name = contacts.name_of(
        tx, channel=conversation.channel, bot=conversation.bot, contact_ref=conversation.contact_ref
    )
    tx.execute(_UNQUEUE, {"of_conversation": conversation.id})
    aside = vault.mark("put aside", str(conversation.id))
    tx.execute(_PUT_ASIDE, {"of_contact": conversation.contact_id, "ref_mark": aside, "closed_at": now})
    put_aside(tx, conversation.id, kind="conversation", reason=reason, due_at=due_at, now=now, mark=name["ref_mark"])
    new = conversations.lock_or_create(
        tx, channel=conversation.channel, bot=conversation.bot, contact_ref=conversation.contact_ref, now=now
    )
    return replace(
        new, language=conversation.language, last_seq=conversation.last_seq, hidden_seq=conversation.last_seq
    )


def put_aside(
    tx: sa.Connection,
    owner: UUID,
    *,
    kind: ErasedKind,
    reason: str,
    due_at: datetime,
    now: datetime,
    mark: object = None,
) -> None:
    """Notes that this is to be erased; mark is that of the contact who may hurry it."""
    values = {"owner": owner, "kind": kind, "reason": reason, "contact_mark": mark, "asked_at": now, "due_at": due_at}
    tx.execute(_INSERT, values)


def hurry(tx: sa.Connection, conversation: ConversationRow, *, case_number: int, now: datetime) -> bool:
    """Makes due what this contact asked to erase, if they know the number of a case in it and nobody holds it."""
    name = contacts.name_of(
        tx, channel=conversation.channel, bot=conversation.bot, contact_ref=conversation.contact_ref
    )
    owner = tx.scalar(_MINE, {"contact_mark": name["ref_mark"], "number": case_number})
    if owner is None:
        return False
    tx.execute(_HURRY, {"of_owner": owner, "at": now})
    return True


def due(conn: sa.Connection, now: datetime, limit: int) -> list[ErasureRow]:
    """What is to be erased now, without what a legal hold keeps."""
    return [ErasureRow(**row._mapping) for row in conn.execute(_DUE, {"now": now, "at_most": limit})]


def waiting(conn: sa.Connection) -> list[ErasureRow]:
    """All that is put aside, in the order in which it is due."""
    return [ErasureRow(**row._mapping) for row in conn.execute(_ALL)]


def owners_in(conn: sa.Connection, erasure: ErasureRow) -> list[str]:
    """The owners of all keys that this erasure destroys."""
    inside = conn.scalars(_CASES, {"of_conversation": erasure.owner}) if erasure.kind == "conversation" else ()
    return [str(erasure.owner), *map(str, inside), *map(str, files_in(conn, erasure))]


def files_in(conn: sa.Connection, erasure: ErasureRow) -> list[UUID]:
    """The names of all files that this erasure deletes."""
    return media.of_conversation(conn, erasure.owner) if erasure.kind == "conversation" else []


def finish(tx: sa.Connection, owner: UUID, kind: ErasedKind) -> bool:
    """Deletes the rows of what was erased, and the note that it is to be; False where another process was first."""
    for delete in _DELETE[kind]:
        tx.execute(delete, {"of_owner": owner})
    return tx.execute(_DONE, {"of_owner": owner}).rowcount == 1


def is_locked(conn: sa.Connection, case: cases.CaseRow) -> bool:
    """Whether the case is put aside with its conversation or by itself."""
    found = sa.select(erasures.c.owner).where(erasures.c.owner.in_([case.id, case.conversation_id]))
    return conn.execute(found).first() is not None
