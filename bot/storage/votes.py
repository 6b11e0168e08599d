"""Votes: whether an answer helped, once for each message."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa

from bot.storage.dialects import insert_if_new
from bot.storage.tables import votes

_INSERT = insert_if_new(votes, "message_id")
_OF_CONVERSATION = (
    sa.select(votes.c.answer, votes.c.helped, votes.c.at)
    .where(votes.c.conversation_id == sa.bindparam("of_conversation"))
    .order_by(votes.c.at)
)
_SINCE = (
    sa.select(votes.c.id)
    .where(votes.c.conversation_id == sa.bindparam("of_conversation"), votes.c.at >= sa.bindparam("since"))
    .limit(sa.literal_column("1"))
)


@dataclass(frozen=True, kw_only=True)
class VoteRow:
    """Whether this answer helped."""

    answer: str
    helped: bool
    at: datetime


def of_conversation(conn: sa.Connection, conversation_id: UUID) -> list[VoteRow]:
    """All votes of the conversation, in their order."""
    return [VoteRow(**row._mapping) for row in conn.execute(_OF_CONVERSATION, {"of_conversation": conversation_id})]


def is_given(conn: sa.Connection, conversation_id: UUID, *, since: datetime) -> bool:
    """Whether the contact has voted since that moment."""
    return conn.execute(_SINCE, {"of_conversation": conversation_id, "since": since}).first() is not None


def record(
    tx: sa.Connection,
    *,
    message_id: UUID,
    conversation_id: UUID,
    answer: str,
    language: str,
    helped: bool,
    now: datetime,
) -> bool:
    """Keeps the first vote on a message; False for a later one, which changes nothing."""
    values = {
        "id": uuid4(),
        "message_id": message_id,
        "conversation_id": conversation_id,
        "answer": answer,
        "language": language,
        "helped": helped,
        "at": now,
    }
    return tx.execute(_INSERT, values).rowcount == 1
