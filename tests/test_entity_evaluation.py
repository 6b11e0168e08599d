"""The measure of entities counts what is exactly right, and tells a wrong answer from a question asked again."""

from pathlib import Path

import pytest

from bot.errors import ContentErrors
from bot.nlu.entity_evaluation import evaluate, read_lines

HELD_OUT = Path(__file__).parents[1] / "nlu" / "evaluation" / "entities.jsonl"


def written(folder: Path, *lines: str) -> Path:
    file = folder / "lines.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_an_entity_counts_only_with_its_words_and_its_value(tmp_path: Path) -> None:
    month = '{"text": "3 months", "today": "2026-11-22", "entities": [%s]}'
    right = '{"entity": "duration", "raw": "3 months", "value": {"n": 3, "unit": "month"}}'
    other_words = '{"entity": "duration", "raw": "3", "value": {"n": 3, "unit": "month"}}'
    other_value = '{"entity": "duration", "raw": "3 months", "value": {"n": 4, "unit": "month"}}'

    file = written(tmp_path, month % right, month % other_words, month % other_value, "", month % "")
    report = evaluate(read_lines(file))

    assert (report["n"], report["entities"]) == (4, 3)
    assert report["precision"] == 1 / 4
    assert report["recall"] == 1 / 3
    assert [mistake["extra"] for mistake in report["mistakes"]] == [
        [["duration", "3 months", {"n": 3, "unit": "month"}]]
    ] * 3


def test_an_answer_that_is_not_understood_is_not_a_wrong_one(tmp_path: Path) -> None:
    line = '{"text": "%s", "today": "2026-11-22", "entities": [], "slot": "count", "slot_value": %s}'

    report = evaluate(
        read_lines(written(tmp_path, line % ("5", '{"n": 5}'), line % ("many", '{"n": 9}'), line % ("6", "null")))
    )

    assert report["slots"] == 3
    assert report["slot_accuracy"] == pytest.approx(1 / 3)
    assert report["slot_wrong"] == pytest.approx(1 / 3)


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContentErrors, match=r"lines\.jsonl:2"):
        read_lines(written(tmp_path, '{"text": "x", "today": "2026-11-22", "entities": []}', '{"text": "x"}'))


def test_no_line_of_the_held_out_sentences_is_broken() -> None:
    lines = read_lines(HELD_OUT)
    assert len(lines) >= 150
    assert all(mention.raw in line.text for line in lines for mention in line.entities)


def test_entities_are_understood_as_well_as_ever() -> None:
    report = evaluate(read_lines(HELD_OUT))
    assert report["precision"] >= 0.97
    assert report["recall"] >= 0.97
    assert report["slot_wrong"] <= 0.01
