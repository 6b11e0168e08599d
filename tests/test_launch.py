"""`check --launch` lists what must exist before the bot goes to returnees, and nothing once people have seen to it."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from bot.checks.launch import DECISIONS, FACTS, FILE, TEXTS, check_launch, texts_code
from bot.content.loader import load_content
from bot.settings import REPOSITORY, Paths
from bot.topics import load_topics
from tests.commands import environment_of, run

TODAY = date(2026, 11, 26)
PHONE = "012 345 678"
COMMAND = ("check", "--launch", "--json")
MISSING = [
    "CRISIS_PHONE: error: There is no adult crisis line.",
    *(f"there is no fact “{name}”" for name in FACTS),
    *(f"Nobody answers for “{name}”" for name in DECISIONS),
    "No native reader has approved the crisis texts.",
    "There are no consent texts yet",
    "There are no estimate texts yet",
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy of what people edit."""
    for name in ("content", "flows", "nlu"):
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns(".venv"))
    shutil.copy(REPOSITORY / "config.yml", tmp_path)
    return tmp_path


@pytest.fixture
def filled(files: Path) -> Path:
    """The copy as an organisation would have filled it, but for who it is."""
    content = files / "content"
    with (content / "facts.yml").open("a", encoding="utf-8") as facts:
        for name, (_, kind) in FACTS.items():
            value = "099 000 000" if kind == "phone" else "8"
            facts.write(
                f'\n{name}:\n  value: "{value}"\n  kind: {kind}\n  source_id: T01\n  as_of: 2026\n  verified: true\n'
                '  cautious: {km: "100", en: "It is being checked."}\n'
            )
    for language in ("km", "en"):
        with (content / language / "bot.yml").open("a", encoding="utf-8") as texts:
            texts.write('consent_first: "1"\nestimate_first: "2"\n')
    approve(files)
    return files


def approve(files: Path) -> None:
    paths = Paths(root=files)
    content = load_content(paths.content, topics=load_topics(paths.topics), today=TODAY)
    lines = [f"{name}: {{approved_by: Test Person, approved_on: 2026-11-26}}" for name in DECISIONS]
    for name, beginning in TEXTS.items():
        code = texts_code(content, beginning)
        lines.append(f'{name}: {{approved_by: Test Person, approved_on: 2026-11-26, texts: "{code}"}}')
    (files / "content" / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def said(files: Path, crisis_phone: str = PHONE) -> list[str]:
    return [str(finding) for finding in check_launch(Paths(root=files), [], crisis_phone=crisis_phone, today=TODAY)]


def edit(file: Path, old: str, new: str) -> None:
    words = file.read_text(encoding="utf-8")
    assert old in words
    file.write_text(words.replace(old, new, 1), encoding="utf-8")


def test_today_the_launch_is_refused_with_a_line_for_each_thing_that_is_missing() -> None:
    found = said(REPOSITORY, crisis_phone="")

    assert [line for line, words in zip(found, MISSING, strict=True) if words not in line] == []
    assert all(line.endswith(".") and line.count(". ") >= 1 for line in found)  # each says what to do


def test_a_filled_copy_may_be_launched(filled: Path) -> None:
    assert said(filled) == []


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_that_is_not_verified_does_not_count(filled: Path, name: str) -> None:
    file = filled / "content" / "facts.yml"
    words = file.read_text(encoding="utf-8")
    at = words.index(f"\n{name}:")
    file.write_text(words[:at] + words[at:].replace("verified: true", "verified: false", 1), encoding="utf-8")

    (line,) = said(filled)

    assert f"facts.yml:{words[:at].count(chr(10)) + 2}: error: {FACTS[name][0]} is not verified." in line


def test_a_fact_of_another_kind_does_not_count(filled: Path) -> None:
    before = 'ambulance_phone:\n  value: "099 000 000"\n  kind: phone'
    edit(filled / "content" / "facts.yml", before, before.replace("kind: phone", "kind: text"))

    (line,) = said(filled)

    assert "must be of the kind phone" in line


@pytest.mark.parametrize(("name", "phone"), [("police_phone", "117"), ("child_helpline_phone", "12-80")])
def test_the_police_and_the_children_s_line_are_no_crisis_line_for_adults(filled: Path, name: str, phone: str) -> None:
    (line,) = said(filled, crisis_phone=phone)

    assert f"This is {name}" in line


@pytest.mark.parametrize("name", [*DECISIONS, *TEXTS])
@pytest.mark.parametrize("how", ["deleted", "emptied"])
def test_what_nobody_answers_for_is_named(filled: Path, name: str, how: str) -> None:
    file = filled / "content" / FILE
    lines = file.read_text(encoding="utf-8").splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith(f"{name}:"))
    lines[place] = f'{name}: {{approved_by: "", approved_on: ""}}' if how == "emptied" else "# nothing"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    (line,) = said(filled)

    assert name in line or name.replace("_", " ") in line
    assert how == "deleted" or f"{FILE}:{place + 1}: error:" in line


def test_an_approval_ends_when_the_words_change(filled: Path) -> None:
    file = filled / "content" / "km" / "bot.yml"
    edit(file, "\ncrisis_child: |-\n  ", "\ncrisis_child: |-\n  1 ")

    (line,) = said(filled)

    assert "The crisis texts are not those that Test Person approved." in line
    approve(filled)
    assert said(filled) == []


@pytest.mark.parametrize(
    ("words", "line", "problem"),
    [
        ("on_call_list: yes\n", 1, "has no fields"),
        ("\nsoup: {approved_by: A, approved_on: 2026-11-26}\n", 2, "“soup” is not known here"),
        ("\n\ncrisis_texts: {approved_by: A, approved_on: today}\n", 3, "which is no date"),
        ("crisis_texts: {approved_by: A, approved_on: 2027-01-01}\n", 1, "which is in the future"),
        ("crisis_texts: {approved_by: A}\n", 1, "needs a name and a day, or neither"),
        ('crisis_texts: {approved_by: "", approved_on: 2026-11-26}\n', 1, "needs a name and a day, or neither"),
        ("crisis_texts: {approved: A}\n", 1, "“crisis_texts.approved” is not known here"),
        ("- a\n", 1, "There are no names here"),
        ("a: [\n", 2, "This is not YAML"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(filled: Path, words: str, line: int, problem: str) -> None:
    (filled / "content" / FILE).write_text(words, encoding="utf-8")

    (found,) = said(filled)

    assert f"{FILE}:{line}: error:" in found
    assert problem in found


def test_without_the_file_it_is_asked_for(filled: Path) -> None:
    (filled / "content" / FILE).unlink()

    (found,) = said(filled)

    assert FILE in found


def test_the_command_refuses_today_s_repository_and_takes_a_filled_copy(filled: Path, tmp_path: Path) -> None:
    today = run(environment_of(tmp_path), *COMMAND)
    then = run(environment_of(tmp_path, FILES_DIR=str(filled), CRISIS_PHONE=PHONE), *COMMAND)

    assert (today.returncode, then.returncode) == (1, 0), today.stderr + then.stderr
    errors = [finding for finding in json.loads(today.stdout) if finding["level"] == "error"]
    assert len(errors) == len(MISSING)


def test_in_production_wrong_settings_are_listed_with_the_rest(filled: Path, tmp_path: Path) -> None:
    settings = {"FILES_DIR": str(filled), "MODE": "production", "CRISIS_PHONE": PHONE}
    done = run(environment_of(tmp_path, **settings), *COMMAND)

    errors = [finding["path"] for finding in json.loads(done.stdout) if finding["level"] == "error"]
    assert done.returncode == 1
    assert errors == ["MASTER_KEY_FILE", "PUBLIC_URL"]


def test_every_thing_on_the_list_is_explained_to_operators() -> None:
    page = (REPOSITORY / "docs" / "operator" / "running.md").read_text(encoding="utf-8")

    assert [name for name in (*FACTS, *DECISIONS, *TEXTS) if f"`{name}`" not in page] == []
