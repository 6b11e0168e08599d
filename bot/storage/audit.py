"""The audit: who did what to whose record, without content. Nothing in it can be changed, left out or added unseen.

Each row is chained to the one before by an HMAC whose key lies in the key store. What the chain can not show, that the
newest rows were cut off, the heads show that are kept outside of the database (see `work.auditing`).
"""

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from bot.storage.tables import audit
from bot.storage.vault import vault_of

_KIND: Final = "audit"
_LOCK_NUMBER: Final = 7_302_915_088
_LOCK = sa.select(sa.func.pg_advisory_xact_lock(_LOCK_NUMBER))
_LAST = sa.select(audit).order_by(audit.c.seq.desc()).limit(1)
_NEWEST = sa.select(audit).order_by(audit.c.seq.desc()).limit(sa.bindparam("at_most"))
_ALL = sa.select(audit).order_by(audit.c.seq)
_AT = sa.select(audit.c.chained).where(audit.c.seq == sa.bindparam("of_seq"))
_INSERT = sa.insert(audit)


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """One deed: actor did action to object, which is a kind and an id; details are codes and numbers."""

    seq: int
    at: datetime
    actor: str
    action: str
    object: str
    details: Mapping[str, str | int]


@dataclass(frozen=True, kw_only=True)
class Head:
    """The end of the chain: the number of the newest row and what it is chained by, in hex; 0 and "" of none."""

    seq: int
    chained: str


def append(
    tx: sa.Connection, *, actor: str, action: str, object: str, now: datetime, details: Mapping[str, str | int] = {}
) -> None:
    """Adds a deed, in the transaction that does it. Call it last: until the commit nobody else can add one."""
    if tx.dialect.name != "sqlite":
        tx.execute(_LOCK)
    last = tx.execute(_LAST).one_or_none()
    values = {
        "seq": last.seq + 1 if last else 1,
        "at": now,
        "actor": actor,
        "action": action,
        "object": object,
        "details": json.dumps(dict(details), sort_keys=True),
    }
    tx.execute(_INSERT, {**values, "chained": _chain(tx, last.chained if last else b"", values)})


def newest(conn: sa.Connection, limit: int) -> list[AuditRow]:
    """The newest deeds, in their order."""
    return [_read(row) for row in reversed(conn.execute(_NEWEST, {"at_most": limit}).all())]


def head(conn: sa.Connection) -> Head:
    """The end of the chain as it is now."""
    last = conn.execute(_LAST).one_or_none()
    return Head(seq=last.seq, chained=last.chained.hex()) if last else Head(seq=0, chained="")


def broken(conn: sa.Connection, kept: Iterable[Head] = ()) -> list[str]:
    """What is wrong: rows that were changed, left out or added, and kept heads that the chain no longer has."""
    problems, before, expected = [], b"", 1
    for row in conn.execute(_ALL):
        if row.seq != expected:
            problems.append(f"row {expected} is missing")
        values = {name: getattr(row, name) for name in ("seq", "at", "actor", "action", "object", "details")}
        if not hmac.compare_digest(_chain(conn, before, values), row.chained):
            problems.append(f"row {row.seq} was changed, or the row before it")
        before, expected = row.chained, row.seq + 1
    for one in kept:
        found = conn.scalar(_AT, {"of_seq": one.seq})
        if one.seq and (found is None or found.hex() != one.chained):
            problems.append(f"row {one.seq} is not the one whose mark was kept outside of the database")
    return problems


def _chain(conn: sa.Connection, before: bytes, values: Mapping[str, Any]) -> bytes:
    words = [before.hex(), *(str(value) for value in {**values, "at": values["at"].isoformat()}.values())]
    return vault_of(conn).mark(_KIND, json.dumps(words))


def _read(row: sa.Row[Any]) -> AuditRow:
    return AuditRow(
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        action=row.action,
        object=row.object,
        details=json.loads(row.details),
    )
