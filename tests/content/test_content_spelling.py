"""Which lines a Khmer text may hold; the lines are in tests/data/content/spelling.yml."""

from pathlib import Path

import pytest

from bot.content.spelling import flaws
from bot.documents import read_yaml

LINES = read_yaml(Path(__file__).parent.parent / "data" / "content" / "spelling.yml").value


@pytest.mark.parametrize("case", LINES["wrong"], ids=lambda case: case["name"])
def test_a_line_that_is_written_wrongly_is_found(case: dict[str, str]) -> None:
    text = f"\n{case['line']}\n"
    assert {flaw.line for flaw in flaws(text, "km")} == {1}


@pytest.mark.parametrize("case", LINES["right"], ids=lambda case: case["name"])
def test_a_line_that_is_written_well_passes(case: dict[str, str]) -> None:
    assert flaws(case["line"], "km") == ()


def test_english_is_english_in_english() -> None:
    assert flaws("Please call the office.", "en") == ()


def test_the_right_spelling_is_offered() -> None:
    wrong = next(case for case in LINES["wrong"] if case["name"] == "a subscript typed after its vowel")
    right = next(case for case in LINES["right"] if case["name"] == "plain Khmer")
    (flaw,) = flaws(wrong["line"], "km")
    assert flaw.fix == f"Copy this: {right['line']}"
