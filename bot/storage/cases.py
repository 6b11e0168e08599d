"""Cases: what staff work on, each with a number that the contact can quote."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from bot.errors import StorageError
from bot.model import Lane
from bot.storage.dialects import insert_if_new
from bot.storage.tables import CaseStatus, case_events, cases
from bot.storage.vault import vault_of

FEWEST_DIGITS = 4
MOST_DIGITS = 9  # what the column holds
TRIES = 200  # at least half of the numbers are free, so that as many tries never all fail


@dataclass(frozen=True, kw_only=True)
class CaseRow:
    """A case; type is the kind of help (wage_claim, counselling, …), lane the staff who work on it.

    keep_until: of a wage claim, when it can no longer be brought.
    """

    id: UUID
    number: int
    conversation_id: UUID
    type: str
    lane: Lane
    status: CaseStatus
    urgent: bool
    created_at: datetime
    updated_at: datetime
    keep_until: datetime | None = None


_INSERT = insert_if_new(cases, "number")
_INSERT_EVENT = sa.insert(case_events)
_COUNT = sa.select(sa.func.count()).where(
    cases.c.number >= sa.bindparam("lowest"), cases.c.number <= sa.bindparam("highest")
)
_OF_CONVERSATION = (
    sa.select(cases)
    .where(cases.c.conversation_id == sa.bindparam("conversation_id"))
    .order_by(cases.c.created_at.desc(), cases.c.number)
)
_FIND = sa.select(cases).where(cases.c.number == sa.bindparam("of_number"))
_EVENTS = (
    sa.select(case_events.c.at, case_events.c.kind)
    .where(case_events.c.case_id == sa.bindparam("of_case"))
    .order_by(case_events.c.at)
)
_OPEN = (
    sa.select(cases)
    .where(cases.c.status != "resolved")
    .order_by(cases.c.urgent.desc(), cases.c.created_at, cases.c.number)
    .limit(sa.bindparam("at_most"))
)


def open(
    tx: sa.Connection,
    *,
    conversation_id: UUID,
    type: str,
    lane: Lane,
    urgent: bool,
    now: datetime,
    choose_number: Callable[[int], int],
    status: CaseStatus = "waiting",
) -> CaseRow:
    """A new case. choose_number(n) gives a random number from 0 to n - 1, as secrets.randbelow does.

    Raises:
        StorageError: choose_number gave only numbers that are taken.
    """
    lowest, size = _numbers(tx)
    for _ in range(TRIES):
        case = CaseRow(
            id=uuid4(),
            number=lowest + choose_number(size),
            conversation_id=conversation_id,
            type=type,
            lane=lane,
            status=status,
            urgent=urgent,
            created_at=now,
            updated_at=now,
        )
        if tx.execute(_INSERT, vars(case)).rowcount == 1:
            return case
    raise StorageError(f"No free case number was found in {TRIES} tries.")


def _numbers(tx: sa.Connection) -> tuple[int, int]:
    """The lowest number and how many there are, of the fewest digits of which less than half are taken."""
    for digits in range(FEWEST_DIGITS, MOST_DIGITS):
        lowest, highest = 10 ** (digits - 1), 10**digits - 1
        size = highest - lowest + 1
        taken = tx.execute(_COUNT, {"lowest": lowest, "highest": highest}).scalar_one()
        if taken * 2 < size:
            return lowest, size
    raise StorageError("There are more cases than numbers.")


def of_conversation(tx: sa.Connection, conversation_id: UUID) -> list[CaseRow]:
    """All cases of the conversation, the newest first."""
    return [_read(row) for row in tx.execute(_OF_CONVERSATION, {"conversation_id": conversation_id})]


def find(tx: sa.Connection, number: int) -> CaseRow | None:
    """The case of this number, if there is one."""
    row = tx.execute(_FIND, {"of_number": number}).one_or_none()
    return None if row is None else _read(row)


def list_open(tx: sa.Connection, limit: int) -> list[CaseRow]:
    """Cases that are not resolved: urgent ones first, then those that wait longest."""
    return [_read(row) for row in tx.execute(_OPEN, {"at_most": limit})]


def add_event(tx: sa.Connection, *, case_id: UUID, kind: str, now: datetime, note: str | None = None) -> None:
    """Adds to the history of the case; the note may hold what people wrote."""
    event_id = uuid4()
    sealed = vault_of(tx).seal(case_id, "case_events", "note", event_id, note)
    tx.execute(_INSERT_EVENT, {"id": event_id, "case_id": case_id, "kind": kind, "at": now, "note": sealed})


def events(tx: sa.Connection, case_id: UUID) -> list[tuple[datetime, str]]:
    """When what happened to the case, without the notes."""
    return [(row.at, row.kind) for row in tx.execute(_EVENTS, {"of_case": case_id})]


def _read(row: sa.Row[Any]) -> CaseRow:
    return CaseRow(**row._mapping)
