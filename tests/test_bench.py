"""The arithmetic of the benchmarks, and the file that they share."""

from pathlib import Path

import pytest

from tests.bench.nlu.compare import mcnemar
from tests.bench.nlu.engines import parsed_of_stock
from tests.bench.report import write_section


@pytest.mark.parametrize(
    ("only_one", "only_other", "p"), [(0, 0, 1.0), (5, 5, 1.0), (5, 0, 0.0625), (0, 6, 0.03125), (35, 10, 0.000246)]
)
def test_mcnemar_looks_only_at_where_the_two_differ(only_one: int, only_other: int, p: float) -> None:
    one = [True] * only_one + [False] * only_other + [True, False] * 50
    other = [False] * only_one + [True] * only_other + [True, False] * 50

    assert mcnemar(one, other) == pytest.approx(p, rel=0.01)


def test_a_section_of_the_report_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    write_section("One", "first", report=report)
    write_section("Two", "second", report=report)
    write_section("One", "third\n\n- with a list\n", report=report)

    text = report.read_text(encoding="utf-8")
    assert text.startswith("# Benchmarks\n")
    assert text.endswith("\n## One\n\nthird\n\n- with a list\n\n## Two\n\nsecond\n")
    assert "first" not in text


@pytest.mark.parametrize(
    ("name", "decision", "crisis"),
    [
        ("find_job", "answer", None),
        ("out_of_scope", "fallback", None),
        ("nlu_fallback", "fallback", None),
        ("crisis_child", "answer", "crisis_child"),
    ],
)
def test_the_stock_pipelines_answer_is_put_in_our_terms(name: str, decision: str, crisis: str | None) -> None:
    ranking = [{"name": one, "confidence": 0.3} for one in (name, "greet", "out_of_scope", "crisis_child")]

    parsed = parsed_of_stock({"text": "x", "intent": ranking[0], "intent_ranking": ranking})

    assert (parsed.decision, parsed.crisis) == (decision, crisis)
    assert {intent for intent, _ in parsed.ranking} <= {"find_job", "greet"}
