"""Two people place a legal hold, and two lift it."""

from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from bot.errors import CustodyError
from bot.storage import cases, erasures, legal_holds
from bot.storage.legal_holds import LAPSES_AFTER
from tests.storage.rows import NOW, conversation_of, count

place = partial(legal_holds.place, number=4821, reason="the court of Poipet asks", now=NOW)


@pytest.fixture(autouse=True)
def case(tx: sa.Connection) -> cases.CaseRow:
    return cases.open(
        tx,
        conversation_id=conversation_of(tx).id,
        type="wage_claim",
        lane="legal",
        urgent=False,
        now=NOW,
        choose_number=lambda below: 4821 - 1000,
    )


def due(tx: sa.Connection) -> int:
    return len(erasures.due(tx, NOW, 10))


def test_it_keeps_from_the_first_word_on(tx: sa.Connection, case: cases.CaseRow) -> None:
    erasures.put_aside(tx, case.id, kind="case", reason="draft", due_at=NOW, now=NOW)
    assert due(tx) == 1

    assert place(tx, by="Sokha") == "asked"

    assert due(tx) == 0
    (row,) = legal_holds.list_all(tx)
    assert (row.number, row.reason, row.placed_by, row.confirmed_by) == (4821, place.keywords["reason"], "Sokha", None)


def test_one_person_can_neither_confirm_nor_lift_alone(tx: sa.Connection) -> None:
    place(tx, by="Sokha")
    with pytest.raises(CustodyError, match="second person must confirm"):
        place(tx, by="Sokha")
    assert place(tx, by="Dara") == "placed"

    assert legal_holds.lift(tx, number=4821, by="Dara") == "lift_asked"
    with pytest.raises(CustodyError, match="second person must agree"):
        legal_holds.lift(tx, number=4821, by="Dara")
    assert len(legal_holds.list_all(tx)) == 1
    assert legal_holds.lift(tx, number=4821, by="Sokha") == "lifted"
    assert legal_holds.list_all(tx) == []


def test_one_that_nobody_confirmed_lapses_after_a_week(tx: sa.Connection) -> None:
    place(tx, by="Sokha")

    assert legal_holds.lapse(tx, NOW + LAPSES_AFTER) == 0
    assert legal_holds.lapse(tx, NOW + LAPSES_AFTER + timedelta(seconds=1)) == 1

    place(tx, by="Sokha")
    place(tx, by="Dara")
    assert legal_holds.lapse(tx, NOW + timedelta(days=900)) == 0


@pytest.mark.parametrize("number", [1, 4822])
def test_a_case_that_is_not_there_is_named(tx: sa.Connection, number: int) -> None:
    with pytest.raises(CustodyError, match=f"no case {number}"):
        legal_holds.place(tx, number=number, by="Sokha", reason="court", now=NOW)
    with pytest.raises(CustodyError, match="is not held"):
        legal_holds.lift(tx, number=4821, by="Sokha")


def test_its_reason_is_sealed(tx: sa.Connection) -> None:
    place(tx, by="Sokha")

    (stored,) = tx.execute(sa.text("SELECT reason FROM legal_holds")).scalars()

    assert b"Poipet" not in bytes(stored)
    assert count(tx, "legal_holds") == 1
