"""Finds the cases of who calls by phone, or of whom a name is known, however both were typed."""

from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from bot.model import Lane, LookUpKind
from bot.storage import cases, erasures, look_ups
from bot.storage.cases import CaseRow
from khmer_nlu import name_keys, read_slot

SEALED_LANES: Final[frozenset[Lane]] = frozenset(("counselling", "complaint"))
"""Their cases are found by number alone: who asks for a name may be the one whom the person fears."""


def keys_of(kind: LookUpKind, words: str) -> frozenset[str]:
    """What a phone, in E.164 as Cambodian and as Thai, or a name is found by; empty if the words hold none."""
    if kind == "name":
        return name_keys(words)
    value = read_slot("phone", words, date.min)
    return frozenset(value["candidates"]) if value else frozenset()


def note(tx: Connection, conversation_id: UUID, kind: LookUpKind, words: str) -> None:
    """Lets the conversation be found by this phone or name of its contact; words that hold none change nothing."""
    look_ups.note(tx, conversation_id, kind, keys_of(kind, words))


def find_cases(conn: Connection, kind: LookUpKind, words: str) -> list[CaseRow]:
    """The cases, the newest first, of every contact with this phone or name; without sealed and locked ones."""
    found = [case for id in look_ups.find(conn, kind, keys_of(kind, words)) for case in cases.of_conversation(conn, id)]
    shown = (case for case in found if case.lane not in SEALED_LANES and not erasures.is_locked(conn, case))
    return sorted(shown, key=lambda case: case.created_at, reverse=True)
