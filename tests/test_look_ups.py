"""Who calls the hotline is found by their phone, without a phone being kept in the clear."""

import json
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.cases import look_ups
from bot.cases.look_ups import SEALED_LANES
from bot.model import Attachment
from bot.storage import cases
from tests.commands import Run, over_the_talk_in
from tests.talk import Talk

CARD = "+855 12 345 678"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Types a command over the talk's data."""
    return over_the_talk_in(tmp_path)


async def with_case(talk: Talk, *, own: bool = True) -> int:
    await talk.send(Attachment(kind="contact", phone=CARD, own=own))
    await talk.say("person")
    number: int = await talk.storage.read(lambda tx: tx.scalars(sa.text("SELECT number FROM cases")).one())
    return number


@pytest.mark.parametrize("typed", ["012 345 678", "០១២ ៣៤៥ ៦៧៨", "012345678", "+85512345678", "0085512345678"])
async def test_a_case_is_found_by_the_phone_on_the_contacts_own_card(talk: Talk, run: Run, typed: str) -> None:
    number = await with_case(talk)
    talk.contact_ref = "another"
    await talk.say("wages")

    found = run("cases", "--by", "phone", "--json", stdin=f"{typed}\n")

    assert [case["number"] for case in json.loads(found.stdout)] == [number]
    shown = run("cases", "--by", "phone", stdin=f"{typed}\n")
    assert str(number) in shown.stdout
    assert "No cases with this phone." in run("cases", "--by", "phone", stdin="012 345 679\n").stdout
    deeds = [json.loads(line) for line in run("audit", "show").stdout.splitlines()]
    assert {deed["action"] for deed in deeds} == {"cases_found_by_phone"}
    assert "345" not in repr(deeds)


async def test_a_card_of_somebody_else_finds_nobody(talk: Talk) -> None:
    await with_case(talk, own=False)

    assert await talk.storage.read(partial(look_ups.find_cases, kind="phone", words=CARD)) == []


async def test_a_case_is_found_by_name_in_another_spelling(talk: Talk, run: Run) -> None:
    number = await with_case(talk)
    (case,) = await talk.storage.read(partial(cases.list_open, limit=9))
    await talk.storage.run(
        partial(look_ups.note, conversation_id=case.conversation_id, kind="name", words="លោក សុខ ដារ៉ា")
    )

    found = run("cases", "--by", "name", "--json", stdin="ដារ៉ាសុខ\n")

    assert [one["number"] for one in json.loads(found.stdout)] == [number]


@pytest.mark.parametrize(("by", "typed"), [("phone", "Dara"), ("phone", "12"), ("name", "…"), ("name", "...")])
async def test_what_is_no_phone_or_name_is_refused(talk: Talk, run: Run, by: str, typed: str) -> None:
    done = run("cases", "--by", by, stdin=f"{typed}\n")

    assert done.returncode == 2
    assert f"that is no {by}" in done.stderr
    assert typed not in done.stdout + done.stderr


@pytest.mark.parametrize("lane", sorted(SEALED_LANES))
async def test_what_was_told_in_confidence_is_not_found(talk: Talk, lane: str) -> None:
    await with_case(talk)
    await talk.storage.run(lambda tx: tx.execute(sa.text("UPDATE cases SET lane = :lane"), {"lane": lane}))

    assert await talk.storage.read(partial(look_ups.find_cases, kind="phone", words=CARD)) == []


async def test_what_the_contact_deleted_is_not_found_and_leaves_no_mark(talk: Talk) -> None:
    await with_case(talk)
    await talk.say("delete")
    await talk.say("yes")

    assert await talk.storage.read(partial(look_ups.find_cases, kind="phone", words=CARD)) == []

    talk.wait(hours=72)
    await talk.eraser.erase_due()
    assert await talk.storage.read(lambda tx: tx.scalar(sa.text("SELECT count(*) FROM look_ups"))) == 0
