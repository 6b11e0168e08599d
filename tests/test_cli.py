"""The command line as it is typed: output, exit codes, and errors on standard error."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.settings import REPOSITORY
from tests.commands import Done, environment_of, run


@pytest.fixture
def environment(tmp_path: Path, models: Path) -> dict[str, str]:
    """A data folder of the test's own, with trained models."""
    (tmp_path / "models").symlink_to(models)
    return environment_of(tmp_path)


def objects(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_parse_prints_one_object_a_message_with_all_its_parts(environment: dict[str, str]) -> None:
    done = run(environment, "parse", "thaoke ot berk luy", "i want to die")

    first, second = objects(done)
    assert done.returncode == 0
    assert list(first) == [
        "text",
        "language",
        "intent",
        "decision",
        "confidence",
        "ranking",
        "entities",
        "crisis",
        "slot_value",
    ]
    assert first["intent"] == "unpaid_wages"
    assert second["crisis"] == "crisis_self_harm"


def test_a_bad_line_gets_an_error_of_its_own_and_the_rest_goes_on(environment: dict[str, str]) -> None:
    bad = ["{", '{"words": "x"}', '{"text": 5}', '{"text": "x", "slot": "soup"}']

    done = run(environment, "parse", "--jsonl", stdin="\n".join(['{"text": "hello"}', *bad, "", '{"text": ""}']))

    answers = objects(done)
    assert done.returncode == 1
    assert [answer.get("line") for answer in answers] == [None, 2, 3, 4, 5, None]
    assert answers[-1]["intent"] == "nlu_fallback"


def test_parse_reads_a_message_as_an_answer_on_its_day(environment: dict[str, str]) -> None:
    asked = {"text": "since last month, 3 months", "slot": "date", "today": "2026-11-22"}

    done = run(environment, "parse", "--jsonl", stdin="\n".join(map(json.dumps, [asked, {"text": "3 months"}])))

    first, second = objects(done)
    assert done.returncode == 0
    assert first["entities"] == [
        {"entity": "date", "start": 6, "end": 16, "raw": "last month", "value": {"iso": "2026-10"}},
        {"entity": "duration", "start": 18, "end": 26, "raw": "3 months", "value": {"n": 3, "unit": "month"}},
    ]
    assert first["slot_value"] == {"iso": "2026-10"}
    assert second["slot_value"] is None


@pytest.mark.parametrize("words", [["parse"], ["parse", "--jsonl", "x"], ["dance"], ["evaluate"]])
def test_wrong_use_exits_with_2(environment: dict[str, str], words: list[str]) -> None:
    done = run(environment, *words)

    assert done.returncode == 2
    assert done.stderr


def test_check_says_all_good_of_what_is_in_the_repository(environment: dict[str, str]) -> None:
    done = run(environment, "check")

    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "All good"


def test_check_lists_everything_that_is_wrong_and_exits_with_1(environment: dict[str, str], tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for name in ("content", "flows", "nlu", "config.yml"):
        (files / name).symlink_to(REPOSITORY / name)
    (files / "flows").unlink()
    (files / "flows").mkdir()
    (files / "flows" / "menu.yml").write_text("menu:\n  - answer: no_such_answer\n", encoding="utf-8")
    (files / "config.yml").unlink()
    (files / "config.yml").write_text("pipeline: []\n", encoding="utf-8")

    done = run(environment | {"FILES_DIR": str(files)}, "check")

    assert done.returncode == 1
    assert "menu.yml:2" in done.stdout
    assert "config.yml" in done.stdout
    assert "All good" not in done.stdout


def test_cases_lists_the_number_that_chat_gave(environment: dict[str, str]) -> None:
    talk = run(environment, "chat", stdin="i want to talk to a real person\n")
    listed = run(environment, "cases", "--json")

    (case,) = json.loads(listed.stdout)
    assert str(case["number"]) in talk.stdout
    assert case["status"] == "waiting"
    assert "real person" not in listed.stdout


def test_cases_without_a_database_says_what_to_do(environment: dict[str, str]) -> None:
    done = run(environment, "cases")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_the_database_can_be_upgraded_twice(environment: dict[str, str]) -> None:
    assert [run(environment, "db", "upgrade").returncode for _ in range(2)] == [0, 0]


def test_evaluate_writes_the_whole_report(environment: dict[str, str], tmp_path: Path) -> None:
    lines = [
        {"text": "thaoke ot berk luy", "intent": "unpaid_wages", "accept": ["unpaid_wages"], "style": "romanised"},
        {"text": "i want to die", "intent": "crisis_self_harm", "accept": [], "style": "english"},
        {"text": "who won the football game", "intent": "out_of_scope", "accept": [], "style": "english"},
    ]
    file = tmp_path / "lines.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    out = ("--json", str(tmp_path / "out.json"), "--pictures", str(tmp_path / "pictures"))
    done = run(environment, "evaluate", "--file", str(file), *out)

    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert done.returncode == 0
    assert report["n"] == 3
    assert report["crisis"] == {"recall": 1.0, "false_alarms": 0.0, "near_miss_alarms": 0.0}
    assert set(report) >= {
        "accuracy",
        "top3",
        "macro_f1",
        "ece",
        "in_scope_refused",
        "out_of_scope_refused",
        "out_of_scope_answered",
        "by_style",
        "by_theme",
        "calibration",
        "matrix",
        "confusions",
    }
    assert {picture.name for picture in (tmp_path / "pictures").iterdir()} == {
        "reliability.png",
        "confusion.png",
        "confused_ids.png",
    }


def test_pictures_are_of_sentences_with_intents_only(environment: dict[str, str], tmp_path: Path) -> None:
    done = run(environment, "evaluate", "--entities", "lines.jsonl", "--pictures", str(tmp_path))

    assert done.returncode == 2
    assert "--file" in done.stderr


def test_without_matplotlib_evaluate_says_how_to_get_it(environment: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None; import bot.cli;"
        "sys.argv[1:] = ['evaluate', '--file', 'lines.jsonl', '--pictures', '.']; bot.cli.main()"
    )

    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 1
    assert "pip install 'matplotlib>=3.11'" in done.stderr
    assert "Traceback" not in done.stderr


def test_evaluate_measures_entities_without_a_model(environment: dict[str, str], tmp_path: Path) -> None:
    mention = {"entity": "duration", "raw": "3 months", "value": {"n": 3, "unit": "month"}}
    file = tmp_path / "lines.jsonl"
    file.write_text(json.dumps({"text": "3 months", "today": "2026-11-22", "entities": [mention]}), encoding="utf-8")

    done = run(environment, "evaluate", "--entities", str(file), "--json", str(tmp_path / "out.json"))

    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert done.returncode == 0
    assert (report["precision"], report["recall"], report["mistakes"]) == (1.0, 1.0, [])


def test_evaluate_names_each_bad_line(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text('{"text": "x", "intent": "greet"}\nnonsense\n', encoding="utf-8")

    done = run(environment, "evaluate", "--file", str(file))

    assert done.returncode == 1
    assert "lines.jsonl:2" in done.stderr
