"""The commands for records, as an operator types them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.commands import Run, over_the_talk_in
from tests.talk import Talk

NUMBER = "4821"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Types a command over the talk's data."""
    return over_the_talk_in(tmp_path)


async def with_case(talk: Talk) -> str:
    await talk.say("wages Somchai")
    await talk.say("person")
    (number,) = await talk.storage.read(lambda tx: tx.scalars(sa.text("SELECT number FROM cases")).all())
    return str(number)


async def test_a_hold_takes_two_names_and_stands_in_the_audit(talk: Talk, run: Run) -> None:
    number = await with_case(talk)
    place = ("hold", "place", number, "--reason", "the court asks", "--by")

    assert "second person must confirm" in run(*place, "Sokha").stdout
    assert run(*place, "Sokha").returncode == 1
    assert "until two people lift it" in run(*place, "Dara").stdout
    assert "Sokha and Dara" in run("hold", "list").stdout
    assert "still held" in run("hold", "lift", number, "--by", "Dara").stdout
    assert "is free" in run("hold", "lift", number, "--by", "Sokha").stdout

    deeds = [json.loads(line) for line in run("audit", "show").stdout.splitlines()]
    assert [(deed["actor"], deed["action"]) for deed in deeds if deed["action"] != "holds_read"] == [
        ("Sokha", "hold_asked"),
        ("Sokha", "refused"),
        ("Dara", "hold_placed"),
        ("Dara", "hold_lift_asked"),
        ("Sokha", "hold_lifted"),
    ]
    assert "the court asks" not in repr(deeds)
    assert "All 6 deeds are as they were written" in run("audit", "verify").stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("hold", "place", "999999999", "--by", "A", "--reason", "r"), "There is no case 999999999."),
        (("hold", "lift", "1", "--by", "A"), "There is no case 1."),
        (("export", "1", "--by", "A", "--to", "new.json"), "There is no case 1."),
    ],
)
async def test_what_is_not_there_is_named(talk: Talk, run: Run, words: tuple[str, ...], problem: str) -> None:
    done = run(*words)

    assert (done.returncode, done.stderr.strip()) == (1, problem)
    assert "Traceback" not in done.stderr
    (deed,) = [json.loads(line) for line in run("audit", "show").stdout.splitlines()]
    asked = {"hold place": "hold", "hold lift": "lift"}.get(" ".join(words[:2]), "export")
    assert (deed["actor"], deed["action"], deed["details"]) == ("A", "refused", {"asked": asked})
    assert deed["object"] in problem


@pytest.mark.parametrize("words", [("hold", "place", "1", "--reason", "r"), ("export", "1", "--to", "new.json")])
def test_nobody_asks_without_a_name(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words, "--by", "  ")

    assert done.returncode == 2
    assert "it needs a name" in done.stderr


async def test_an_export_holds_all_that_was_said_and_is_for_its_owner_alone(
    talk: Talk, run: Run, tmp_path: Path
) -> None:
    number, file = await with_case(talk), tmp_path / "export.json"

    done = run("export", number, "--by", "Sokha", "--to", str(file))

    assert done.stdout.endswith("messages, 1 cases\n")
    assert file.stat().st_mode & 0o777 == 0o600
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["contact"] == talk.contact_ref
    assert found["messages"][0]["text"] == "wages Somchai"
    assert [case["number"] for case in found["cases"]] == [int(number)]
    assert "exported" in run("audit", "show").stdout

    again = run("export", number, "--by", "Sokha", "--to", str(file))
    assert again.returncode == 1
    assert "does not exist yet" in again.stderr
    assert json.loads(file.read_text(encoding="utf-8")) == found


async def test_an_export_that_fails_leaves_no_file(talk: Talk, run: Run, tmp_path: Path) -> None:
    await talk.say("wages")

    assert run("export", "1", "--by", "Sokha", "--to", str(tmp_path / "none.json")).returncode == 1

    assert not (tmp_path / "none.json").exists()


async def test_purging_dry_says_what_would_go_and_changes_nothing(talk: Talk, run: Run) -> None:
    talk.time[0] = datetime.now(UTC) - timedelta(hours=80)
    await talk.say("wages")

    assert run("purge", "--dry-run").stdout == "no_case: 1 would go\n"
    assert len(await talk.shown()) == 3

    assert run("purge").stdout == "no_case: 1 gone\n"
    assert await talk.shown() == []
    assert run("purge").stdout == "Nothing is kept too long.\n"


async def test_a_clock_that_may_have_leapt_asks_a_person(talk: Talk, run: Run) -> None:
    talk.time[0] = datetime.now(UTC) - timedelta(days=50)
    await talk.say("wages")

    done = run("purge")
    assert done.returncode == 1
    assert "If the clock is right: returnee-bot purge --clock-is-right" in done.stderr
    assert len(await talk.shown()) == 3

    assert run("purge", "--clock-is-right").stdout == "no_case: 1 gone\n"


async def test_a_deed_that_was_changed_is_named(talk: Talk, run: Run) -> None:
    number = await with_case(talk)
    run("hold", "place", number, "--reason", "court", "--by", "Sokha")
    await talk.storage.run(lambda tx: tx.exec_driver_sql("DROP TRIGGER audit_refuses_UPDATE").rowcount)
    await talk.storage.run(lambda tx: tx.exec_driver_sql("UPDATE audit SET actor = 'Dara'").rowcount)

    done = run("audit", "verify")

    assert done.returncode == 1
    assert "row 1 was changed" in done.stdout
