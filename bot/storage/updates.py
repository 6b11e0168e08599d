"""Raw updates: what a platform delivered, as it came, kept for a short time so that nothing is lost in a fault."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa

from bot.model import ChannelName
from bot.storage.dialects import insert_if_new
from bot.storage.tables import UpdateStatus, is_open, raw_updates
from bot.storage.vault import vault_of


@dataclass(frozen=True, kw_only=True)
class UpdateRow:
    """A raw update; channel, bot and external_id together name it. tries counts the processes that began with it.

    raw is empty once it is handled.
    """

    id: UUID
    channel: ChannelName
    bot: str
    external_id: str
    received_at: datetime
    raw: bytes
    status: UpdateStatus
    tries: int
    error: str | None


OWNER: Final = "updates "
"""What the names of the owners of their keys begin with; the day follows, so that names sort as days do."""

DONE_WITH: Final = b""

_INSERT = insert_if_new(raw_updates, "channel", "bot", "external_id")
_INSERT_ALL = _INSERT.returning(raw_updates.c.id)
_FIND = sa.select(raw_updates).where(
    raw_updates.c.channel == sa.bindparam("of_channel"),
    raw_updates.c.bot == sa.bindparam("of_bot"),
    raw_updates.c.external_id == sa.bindparam("of_external_id"),
)
_MARK = sa.update(raw_updates).where(raw_updates.c.id == sa.bindparam("of_update"))
_BEGIN = _MARK.where(raw_updates.c.status == "received").values(tries=raw_updates.c.tries + 1)
_FINISH = _MARK.where(raw_updates.c.status == "received")
_OPEN = (
    sa.select(raw_updates)
    .where(is_open(raw_updates), raw_updates.c.status == sa.bindparam("in_status"))
    .where(raw_updates.c.received_at <= sa.bindparam("received_until"))
    .order_by(raw_updates.c.received_at)
    .limit(sa.bindparam("at_most"))
)
_COUNT_QUARANTINED = sa.select(sa.func.count()).where(is_open(raw_updates), raw_updates.c.status == "quarantined")
_OLD = (
    sa.select(raw_updates.c.id)
    .where(raw_updates.c.received_at < sa.bindparam("received_before"))
    .limit(sa.bindparam("at_most"))
)
_PURGE = sa.delete(raw_updates).where(raw_updates.c.id.in_(_OLD.scalar_subquery()))


def receive(
    tx: sa.Connection,
    *,
    channel: ChannelName,
    bot: str,
    external_id: str,
    raw: bytes,
    now: datetime,
    counts: bool = True,
) -> UpdateRow:
    """The update, kept if it is new; if it counts, one more try is counted unless it is done with already."""
    new = _new(channel, bot, external_id, raw, now)
    if tx.execute(_INSERT, _sealed(tx, new)).rowcount == 1:
        return new
    name = {"of_channel": channel, "of_bot": bot, "of_external_id": external_id}
    known = _read(tx, tx.execute(_FIND, name).one())
    if known.status != "received" or not counts:
        return known
    tx.execute(_BEGIN, {"of_update": known.id})
    return replace(known, tries=known.tries + 1)


def receive_new(
    tx: sa.Connection, *, channel: ChannelName, bot: str, raw_of: Mapping[str, bytes], now: datetime
) -> dict[str, UpdateRow]:
    """Keeps those of the updates, by external_id, that are new, and gives them; of the others it changes nothing.

    Each counts as received a microsecond after the one before, so that their order stays known.
    """
    if not raw_of:
        return {}
    rows = [
        _new(channel, bot, external_id, raw, now + timedelta(microseconds=place))
        for place, (external_id, raw) in enumerate(raw_of.items())
    ]
    inserted = set(tx.scalars(_INSERT_ALL, [_sealed(tx, row) for row in rows]))
    return {row.external_id: row for row in rows if row.id in inserted}


def _new(channel: ChannelName, bot: str, external_id: str, raw: bytes, now: datetime) -> UpdateRow:
    return UpdateRow(
        id=uuid4(),
        channel=channel,
        bot=bot,
        external_id=external_id,
        received_at=now,
        raw=raw,
        status="received",
        tries=1,
        error=None,
    )


def _sealed(tx: sa.Connection, row: UpdateRow) -> dict[str, Any]:
    sealed = vault_of(tx).seal_bytes(key_owner(row.received_at), "raw_updates", "raw", row.id, row.raw)
    return {**vars(row), "raw": sealed}


def mark_handled(tx: sa.Connection, update_id: UUID) -> None:
    """All that the update asks for is done. What it held is kept as messages: the raw words go."""
    tx.execute(_FINISH, {"of_update": update_id, "status": "handled", "error": None, "raw": DONE_WITH})


def quarantine(tx: sa.Connection, update_id: UUID, *, error: str) -> None:
    """The update can not be handled; error is a code without content."""
    tx.execute(_FINISH, {"of_update": update_id, "status": "quarantined", "error": error})


def list_open(conn: sa.Connection, status: UpdateStatus, *, received_until: datetime, limit: int) -> list[UpdateRow]:
    """Updates of this status, which is received or quarantined, the oldest first."""
    values = {"in_status": status, "received_until": received_until, "at_most": limit}
    return [_read(conn, row) for row in conn.execute(_OPEN, values)]


def count_quarantined(conn: sa.Connection) -> int:
    """How many updates are quarantined."""
    number: int = conn.execute(_COUNT_QUARANTINED).scalar_one()
    return number


def purge(tx: sa.Connection, *, received_before: datetime, limit: int) -> int:
    """Deletes updates that are older, whatever became of them, at most so many; gives their number."""
    return tx.execute(_PURGE, {"received_before": received_before, "at_most": limit}).rowcount


def key_owner(received_at: datetime) -> str:
    """Whose key seals the updates of this day."""
    return f"{OWNER}{received_at.astimezone(UTC).date()}"


def _read(tx: sa.Connection, row: sa.Row[Any]) -> UpdateRow:
    if row.raw == DONE_WITH:
        return UpdateRow(**row._mapping)
    raw = vault_of(tx).open_bytes(key_owner(row.received_at), "raw_updates", "raw", row.id, row.raw)
    return UpdateRow(**{**row._mapping, "raw": raw})
