"""What retention looks at: conversations that nobody wrote in for a time, and the cases that keep them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from bot.storage import cases
from bot.storage.cases import CaseRow
from bot.storage.tables import attachments, conversations, erasures, legal_holds, messages, raw_updates
from bot.storage.tables import cases as cases_table

_HAS_MESSAGES = sa.select(messages.c.id).where(messages.c.conversation_id == conversations.c.id).exists()
_HAS_CASES = sa.select(cases_table.c.id).where(cases_table.c.conversation_id == conversations.c.id).exists()
_IS_ASIDE = sa.select(erasures.c.owner).where(erasures.c.owner == conversations.c.id).exists()
_QUIET = (
    sa.select(conversations.c.id, conversations.c.updated_at)
    .where(
        conversations.c.updated_at < sa.bindparam("quiet_since"),
        conversations.c.id > sa.bindparam("after_id", type_=sa.Uuid()),
        sa.or_(_HAS_MESSAGES, _HAS_CASES),
        ~_IS_ASIDE,
    )
    .order_by(conversations.c.id)
    .limit(sa.bindparam("at_most"))
)
_FORGOTTEN = (
    sa.select(conversations.c.id)
    .where(conversations.c.updated_at < sa.bindparam("quiet_since"), ~_HAS_MESSAGES, ~_HAS_CASES, ~_IS_ASIDE)
    .limit(sa.bindparam("at_most"))
)
_OF_NO_CASE = sa.select(cases_table.c.id).where(cases_table.c.conversation_id == messages.c.conversation_id).exists()
_OLD_MESSAGES = (
    sa.select(messages.c.id)
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .where(
        messages.c.created_at < sa.bindparam("created_before"),
        conversations.c.updated_at >= sa.bindparam("created_before"),
        ~_OF_NO_CASE,
    )
    .limit(sa.bindparam("at_most"))
)
_DELETE_MESSAGES = sa.delete(messages).where(messages.c.id.in_(sa.bindparam("ids", expanding=True)))
_EVIDENCE = (
    sa.select(attachments.c.message_id)
    .join(messages, messages.c.id == attachments.c.message_id)
    .where(messages.c.conversation_id == sa.bindparam("of_conversation"))
    .limit(1)
)
_HELD = sa.select(legal_holds.c.case_id)
_NEWEST = (sa.select(sa.func.max(raw_updates.c.received_at)), sa.select(sa.func.max(conversations.c.updated_at)))


@dataclass(frozen=True, kw_only=True)
class QuietRow:
    """A conversation in which nothing was said for a time, its cases, and whether something besides words came."""

    id: UUID
    updated_at: datetime
    cases: tuple[CaseRow, ...]
    has_evidence: bool


def quiet(conn: sa.Connection, *, since: datetime, after_id: UUID, limit: int) -> list[QuietRow]:
    """Conversations with something to keep in which nothing was said since then, by id, those put aside left out."""
    values = {"quiet_since": since, "after_id": after_id, "at_most": limit}
    return [
        QuietRow(
            id=row.id,
            updated_at=row.updated_at,
            cases=tuple(cases.of_conversation(conn, row.id)),
            has_evidence=conn.execute(_EVIDENCE, {"of_conversation": row.id}).first() is not None,
        )
        for row in conn.execute(_QUIET, values).all()
    ]


def forgotten(conn: sa.Connection, *, before: datetime, limit: int) -> list[UUID]:
    """Conversations of which nothing is left, in which nobody wrote since then."""
    return list(conn.scalars(_FORGOTTEN, {"quiet_since": before, "at_most": limit}))


def held_cases(conn: sa.Connection) -> frozenset[UUID]:
    """The ids of all cases under a legal hold."""
    return frozenset(conn.scalars(_HELD))


def old_messages(conn: sa.Connection, *, before: datetime, limit: int) -> list[UUID]:
    """Older messages of conversations that go on and have no case."""
    return list(conn.scalars(_OLD_MESSAGES, {"created_before": before, "at_most": limit}))


def delete_messages(tx: sa.Connection, ids: list[UUID]) -> int:
    """Deletes these messages and what hangs on them; gives their number."""
    return tx.execute(_DELETE_MESSAGES, {"ids": ids}).rowcount


def newest_moment(conn: sa.Connection) -> datetime | None:
    """The latest moment at which something came: a clock that says an earlier one is wrong."""
    found = [moment for moment in (conn.scalar(query) for query in _NEWEST) if moment]
    return max(found, default=None)
