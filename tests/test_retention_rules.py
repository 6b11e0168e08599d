"""How long each kind of case is kept, and that the operator's table says the same."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from bot.cases import retention
from bot.cases.retention import Kept, conversation_ends, kept
from bot.settings import REPOSITORY
from bot.storage.cases import CaseRow
from bot.storage.tables import CaseStatus

CHANGED = datetime(2026, 11, 24, 8, tzinfo=UTC)
NAMED = {
    "raw_updates": retention.RAW_UPDATES,
    "no_case": retention.NO_CASE,
    "draft": retention.DRAFT,
    "draft_with_evidence": retention.DRAFT_WITH_EVIDENCE,
    "wage_claim_closed": retention.WAGE_CLAIM_CLOSED,
    "other_closed": retention.OTHER_CLOSED,
    "locked": retention.LOCKED,
    "forgotten": retention.FORGOTTEN,
}


def case_of(status: CaseStatus, type: str = "counselling", keep_until: datetime | None = None) -> CaseRow:
    return CaseRow(
        id=uuid4(),
        number=4821,
        conversation_id=uuid4(),
        type=type,
        lane="legal",
        status=status,
        urgent=False,
        created_at=CHANGED - timedelta(days=100),
        updated_at=CHANGED,
        keep_until=keep_until,
    )


@pytest.mark.parametrize(
    ("case", "evidence", "rule", "days"),
    [
        (case_of("incomplete"), False, "draft", 7),
        (case_of("incomplete", "wage_claim"), True, "draft_with_evidence", 60),
        (case_of("resolved"), True, "other_closed", 90),
        (case_of("resolved", "wage_claim"), False, "wage_claim_closed", 365),
        (case_of("resolved", "wage_claim", CHANGED + timedelta(days=30)), False, "wage_claim_closed", 365),
        (case_of("resolved", "wage_claim", CHANGED + timedelta(days=700)), False, "wage_claim_closed", 700),
        (case_of("waiting"), False, "open", None),
        (case_of("claimed", "wage_claim"), True, "open", None),
    ],
)
def test_each_kind_of_case_has_its_time(case: CaseRow, evidence: bool, rule: str, days: int | None) -> None:
    until = None if days is None else CHANGED + timedelta(days=days)

    assert kept(case, has_evidence=evidence, is_held=False) == Kept(rule=rule, until=until)


@pytest.mark.parametrize("status", ["incomplete", "waiting", "claimed", "resolved"])
def test_a_hold_keeps_whatever_it_is(status: CaseStatus) -> None:
    assert kept(case_of(status), has_evidence=False, is_held=True) == Kept(rule="legal_hold", until=None)


def test_a_conversation_ends_with_the_last_of_its_cases_and_not_before_72_hours() -> None:
    day, never = Kept(rule="draft", until=CHANGED + timedelta(days=1)), Kept(rule="open", until=None)
    year = Kept(rule="other_closed", until=CHANGED + timedelta(days=365))

    assert conversation_ends(CHANGED, []) == CHANGED + timedelta(hours=72)
    assert conversation_ends(CHANGED, [day]) == CHANGED + timedelta(hours=72)
    assert conversation_ends(CHANGED, [day, year]) == year.until
    assert conversation_ends(CHANGED, [year, never]) is None


@pytest.mark.parametrize("rule", NAMED)
def test_the_operators_table_names_the_time_of(rule: str) -> None:
    table = (REPOSITORY / "docs" / "operator" / "retention.md").read_text(encoding="utf-8")
    (row,) = (line for line in table.splitlines() if line.endswith(f"| `{rule}` |"))
    hours = {int(number) * (24 if unit == "days" else 1) for number, unit in re.findall(r"(\d+) (days|hours)", row)}

    assert timedelta(hours=max(hours)) == NAMED[rule]
