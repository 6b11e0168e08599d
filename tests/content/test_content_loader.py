"""Content is taken whole and valid, or refused with everything that is wrong with it."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from bot.content.loader import load_content
from bot.content.model import Content
from bot.errors import ContentError, ContentErrors
from bot.topics import Topics

Edit = Callable[[str, str, str], None]
Refused = Callable[[], tuple[ContentError, ...]]
UNPAID = "wages_thailand/unpaid_wages.md"


@pytest.fixture
def refused(folder: Path, topics: Topics, today: date) -> Refused:
    """Loads the folder and gives what is wrong with it."""

    def load() -> tuple[ContentError, ...]:
        with pytest.raises(ContentErrors) as caught:
            load_content(folder, topics=topics, today=today)
        return caught.value.errors

    return load


def test_a_valid_folder_gives_all_of_its_content(content: Content) -> None:
    assert list(content.entries) == ["unpaid_wages", "wage_time_limit", "border_now"]
    assert content.entries["unpaid_wages"].offers == ("wage_claim",)
    assert content.entries["wage_time_limit"].reviewed_on == date(2026, 11, 23)
    assert content.entries["wage_time_limit"].sources[0].title["km"] == "Civil and Commercial Code, 193/30"
    assert content.bodies["en", "unpaid_wages"].title == "Claim unpaid wages"
    assert content.bodies["en", "unpaid_wages"].more.startswith("Without papers")
    assert content.facts["labour_ministry_phone"].value == {"km": "1297", "en": "1297"}
    assert content.facts["wage_claim_period"].as_of.shown == "11-2026"
    assert content.texts["en", "web", "send"] == "Send"


def test_the_same_files_give_the_same_version_and_a_change_gives_another(
    folder: Path, topics: Topics, today: date, content: Content, edit: Edit
) -> None:
    assert load_content(folder, topics=topics, today=today).version == content.version
    edit("en/web.yml", "Send", "Send it")
    assert load_content(folder, topics=topics, today=today).version != content.version


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("facts.yml", 'value: "1297"', 'value: ""', "“labour_ministry_phone.value” is missing"),
        ("facts.yml", 'value: "1297"', 'value: "call us"', "is no phone number"),
        ("facts.yml", '"2 years"', '"{x}"', "without braces"),
        ("facts.yml", 'en: "2 years"', 'fr: "2 years"', "“value.fr” is not known here"),
        ("facts.yml", "kind: period", "kind: span", "is “span”"),
        ("facts.yml", "source_id: A30", "source: A30", "“wage_claim_period.source” is not known"),
        ("facts.yml", "2025-08-20", "20-8-2025", "which is no date"),
        ("facts.yml", "2025-08-20", "2025-02-30", "which is no date"),
        ("facts.yml", "as_of: 2026-11", "as_of: 2026-12", "in the future"),
        ("facts.yml", "verified: false", "verified: perhaps", "is “perhaps”"),
        ("facts.yml", "Call {labour_ministry_phone}", "Call {no_phone}", "no fact “no_phone”"),
        ("facts.yml", "Call {labour_ministry_phone}", "Call {labour", "A brace stands alone"),
        ("facts.yml", "Call {l", "{undocumented_wage_right} {l", "is not verified either"),
        ("facts.yml", "labour_ministry_phone:\n", "Phone 1:\n", "no name of a fact"),
        ("facts.yml", "wage_claim_period:\n", "labour_ministry_phone:\n", "stands here twice"),
        ("catalog.yml", "  border_now:", "  border_news:", "no answer that the bot understands"),
        ("catalog.yml", "  border_now:", "  thai_permit_now:", "“thai_permit_now” has no words"),
        ("catalog.yml", "theme: safe_migration", "theme: money", "There is no theme “money”"),
        ("catalog.yml", "theme: safe_migration", "theme: wages_thailand", "does not belong to"),
        ("catalog.yml", "related: [wage_time_limit]", "related: [no_answer]", "no answer “no_answer”"),
        ("catalog.yml", "related: [wage_time_limit]", "related: [unpaid_wages]", "to itself"),
        ("catalog.yml", "[wage_time_limit]", "[wage_time_limit, wage_time_limit]", "twice"),
        ("catalog.yml", "related: [wage_time_limit]", "related: wage_time_limit", "no list of names"),
        ("catalog.yml", "offers: [wage_claim]", "offers: [no_flow]", "There is no flow “no_flow”"),
        ("catalog.yml", "reviewed_on: 2026-11-23", "reviewed_on: 2026-11-25", "in the future"),
        ("catalog.yml", "reviewed_on: 2026-11-23", "reviewed_on: 2026-11", "no date"),
        ("catalog.yml", "as_of: 2026-11\n", 'as_of: ""\n', "missing or empty"),
        ("catalog.yml", "expires_after_days: 60", "expires_after_days: soon", "is “soon”"),
        ("catalog.yml", "expires_after_days: 60", "expires_after_days: 99999999999", "is “99999999999”"),
        ("catalog.yml", "expires_after_days: 60", "expires_after_days: \u17e6\u17e0", "expires_after_days” is"),
        ("catalog.yml", "https://library", "library", "is no web address"),
        ("catalog.yml", 'title: "Civil', 'name: "Civil', "“sources.0.name” is not known"),
        ("catalog.yml", "answers:", "answer:", "one list under “answers:”"),
        (f"en/{UNPAID}", "# Claim", "Claim", "The title is missing"),
        (f"en/{UNPAID}", "# Claim", "# Claim all of the very many", "it stands on a button"),
        (f"en/{UNPAID}", "# Claim unpaid wages", "# {wage_claim_period}", "can not hold a fact"),
        ("en/safe_migration/border_now.md", "---\n\nThis changes fast.", "---\n", "Nothing stands after"),
        (f"en/{UNPAID}", "{wage_claim_period}", "{wage_period}", "There is no fact “wage_period”"),
        (f"en/{UNPAID}", "{wage_claim_period}", "{wage_claim_period", "A brace stands alone"),
        (f"en/{UNPAID}", "{wage_claim_period}", "{Wage}", "A brace stands alone"),
        (f"en/{UNPAID}", "every day", "every\u200b day", "Here is a hidden space (U+200B)"),
        (f"km/{UNPAID}", "{wage_claim_period}", "{wage_claim_period} of your pay", "English words"),
        ("en/bot.yml", 'handoff: "Your number: {number}', 'handoff: "Your number', "“handoff” lacks {number}"),
        ("en/bot.yml", "Your number: {number}", "It: {number} {title}", "There is no fact “title”"),
        ("en/bot.yml", "The labour ministry:", "The {labour ministry:", "A brace stands alone"),
        ("en/bot.yml", "Information of {as_of}.", "Information.", "does not say {as_of}"),
        ("en/bot.yml", "handoff:", "Hand Off:", "is no key"),
        ("en/bot.yml", '"English"', '["English"]', "“language_en” has no text"),
        ("en/web.yml", '"Send"', '""', "“send” has no text"),
    ],
)
def test_what_is_wrong_is_said_with_its_file_and_line(
    edit: Edit, refused: Refused, folder: Path, name: str, old: str, new: str, problem: str
) -> None:
    line = (folder / name).read_text(encoding="utf-8").partition(old)[0].count("\n") + 1
    edit(name, old, new)
    found = [(str(error.path.relative_to(folder)), error.line, error.problem) for error in refused()]
    assert any(at == name and row == line and problem in words for at, row, words in found), found


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("facts.yml", "labour_ministry_phone:\n", "{labour_ministry_phone:\n", "This is not YAML"),
        ("facts.yml", "verified: true\nund", "verified: false\nund", "no cautious sentence"),
        ("catalog.yml", "reviewed_on: 2026-11-23", 'reviewed_on: ""', "no day of review"),
        ("catalog.yml", "reviewed_by: Sok Dara", 'reviewed_by: ""', "nobody who reviewed"),
        (f"en/{UNPAID}", "---", "——", "There are 0 lines “---”"),
        (f"en/{UNPAID}", "---\n", "---\nmore\n---\n", "There are 2 lines “---”"),
        (f"en/{UNPAID}", "{wage_claim_period}", "2 years", "{wage_claim_period} is missing here"),
        ("en/bot.yml", "Hello.", "{number} Hello.", "There is no fact “number”"),
        ("en/bot.yml", "ministry: {labour_ministry_phone}", "ministry", "lacks {labour_ministry_phone}"),
        ("en/bot.yml", "handoff:", "hand_off:", "“handoff” is missing; it stands in km/bot.yml"),
        ("en/web.yml", 'send: "Send"', "", "There are no texts here"),
    ],
)
def test_what_is_wrong_with_a_whole_part_is_said_with_its_file(
    edit: Edit, refused: Refused, folder: Path, name: str, old: str, new: str, problem: str
) -> None:
    edit(name, old, new)
    found = [(str(error.path.relative_to(folder)), error.problem) for error in refused()]
    assert any(at == name and problem in words for at, words in found), found


def test_everything_wrong_is_said_at_once_in_the_order_of_files(edit: Edit, refused: Refused, folder: Path) -> None:
    edit("facts.yml", "kind: period", "kind: span")
    edit("catalog.yml", "theme: safe_migration", "theme: money")
    edit("en/bot.yml", "Hello.", "Hello {.")
    (folder / "km" / "safe_migration" / "border_now.md").unlink()
    paths = [str(error.path.relative_to(folder)) for error in refused()]
    assert paths == sorted(paths)
    assert set(paths) == {"catalog.yml", "en/bot.yml", "en/safe_migration/border_now.md", "facts.yml"}


@pytest.mark.parametrize("name", ["en/web.yml", "km/bot.yml", f"en/{UNPAID}"])
def test_a_file_without_its_twin_is_refused(folder: Path, refused: Refused, name: str) -> None:
    (folder / name).unlink()
    assert any("twin" in error.problem for error in refused())


def test_an_answer_in_the_wrong_folder_is_refused(folder: Path, refused: Refused) -> None:
    for language in ("km", "en"):
        (folder / language / UNPAID).rename(folder / language / "safe_migration" / "unpaid_wages.md")
    assert "lies in safe_migration/, but its theme is “wages_thailand”" in refused()[0].problem


def test_an_answer_outside_of_the_folders_of_themes_is_refused(folder: Path, refused: Refused) -> None:
    shutil.copy(folder / "en" / UNPAID, folder / "en" / "unpaid_wages.md")
    assert "in no folder of a theme" in refused()[0].problem


def test_an_answer_that_stands_in_two_folders_is_refused(folder: Path, refused: Refused) -> None:
    shutil.copy(folder / "en" / UNPAID, folder / "en" / "safe_migration" / "unpaid_wages.md")
    assert any("stands in safe_migration/ too" in error.problem for error in refused())


def test_words_without_an_entry_are_refused(folder: Path, refused: Refused) -> None:
    for language in ("km", "en"):
        path = folder / language / "safe_migration" / "thai_permit_now.md"
        shutil.copy(folder / language / "safe_migration" / "border_now.md", path)
    assert "“thai_permit_now” has no entry in catalog.yml" in refused()[0].problem


def test_a_bubble_is_measured_with_its_facts_filled_in(edit: Edit, refused: Refused) -> None:
    edit("en/safe_migration/border_now.md", "Give no", "{labour_ministry_phone} " + "a " * 200)
    edit("km/safe_migration/border_now.md", "\n\n---", " {labour_ministry_phone}\n\n---")
    assert "The first bubble has 456 characters" in refused()[0].problem


def test_a_bubble_is_measured_with_its_cautious_sentences_too(edit: Edit, refused: Refused) -> None:
    edit("facts.yml", "number is being checked again.", "number is being checked again." + " Wait." * 60)
    assert "when it has to say the cautious sentences of labour_ministry_phone" in refused()[0].problem


def test_a_whole_answer_is_measured(edit: Edit, refused: Refused) -> None:
    edit("en/safe_migration/border_now.md", "This changes fast.", "fast " * 180)
    assert "The whole answer has 959 characters" in refused()[0].problem


def test_a_text_that_no_channel_takes_is_refused(edit: Edit, refused: Refused) -> None:
    edit("en/web.yml", "Send", "Send " * 500)
    assert "“send” has 2499 characters" in refused()[0].problem


def test_a_text_that_the_running_bot_says_can_not_vanish(
    folder: Path, topics: Topics, today: date, content: Content, edit: Edit
) -> None:
    edit("en/bot.yml", 'handoff: "Your number: {number}."\n', "")
    text = (folder / "km" / "bot.yml").read_text(encoding="utf-8")
    kept = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("handoff"))
    (folder / "km" / "bot.yml").write_text(kept, encoding="utf-8")
    load_content(folder, topics=topics, today=today)
    with pytest.raises(ContentErrors, match="“handoff” is gone"):
        load_content(folder, topics=topics, today=today, serving=content)


def test_a_missing_folder_is_refused(tmp_path: Path, topics: Topics, today: date) -> None:
    with pytest.raises(ContentErrors, match="no such folder"):
        load_content(tmp_path / "nowhere", topics=topics, today=today)


def test_hidden_files_of_editors_and_systems_are_not_read(folder: Path, topics: Topics, today: date) -> None:
    (folder / "en" / "wages_thailand" / "._unpaid_wages.md").write_bytes(b"\x00\x05")
    (folder / "en" / ".#bot.yml").symlink_to("nobody@nowhere")
    (folder / "en" / "bot.yml~").write_text("x", encoding="utf-8")
    assert load_content(folder, topics=topics, today=today).entries
