"""Cases, votes, and what was not understood."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import count as count_from
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from bot.errors import StorageError
from bot.storage import cases, tables, unanswered, votes
from bot.storage.cases import CaseRow
from bot.storage.vault import Vault
from tests.storage.rows import NOW, conversation_of, count, hear


def open_case(tx: sa.Connection, choose_number: Callable[[int], int], **changes: Any) -> CaseRow:
    values: dict[str, Any] = {
        "conversation_id": conversation_of(tx).id,
        "type": "wage_claim",
        "lane": "legal",
        "urgent": False,
        "now": NOW,
    }
    return cases.open(tx, choose_number=choose_number, **{**values, **changes})


def in_turn(numbers: Iterator[int]) -> Callable[[int], int]:
    return lambda _size: next(numbers)


def resolve(tx: sa.Connection, case: CaseRow) -> None:
    tx.execute(sa.text("UPDATE cases SET status = 'resolved' WHERE number = :number"), {"number": case.number})


def fill(tx: sa.Connection, numbers: range) -> None:
    """Takes the numbers without going through cases.open."""
    case = open_case(tx, in_turn(iter([numbers.start - 1000])))
    copy = sa.text(
        "INSERT INTO cases (id, number, conversation_id, type, lane, status, urgent, created_at, updated_at)"
        " SELECT :id, :number, conversation_id, type, lane, status, urgent, created_at, updated_at"
        " FROM cases WHERE number = :first"
    ).bindparams(sa.bindparam("id", type_=sa.Uuid))
    tx.execute(copy, [{"id": uuid4(), "number": number, "first": case.number} for number in numbers[1:]])


def test_a_case_comes_back_as_it_was_opened(tx: sa.Connection) -> None:
    case = open_case(tx, in_turn(iter([234])), urgent=True, status="incomplete")

    assert (case.number, case.type, case.lane, case.status) == (1234, "wage_claim", "legal", "incomplete")
    assert cases.of_conversation(tx, case.conversation_id) == [case]


def test_numbers_have_four_digits_and_never_begin_with_zero(tx: sa.Connection) -> None:
    sizes: list[int] = []

    def lowest_then_highest(size: int) -> int:
        sizes.append(size)
        return 0 if len(sizes) == 1 else size - 1

    assert [open_case(tx, lowest_then_highest).number for _ in range(2)] == [1000, 9999]
    assert sizes == [9000, 9000]


def test_a_number_that_is_taken_is_drawn_again(tx: sa.Connection) -> None:
    draw = in_turn(iter([5, 5, 5, 6]))

    assert [open_case(tx, draw).number for _ in range(2)] == [1005, 1006]


def test_a_broken_draw_ends_in_an_error(tx: sa.Connection) -> None:
    open_case(tx, lambda _size: 0)

    with pytest.raises(StorageError, match="No free case number"):
        open_case(tx, lambda _size: 0)


def test_numbers_grow_a_digit_when_half_are_taken(tx: sa.Connection) -> None:
    fill(tx, range(1000, 5499))
    assert open_case(tx, in_turn(iter([8999]))).number == 9999

    assert open_case(tx, in_turn(iter([0]))).number == 10000


def test_cases_of_a_conversation_come_newest_first(tx: sa.Connection) -> None:
    draw = in_turn(count_from())
    old, new = open_case(tx, draw), open_case(tx, draw, now=NOW + timedelta(hours=1))
    open_case(tx, draw, conversation_id=conversation_of(tx, "someone else").id)

    assert cases.of_conversation(tx, old.conversation_id) == [new, old]


def test_open_cases_come_urgent_first_then_oldest(tx: sa.Connection) -> None:
    draw = in_turn(count_from())
    new = open_case(tx, draw, now=NOW + timedelta(hours=1))
    old = open_case(tx, draw)
    urgent = open_case(tx, draw, now=NOW + timedelta(hours=2), urgent=True)
    resolve(tx, open_case(tx, draw))

    assert cases.list_open(tx, 10) == [urgent, old, new]
    assert cases.list_open(tx, 1) == [urgent]


@pytest.mark.parametrize("wrong", [{"lane": "other"}, {"status": "open"}])
def test_values_outside_the_lists_are_refused(tx: sa.Connection, wrong: dict[str, str]) -> None:
    conversation_of(tx)

    with pytest.raises(sa.exc.IntegrityError), tx.begin_nested():
        open_case(tx, lambda _size: 0, **wrong)


def test_an_event_keeps_its_note_sealed_with_the_key_of_its_case(tx: sa.Connection, vault: Vault) -> None:
    case = open_case(tx, lambda _size: 0)

    cases.add_event(tx, case_id=case.id, kind="opened", now=NOW)
    cases.add_event(tx, case_id=case.id, kind="note", now=NOW, note="w€rds")

    opened, noted = tx.execute(sa.select(tables.case_events).order_by(tables.case_events.c.kind.desc())).all()
    assert opened.note is None
    assert "w€rds".encode() not in noted.note
    assert vault.open(case.id, "case_events", "note", noted.id, noted.note) == "w€rds"


def test_one_vote_counts_for_each_message(tx: sa.Connection) -> None:
    message = hear(tx)
    vote = partial(
        votes.record,
        tx,
        message_id=message.id,
        conversation_id=message.conversation_id,
        answer="wages.unpaid",
        language="km",
        now=NOW,
    )

    assert vote(helped=True)
    assert not vote(helped=False)

    assert tx.exec_driver_sql("SELECT helped FROM votes").scalars().all() in ([True], [1])


def test_what_was_not_understood_is_noted_once_with_its_guesses(tx: sa.Connection) -> None:
    message = hear(tx)
    note = partial(
        unanswered.record,
        tx,
        message_id=message.id,
        conversation_id=message.conversation_id,
        language="km",
        guesses=(("wages.unpaid", 0.4), ("border", 0.25)),
        now=NOW,
    )

    assert note()
    assert not note()

    kept = tx.exec_driver_sql("SELECT guesses FROM unanswered").scalar_one()
    assert json.loads(kept) == [["wages.unpaid", 0.4], ["border", 0.25]]


def test_a_deleted_conversation_takes_its_cases_and_votes_with_it(tx: sa.Connection) -> None:
    message = hear(tx)
    case = open_case(tx, lambda _size: 0)
    cases.add_event(tx, case_id=case.id, kind="opened", now=NOW)
    of_message = {"message_id": message.id, "conversation_id": message.conversation_id, "language": "km", "now": NOW}
    votes.record(tx, answer="a", helped=True, **of_message)  # type: ignore[arg-type]
    unanswered.record(tx, guesses=(), **of_message)  # type: ignore[arg-type]

    tx.exec_driver_sql("DELETE FROM conversations")

    assert [count(tx, name) for name in ("cases", "case_events", "votes", "unanswered", "messages")] == [0] * 5
