"""Makes a database that was brought back safe to serve: it forgets what was erased since, and sends nothing again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from bot.errors import KeyDestroyed
from bot.storage import audit
from bot.storage.keys import KeyStore
from bot.storage.tables import (
    cases,
    contacts,
    conversations,
    erasures,
    is_open,
    is_unsent,
    media,
    outbound,
    raw_updates,
)

RESTORED: Final = "restored"
_AT_ONCE: Final = 500
_BEGUN: Final = ("PENDING", "ENQUEUED", "DELAYED")
_QUARANTINE = (
    sa.update(outbound).where(is_unsent(outbound)).values(status="failed", error=RESTORED),
    sa.update(raw_updates)
    .where(is_open(raw_updates), raw_updates.c.status == "received")
    .values(status="quarantined", error=RESTORED),
)
_IDS = {
    "conversation": sa.select(conversations.c.id),
    "case": sa.select(cases.c.id),
    "media": sa.select(media.c.id).where(media.c.status == "stored"),
}
_DELETE = tuple(
    sa.delete(table).where(table.c[column].in_(sa.bindparam("ids", expanding=True)))
    for table, column in ((conversations, "id"), (contacts, "id"), (cases, "id"), (media, "id"), (erasures, "owner"))
)


@dataclass(frozen=True, kw_only=True)
class Made:
    """What was done: owners erased again, records whose key is gone, messages and updates not to go out again."""

    erased: int
    unreadable: int
    quarantined: int


def make_safe(tx: sa.Connection, keys: KeyStore, erased: Collection[str], now: datetime) -> Made:
    """Erases what was erased since the copy was made, drops what has no key any more, and quarantines the outbox.

    May be done again: it begins with what may not be left out.
    """
    again = [UUID(owner) for owner in erased]
    keys.destroy(*erased)
    _delete(tx, again)
    unreadable = [owner for ids in _IDS.values() for owner in tx.scalars(ids) if not _has_key(keys, owner)]
    _delete(tx, unreadable)
    quarantined = sum(tx.execute(change).rowcount for change in _QUARANTINE)
    _stop_timers(tx)
    made = Made(erased=len(again), unreadable=len(unreadable), quarantined=quarantined)
    audit.append(tx, actor="operator", action=RESTORED, object="database", now=now, details=vars(made))
    return made


def _delete(tx: sa.Connection, owners: list[UUID]) -> None:
    for begin in range(0, len(owners), _AT_ONCE):
        for delete in _DELETE:
            tx.execute(delete, {"ids": owners[begin : begin + _AT_ONCE]})


def _has_key(keys: KeyStore, owner: UUID) -> bool:
    try:
        keys.key(str(owner))
    except KeyDestroyed:
        return False
    return True


def _stop_timers(tx: sa.Connection) -> None:
    """Cancels what the engine of timers had begun: it would be done again."""
    for schema in (None, "dbos"):
        if sa.inspect(tx).has_table("workflow_status", schema=schema):
            status = sa.table("workflow_status", sa.column("status"), schema=schema)
            tx.execute(sa.update(status).where(status.c.status.in_(_BEGUN)).values(status="CANCELLED"))
