"""Outbound rows: the messages that go out, one by one and in order within each conversation."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from bot.errors import KeyDestroyed, SealBroken
from bot.logs import open_log
from bot.model import ChannelName, SendClass
from bot.storage.contacts import ref_of
from bot.storage.messages import MessageRow, read
from bot.storage.tables import (
    OutboundStatus,
    contacts,
    conversations,
    is_undelivered,
    is_unsent,
    messages,
    outbound,
)

log = open_log(__name__)


@dataclass(frozen=True, kw_only=True)
class OutboundRow:
    """A message that is now to be sent by message.channel and message.bot to contact_ref, for the attempts-th time."""

    message: MessageRow
    contact_ref: str
    send_class: SendClass
    attempts: int


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where the first unsent message of a conversation goes, which may be claimed now."""

    conversation_id: UUID
    channel: ChannelName
    bot: str
    contact_ref: str


_earlier = outbound.alias("earlier")
_IS_DUE = sa.and_(
    outbound.c.status == "queued",
    sa.or_(outbound.c.not_before.is_(None), outbound.c.not_before <= sa.bindparam("now")),
)
_IS_FIRST = ~sa.exists().where(
    _earlier.c.conversation_id == outbound.c.conversation_id, _earlier.c.seq < outbound.c.seq, is_unsent(_earlier)
)
_WITH_WORK = (
    sa.select(outbound.c.conversation_id)
    .join(messages, messages.c.id == outbound.c.message_id)
    .where(is_unsent(outbound), _IS_DUE, _IS_FIRST)
    .where(messages.c.channel.in_(sa.bindparam("channels", expanding=True)))
    .order_by(outbound.c.updated_at)
    .limit(sa.bindparam("at_most"))
)
_LOCK = sa.select(conversations.c.id).where(conversations.c.id == sa.bindparam("conversation_id")).with_for_update()
_FIRST_UNSENT = (
    sa.select(
        messages,
        contacts.c.id.label("contact_id"),
        contacts.c.ref,
        outbound.c.send_class,
        outbound.c.attempts,
        sa.not_(_IS_DUE).label("waits"),
    )
    .select_from(outbound)
    .join(messages, messages.c.id == outbound.c.message_id)
    .join(conversations, conversations.c.id == outbound.c.conversation_id)
    .join(contacts, contacts.c.id == conversations.c.contact_id)
    .where(outbound.c.conversation_id == sa.bindparam("conversation_id"), is_unsent(outbound))
    .order_by(outbound.c.seq)
    .limit(sa.literal_column("1"))
)
_INSERT = sa.insert(outbound)
_MARK = sa.update(outbound).where(outbound.c.message_id == sa.bindparam("of_message"))
_MARK_SENDING = _MARK.where(outbound.c.status == "sending")
_CLAIM = _MARK.values(status="sending", attempts=outbound.c.attempts + 1)
_CLAIMERS = (
    sa.select(sa.func.coalesce(outbound.c.claimed_by, "")).where(is_unsent(outbound), outbound.c.status == "sending")
).distinct()
_IS_SENDING = sa.and_(is_unsent(outbound), outbound.c.status == "sending")
_FREE = (
    sa.update(outbound)
    .where(_IS_SENDING)
    .values(status=sa.case((outbound.c.send_class == "A", "queued"), else_="maybe_sent"))
)
_RECOVER = _FREE.where(sa.func.coalesce(outbound.c.claimed_by, "").in_(sa.bindparam("claimers", expanding=True)))
_IS_OLD_CLAIM = sa.and_(
    _IS_SENDING, outbound.c.claimed_by == sa.bindparam("of_claimer"), outbound.c.updated_at <= sa.bindparam("until")
)
_OLD_CLAIMS = sa.select(outbound.c.message_id).where(_IS_OLD_CLAIM)
_FREE_OLD = _FREE.where(_IS_OLD_CLAIM, outbound.c.message_id.in_(sa.bindparam("messages", expanding=True)))
_OLDEST_DUE = sa.select(sa.func.min(outbound.c.updated_at)).where(is_unsent(outbound), _IS_DUE)
_COUNT_UNSENT = sa.select(sa.func.count()).where(is_unsent(outbound))
_UNDELIVERED = (
    sa.select(outbound.c.message_id, outbound.c.conversation_id, outbound.c.status, outbound.c.error)
    .add_columns(outbound.c.attempts, outbound.c.updated_at, messages.c.channel)
    .join(messages, messages.c.id == outbound.c.message_id)
    .where(is_undelivered(outbound))
    .order_by(outbound.c.updated_at.desc())
    .limit(sa.bindparam("at_most"))
)
_COUNT_UNDELIVERED = (
    sa.select(outbound.c.conversation_id, sa.func.count().label("number"))
    .where(is_undelivered(outbound))
    .group_by(outbound.c.conversation_id)
)


def enqueue(
    tx: sa.Connection,
    message: MessageRow,
    *,
    send_class: SendClass,
    now: datetime,
    not_before: datetime | None = None,
) -> None:
    """Lets the message, which is already inserted, go out after all earlier ones and not before the moment given."""
    values = {
        "message_id": message.id,
        "conversation_id": message.conversation_id,
        "seq": message.seq,
        "send_class": send_class,
        "not_before": not_before,
        "status": "queued",
        "attempts": 0,
        "error": None,
        "platform_id": None,
        "claimed_by": None,
        "updated_at": now,
    }
    tx.execute(_INSERT, values)


def conversations_with_work(
    conn: sa.Connection, now: datetime, limit: int, *, channels: Collection[ChannelName]
) -> list[UUID]:
    """Conversations on these channels whose first unsent row may be claimed now, those that wait longest first."""
    return list(conn.scalars(_WITH_WORK, {"now": now, "at_most": limit, "channels": list(channels)}))


def destination(conn: sa.Connection, conversation_id: UUID, now: datetime) -> Destination | None:
    """Where the conversation's next message goes; None while there is nothing that may be claimed."""
    row = conn.execute(_FIRST_UNSENT, {"conversation_id": conversation_id, "now": now}).one_or_none()
    if row is None or row.waits:
        return None
    return Destination(
        conversation_id=conversation_id,
        channel=row.channel,
        bot=row.bot,
        contact_ref=ref_of(conn, row.contact_id, row.ref),
    )


def claim(tx: sa.Connection, conversation_id: UUID, now: datetime, *, by: str) -> OutboundRow | None:
    """The next row of the conversation, for the caller to send; it now counts as being sent, and must be marked.

    by is the name of the process: when it dies, recover() frees the row.

    None while an earlier row is being sent or has to wait. One at a time, so that a kill leaves at most one row of a
    conversation of which nobody knows whether it went. One that can not be read fails, and the next is taken.
    """
    row = first_readable(tx, conversation_id, now)
    if row is not None:
        tx.execute(_CLAIM, {"of_message": row.message.id, "claimed_by": by, "updated_at": now})
    return row


def first_readable(tx: sa.Connection, conversation_id: UUID, now: datetime) -> OutboundRow | None:
    """The row that claim() would give, locked, but not claimed; those before it that can not be read have failed."""
    tx.execute(_LOCK, {"conversation_id": conversation_id})
    while True:
        row = tx.execute(_FIRST_UNSENT, {"conversation_id": conversation_id, "now": now}).one_or_none()
        if row is None or row.waits:
            return None
        try:
            return OutboundRow(
                message=read(tx, row),
                contact_ref=ref_of(tx, row.contact_id, row.ref),
                send_class=SendClass(row.send_class),
                attempts=row.attempts + 1,
            )
        except (SealBroken, KeyDestroyed) as error:
            log.error("message_unreadable", message_id=row.id, error=error)
            mark_failed(tx, row.id, error=type(error).__name__, now=now)


def mark_sent(tx: sa.Connection, message_id: UUID, *, platform_id: str | None, now: datetime) -> None:
    """The channel has taken the message; platform_id is its name there."""
    _mark(tx, message_id, "sent", error=None, platform_id=platform_id, now=now)


def mark_rejected(tx: sa.Connection, message_id: UUID, *, error: str, now: datetime) -> None:
    """The channel will never take the message; error is a reason without content."""
    _mark(tx, message_id, "rejected", error=error, platform_id=None, now=now)


def mark_failed(tx: sa.Connection, message_id: UUID, *, error: str, now: datetime) -> None:
    """The message was tried for too long and is given up; staff see it."""
    _mark(tx, message_id, "failed", error=error, platform_id=None, now=now)


def mark_maybe_sent(tx: sa.Connection, message_id: UUID, *, error: str, now: datetime) -> None:
    """The message may have arrived and is not tried again."""
    _mark(tx, message_id, "maybe_sent", error=error, platform_id=None, now=now)


def mark_retry(tx: sa.Connection, message_id: UUID, *, not_before: datetime, error: str, now: datetime) -> None:
    """The message goes out again at not_before, and with it what follows in the conversation."""
    values = {
        "of_message": message_id,
        "status": "queued",
        "not_before": not_before,
        "error": error,
        "updated_at": now,
    }
    tx.execute(_MARK_SENDING, values)


def _mark(
    tx: sa.Connection,
    message_id: UUID,
    status: OutboundStatus,
    *,
    error: str | None,
    platform_id: str | None,
    now: datetime,
) -> None:
    values = {
        "of_message": message_id,
        "status": status,
        "error": error,
        "platform_id": platform_id,
        "updated_at": now,
    }
    tx.execute(_MARK, values)


def claimers(tx: sa.Connection) -> list[str]:
    """The names of the processes that are sending something, or died while they were."""
    return list(tx.scalars(_CLAIMERS))


def recover(tx: sa.Connection, now: datetime, *, claimers: Collection[str]) -> int:
    """Frees what dead processes were sending: class A goes out again, class B is maybe_sent. Gives the number."""
    return tx.execute(_RECOVER, {"claimers": list(claimers), "updated_at": now}).rowcount


def old_claims(conn: sa.Connection, *, by: str, until: datetime) -> list[UUID]:
    """The messages that the process claimed so long ago and has not marked."""
    return list(conn.scalars(_OLD_CLAIMS, {"of_claimer": by, "until": until}))


def free_old_claims(
    tx: sa.Connection, now: datetime, *, by: str, until: datetime, message_ids: Collection[UUID]
) -> int:
    """Frees these of old_claims(), as recover() does: the process does not know of them. Gives the number."""
    values = {"of_claimer": by, "until": until, "messages": list(message_ids), "updated_at": now}
    return tx.execute(_FREE_OLD, values).rowcount


@dataclass(frozen=True, kw_only=True)
class UndeliveredRow:
    """A message that will not be sent any more: the channel refused it, or it was given up. Names no content."""

    message_id: UUID
    conversation_id: UUID
    channel: ChannelName
    status: OutboundStatus
    error: str | None
    attempts: int
    updated_at: datetime


def list_undelivered(conn: sa.Connection, limit: int) -> list[UndeliveredRow]:
    """Messages that will not be sent any more, the newest first."""
    return [UndeliveredRow(**row._mapping) for row in conn.execute(_UNDELIVERED, {"at_most": limit})]


def count_undelivered(conn: sa.Connection) -> dict[UUID, int]:
    """How many messages each conversation misses, where it misses any."""
    return {row.conversation_id: row.number for row in conn.execute(_COUNT_UNDELIVERED)}


@dataclass(frozen=True, kw_only=True)
class QueueState:
    """How many messages are to be sent, and since when the oldest of those that may go now waits."""

    length: int
    oldest_at: datetime | None


def queue_state(conn: sa.Connection, now: datetime) -> QueueState:
    """The queue as it is now."""
    return QueueState(length=conn.execute(_COUNT_UNSENT).scalar_one(), oldest_at=conn.scalar(_OLDEST_DUE, {"now": now}))
