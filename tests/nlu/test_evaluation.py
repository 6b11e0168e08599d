"""The figures of `returnee-bot evaluate`, and their pictures, on sentences whose understanding is known."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.nlu.evaluation import Line, evaluate
from bot.nlu.pictures import draw
from bot.settings import REPOSITORY, Paths
from bot.topics import Topics, load_topics
from khmer_nlu import Parsed
from tests.fakes import ScriptedEngine, understood

PNG = b"\x89PNG\r\n"
ALARM = understood("stress_after_return", crisis="crisis_self_harm")


@pytest.fixture(scope="module")
def topics() -> Topics:
    return load_topics(Paths(root=REPOSITORY).topics)


async def report_of(topics: Topics, *pairs: tuple[Line, Parsed]) -> dict[str, Any]:
    script = {line.text: parsed for line, parsed in pairs}
    return await evaluate(ScriptedEngine(script=script), [line for line, _ in pairs], topics, today=date.min)


def line(text: str, intent: str, *accept: str, near: str = "") -> Line:
    return Line(text=text, intent=intent, accept=accept, near=near)


async def test_an_alarm_is_false_unless_the_line_accepts_one(topics: Topics) -> None:
    calm = understood("stress_after_return")
    report = await report_of(
        topics,
        (line("a", "stress_after_return", near="crisis"), ALARM),
        (line("b", "stress_after_return", near="crisis"), calm),
        (line("c", "stress_after_return", "crisis_self_harm", near="crisis"), ALARM),
        (line("d", "find_job"), ALARM),
        (line("e", "crisis_self_harm"), ALARM),
    )

    assert report["crisis"] == {"recall": 1.0, "false_alarms": 2 / 4, "near_miss_alarms": 1 / 2}


async def test_without_near_misses_none_alarms(topics: Topics) -> None:
    report = await report_of(topics, (line("a", "find_job"), ALARM))

    assert report["crisis"]["near_miss_alarms"] == 0.0


async def test_calibration_counts_sentences_by_confidence(topics: Topics) -> None:
    report = await report_of(
        topics,
        (line("a", "find_job"), understood("find_job")),
        (line("b", "find_job", "job_fairs"), understood("job_fairs")),
        (line("c", "find_job"), understood("mines")),
        (line("d", "out_of_scope"), understood("mines")),
        (line("e", "crisis_self_harm"), ALARM),
    )

    assert report["calibration"] == [
        {"from": 0.9, "n": 3, "confidence": pytest.approx(0.9), "accuracy": pytest.approx(2 / 3)}
    ]
    assert report["ece"] == pytest.approx(0.9 - 2 / 3)


async def test_the_matrix_counts_what_is_taken_for_what_by_theme(topics: Topics) -> None:
    nothing = understood("nlu_fallback", decision="fallback")
    report = await report_of(
        topics,
        (line("a", "find_job", "broker_cheated"), understood("broker_cheated")),
        (line("b", "find_job"), understood("job_fairs")),
        (line("c", "find_job"), understood("mines")),
        (line("d", "start_wage_claim"), understood("greet")),
        (line("e", "crisis_self_harm"), ALARM),
        (line("f", "find_job"), nothing),
    )

    groups, counts = report["matrix"]["groups"], report["matrix"]["counts"]
    assert groups == [*topics.themes, "controls", "crisis", "out_of_scope"]
    assert {
        (gold, decided): counts[y][x]
        for y, gold in enumerate(groups)
        for x, decided in enumerate(groups)
        if counts[y][x]
    } == {
        ("jobs", "jobs"): 2,
        ("jobs", "emergency_aid"): 1,
        ("jobs", "out_of_scope"): 1,
        ("controls", "controls"): 1,
        ("crisis", "crisis"): 1,
    }


@pytest.mark.parametrize("intent", ["find_job", "mines"])
async def test_pictures_are_drawn_whether_anything_is_confused_or_not(
    topics: Topics, intent: str, tmp_path: Path
) -> None:
    report = await report_of(topics, (line("a", "find_job"), understood(intent)))

    pictures = draw(report, tmp_path / "pictures")

    assert [picture.name for picture in pictures] == ["reliability.png", "confusion.png", "confused_ids.png"]
    assert all(picture.read_bytes().startswith(PNG) for picture in pictures)
