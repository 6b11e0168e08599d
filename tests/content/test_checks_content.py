"""What `check` says about content beyond what loading refuses."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

from bot.checks import Finding
from bot.checks.content import answers_by_fact, check_content
from bot.content.model import Content
from bot.topics import Topics

Edit = Callable[[str, str, str], None]


def about(findings: list[Finding], words: str) -> Finding:
    """The one finding that holds the words."""
    (found,) = [finding for finding in findings if words in finding.problem]
    return found


def test_errors_of_loading_are_findings(folder: Path, topics: Topics, today: date, edit: Edit) -> None:
    edit("en/bot.yml", "Hello.", "Hello {.")
    (finding,) = check_content(folder, topics, today)
    assert (finding.level, finding.path, finding.line) == ("error", folder / "en" / "bot.yml", 2)
    assert finding.is_error
    assert finding.to_json()["path"] == str(folder / "en" / "bot.yml")
    assert str(finding).startswith(f"{folder / 'en' / 'bot.yml'}:2: error: A brace stands alone.")


def test_everything_else_is_a_warning(folder: Path, topics: Topics, today: date) -> None:
    assert {finding.level for finding in check_content(folder, topics, today)} == {"warning"}


def test_answers_that_expire_soon_or_have_expired_are_found(folder: Path, topics: Topics) -> None:
    assert not [item for item in check_content(folder, topics, date(2027, 1, 6)) if "expire" in item.problem]
    soon = about(check_content(folder, topics, date(2027, 1, 7)), "“border_now” expires on 21-1-2027")
    gone = about(check_content(folder, topics, date(2027, 1, 22)), "“border_now” expired on 21-1-2027")
    line = (folder / "catalog.yml").read_text(encoding="utf-8").partition("border_now:")[0].count("\n") + 1
    assert soon.line == gone.line == line


def test_answers_without_a_review_are_found(folder: Path, topics: Topics, today: date) -> None:
    findings = check_content(folder, topics, today)
    about(findings, "Withheld in production before a review: border_now.")
    about(findings, "Shown as not yet confirmed: unpaid_wages.")


def test_information_that_is_newer_than_its_review_is_found(
    folder: Path, topics: Topics, today: date, edit: Edit
) -> None:
    edit("catalog.yml", "as_of: 2026-11\n", "as_of: 2026-11-24\n")
    about(check_content(folder, topics, today), "“wage_time_limit” holds information that is newer")


def test_questions_without_an_answer_are_found(folder: Path, topics: Topics, today: date) -> None:
    about(check_content(folder, topics, today), "has no answer: thai_permit_now.")


def test_two_answers_with_the_same_title_are_found(folder: Path, topics: Topics, today: date, edit: Edit) -> None:
    edit("en/safe_migration/border_now.md", "# Is the border open?", "# Claim unpaid wages")
    about(check_content(folder, topics, today), "“unpaid_wages” and “border_now” have the same title in en")


def test_a_fact_that_nobody_uses_is_found(folder: Path, topics: Topics, today: date) -> None:
    assert not [item for item in check_content(folder, topics, today) if "used nowhere" in item.problem]
    path = folder / "facts.yml"
    more = path.read_text(encoding="utf-8").partition("wage_claim_period:")[2].partition("undocumented")[0]
    path.write_text(path.read_text(encoding="utf-8") + "unused_period:" + more, encoding="utf-8")
    about(check_content(folder, topics, today), "“unused_period” is used nowhere")


def test_facts_that_are_not_verified_are_found(folder: Path, topics: Topics, today: date) -> None:
    assert about(check_content(folder, topics, today), "Not verified").problem.endswith("undocumented_wage_right.")


def test_a_phone_number_typed_as_digits_is_found(folder: Path, topics: Topics, today: date, edit: Edit) -> None:
    edit("en/safe_migration/border_now.md", "This changes fast.", "This changes fast, ask 1297. Not 12970.")
    finding = about(check_content(folder, topics, today), "The number 1297 is typed here")
    assert (finding.path.name, finding.line) == ("border_now.md", 7)
    assert "{labour_ministry_phone}" in finding.fix


def test_a_phone_number_typed_into_a_cautious_sentence_is_found(
    folder: Path, topics: Topics, today: date, edit: Edit
) -> None:
    edit("facts.yml", "Call {labour_ministry_phone}.", "Call 1297.")
    about(check_content(folder, topics, today), "The number 1297 is typed into the cautious sentence")


def test_each_fact_names_the_answers_that_say_it(content: Content) -> None:
    assert answers_by_fact(content) == {
        "labour_ministry_phone": ("unpaid_wages",),
        "wage_claim_period": ("unpaid_wages", "wage_time_limit"),
        "undocumented_wage_right": ("unpaid_wages",),
    }


def test_a_missing_folder_is_a_finding(folder: Path, topics: Topics, today: date) -> None:
    shutil.rmtree(folder)
    assert [finding.level for finding in check_content(folder, topics, today)] == ["error"]
