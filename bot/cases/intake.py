"""How a conversation becomes a case: handed off on request, or raised as an alarm."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from bot.model import Lane
from bot.storage import cases

CRISIS_TYPE = "crisis"


@dataclass(frozen=True, kw_only=True)
class Handed:
    """The case a contact can quote, and whether it waited already."""

    number: int
    already: bool


def hand_off(
    tx: Connection,
    *,
    conversation_id: UUID,
    type: str,
    lane: Lane,
    now: datetime,
    choose_number: Callable[[int], int],
) -> Handed:
    """Opens a waiting case, or names the one of this type that is not resolved yet."""
    number = _unresolved(tx, conversation_id, type)
    if number is not None:
        return Handed(number=number, already=True)
    case = cases.open(
        tx,
        conversation_id=conversation_id,
        type=type,
        lane=lane,
        urgent=False,
        now=now,
        choose_number=choose_number,
    )
    return Handed(number=case.number, already=False)


def raise_alarm(
    tx: Connection, *, conversation_id: UUID, crisis: str, now: datetime, choose_number: Callable[[int], int]
) -> None:
    """Opens an urgent case for a crisis, or notes one more sign on the one that is open."""
    open_cases = [case for case in cases.of_conversation(tx, conversation_id) if case.type == CRISIS_TYPE]
    waiting = [case for case in open_cases if case.status != "resolved"]
    case = (
        waiting[0]
        if waiting
        else cases.open(
            tx,
            conversation_id=conversation_id,
            type=CRISIS_TYPE,
            lane="counselling",
            urgent=True,
            now=now,
            choose_number=choose_number,
        )
    )
    cases.add_event(tx, case_id=case.id, kind=crisis, now=now)


def _unresolved(tx: Connection, conversation_id: UUID, type: str) -> int | None:
    for case in cases.of_conversation(tx, conversation_id):
        if case.type == type and case.status != "resolved":
            return case.number
    return None
