"""Legal holds: a case that a court or the police may ask for is not erased, whoever asks and however old it is.

Two people place one and two lift it. It keeps from the moment the first of them asks, so that nothing is lost
while the second is looked for; until the second confirms, it lapses after a week.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import sqlalchemy as sa

from bot.errors import CustodyError
from bot.storage.tables import cases, legal_holds
from bot.storage.vault import vault_of

LAPSES_AFTER: Final = timedelta(days=7)
Outcome = Literal["asked", "placed", "lift_asked", "lifted"]


@dataclass(frozen=True, kw_only=True)
class LegalHoldRow:
    """A legal hold on the case of this number; confirmed_by is None until the second person agreed."""

    case_id: UUID
    number: int
    reason: str
    placed_by: str
    placed_at: datetime
    confirmed_by: str | None
    lift_asked_by: str | None


_CASE = sa.select(cases.c.id).where(cases.c.number == sa.bindparam("number"))
_ALL = sa.select(legal_holds, cases.c.number).join(cases, cases.c.id == legal_holds.c.case_id)
_FIND = sa.select(legal_holds).where(legal_holds.c.case_id == sa.bindparam("of_case")).with_for_update()
_PLACE = sa.insert(legal_holds)
_CHANGE = sa.update(legal_holds).where(legal_holds.c.case_id == sa.bindparam("of_case"))
_LIFT = sa.delete(legal_holds).where(legal_holds.c.case_id == sa.bindparam("of_case"))
_LAPSE = sa.delete(legal_holds).where(
    legal_holds.c.confirmed_by.is_(None), legal_holds.c.placed_at < sa.bindparam("placed_before")
)


def place(tx: sa.Connection, *, number: int, by: str, reason: str, now: datetime) -> Outcome:
    """Asks for a hold, or confirms what somebody else asked for.

    Raises:
        CustodyError: no such case, the same person twice, or it is held already.
    """
    case_id = _case(tx, number)
    found = tx.execute(_FIND, {"of_case": case_id}).one_or_none()
    if found is None:
        sealed = vault_of(tx).seal(case_id, "legal_holds", "reason", case_id, reason)
        tx.execute(_PLACE, {"case_id": case_id, "reason": sealed, "placed_by": by, "placed_at": now})
        return "asked"
    if found.confirmed_by:
        raise CustodyError(f"Case {number} is held already, by {found.placed_by} and {found.confirmed_by}.")
    if found.placed_by == by:
        raise CustodyError(f"{by} asked for this hold. A second person must confirm it.")
    tx.execute(_CHANGE, {"of_case": case_id, "confirmed_by": by})
    return "placed"


def lift(tx: sa.Connection, *, number: int, by: str) -> Outcome:
    """Asks to lift a hold, or lifts it where somebody else has asked; one that nobody confirmed goes at once.

    Raises:
        CustodyError: no such case, it is not held, or the same person twice.
    """
    case_id = _case(tx, number)
    found = tx.execute(_FIND, {"of_case": case_id}).one_or_none()
    if found is None:
        raise CustodyError(f"Case {number} is not held.")
    if found.confirmed_by and found.lift_asked_by is None:
        tx.execute(_CHANGE, {"of_case": case_id, "lift_asked_by": by})
        return "lift_asked"
    if found.lift_asked_by == by:
        raise CustodyError(f"{by} asked to lift this hold. A second person must agree.")
    tx.execute(_LIFT, {"of_case": case_id})
    return "lifted"


def lapse(tx: sa.Connection, now: datetime) -> int:
    """Lets go of holds that no second person confirmed in time; gives their number."""
    return tx.execute(_LAPSE, {"placed_before": now - LAPSES_AFTER}).rowcount


def list_all(conn: sa.Connection) -> list[LegalHoldRow]:
    """All holds."""
    return [_read(conn, row) for row in conn.execute(_ALL)]


def _case(tx: sa.Connection, number: int) -> UUID:
    case_id: UUID | None = tx.scalar(_CASE, {"number": number})
    if case_id is None:
        raise CustodyError(f"There is no case {number}.")
    return case_id


def _read(conn: sa.Connection, row: sa.Row[Any]) -> LegalHoldRow:
    reason = vault_of(conn).open(row.case_id, "legal_holds", "reason", row.case_id, row.reason)
    return LegalHoldRow(**{**row._mapping, "reason": reason})
