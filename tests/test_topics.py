"""nlu/topics.yml says what content may hold."""

from pathlib import Path

import pytest

from bot.errors import ContentErrors
from bot.topics import load_topics

DATA = Path(__file__).parent / "data" / "content"

GOOD = """\
themes: {money: Money}
answers:
  money:
    loan: {facts: [], about: a loan}
flows: {start_wage_claim: wage_claim}
controls: {greet: hello}
crisis: {crisis_child: a child is in danger}
fallback: nlu_fallback
"""


def test_topics_are_read_in_order() -> None:
    topics = load_topics(DATA / "topics.yml")
    assert list(topics.themes) == ["wages_thailand", "safe_migration"]
    assert topics.answers["wages_thailand"] == ("unpaid_wages", "wage_time_limit")
    assert topics.answer_ids == {"unpaid_wages", "wage_time_limit", "border_now", "thai_permit_now"}
    assert topics.flows == {"start_wage_claim": "wage_claim"}
    assert topics.controls == ("show_menu", "talk_to_human")
    assert topics.crisis == ("crisis_self_harm",)
    assert topics.fallback == "nlu_fallback"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("themes: {money: Money}", "themes: {food: Food}", "There is no theme “money”"),
        ("themes: {money: Money}", "themes: {money: [Money]}", "“money” needs one text"),
        ("    loan: {facts: [], about: a loan}", "    - loan", "“money” holds no answers"),
        ("crisis: {crisis_child: a child is in danger}\n", "", "“crisis” is missing"),
        ("fallback: nlu_fallback\n", "", "“fallback” is missing"),
        ("flows: {start_wage_claim: wage_claim}", "flows: [wage_claim]", "“flows” is missing"),
        ("themes: {money: Money}", "themes: {money: Money", "This is not YAML"),
    ],
)
def test_what_is_wrong_with_topics_is_said(tmp_path: Path, old: str, new: str, problem: str) -> None:
    path = tmp_path / "topics.yml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(ContentErrors, match=problem):
        load_topics(path)


def test_an_answer_stands_in_one_theme(tmp_path: Path) -> None:
    path = tmp_path / "topics.yml"
    two = GOOD.replace("{money: Money}", "{money: Money, jobs: Jobs}").replace(
        "  money:", "  jobs: {loan: x}\n  money:"
    )
    path.write_text(two, encoding="utf-8")
    with pytest.raises(ContentErrors, match="“loan” stands in two themes"):
        load_topics(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ContentErrors, match="can not be read"):
        load_topics(tmp_path / "topics.yml")
