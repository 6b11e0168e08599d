"""What a contact reads: facts filled in, doubtful lines replaced, dates shown, old and unchecked answers withheld."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.content.loader import load_content
from bot.content.model import Content
from bot.content.render import fill, last_day, render_answer, text, texts_of
from bot.topics import Topics

Edit = Callable[[str, str, str], None]
NOW = date(2026, 11, 24)


def test_facts_are_filled_in(content: Content) -> None:
    rendered = render_answer(content, "unpaid_wages", "en", now=NOW, withhold_unreviewed=False)
    assert rendered.title == "Claim unpaid wages"
    assert "You have only 2 years.\nCall the labour ministry: 1297." in rendered.first
    assert not rendered.withheld


def test_a_line_with_an_unverified_fact_becomes_its_cautious_sentence_once(content: Content) -> None:
    rendered = render_answer(content, "unpaid_wages", "en", now=NOW, withhold_unreviewed=False)
    assert rendered.more == "We are still asking lawyers about this. Call 1297.\nDo not give up."


def test_a_line_with_two_unverified_facts_says_both_cautious_sentences(content: Content) -> None:
    facts = {name: replace(fact, verified=False) for name, fact in content.facts.items()}
    line = "{undocumented_wage_right} {labour_ministry_phone}"
    assert fill(line, facts, "en", {}) == (
        "We are still asking lawyers about this. Call 1297. The labour ministry's number is being checked again."
    )


def test_braces_in_what_is_filled_in_stay_as_they_are(content: Content) -> None:
    filled = fill("{name} has {labour_ministry_phone}", content.facts, "en", {"name": "{labour_ministry_phone}"})
    assert filled == "{labour_ministry_phone} has 1297"


def test_a_placeholder_that_nobody_fills_is_an_error(content: Content) -> None:
    with pytest.raises(KeyError):
        fill("{name}", content.facts, "en", {})
    with pytest.raises(KeyError):
        text(content, "en", "handoff")
    with pytest.raises(KeyError):
        text(content, "en", "no_such_text")


def test_an_unverified_fact_without_a_cautious_sentence_is_never_said(content: Content) -> None:
    facts = {"pay": replace(content.facts["wage_claim_period"], verified=False)}
    with pytest.raises(KeyError):
        fill("{pay}", facts, "en", {})


def test_an_answer_without_review_says_of_when_it_is(content: Content) -> None:
    rendered = render_answer(content, "unpaid_wages", "en", now=NOW, withhold_unreviewed=False)
    assert rendered.note == "Information of 22-11-2026."
    khmer = render_answer(content, "unpaid_wages", "km", now=NOW, withhold_unreviewed=False)
    assert "22-11-2026" in khmer.note


def test_a_reviewed_answer_says_when_it_was_checked(content: Content) -> None:
    rendered = render_answer(content, "wage_time_limit", "en", now=NOW, withhold_unreviewed=True)
    assert rendered.note == "Checked on 23-11-2026."


def test_sources_have_a_title_and_an_address_where_there_is_one(content: Content) -> None:
    rendered = render_answer(content, "unpaid_wages", "en", now=NOW, withhold_unreviewed=False)
    assert rendered.sources == (
        "- Thai Labour Protection Act\n  https://library.siam-legal.com/thai-law/",
        "- A practical list",
    )


def test_an_answer_is_withheld_from_the_day_after_its_last_day(content: Content) -> None:
    last = last_day(content.entries["wage_time_limit"])
    assert last == date(2027, 11, 23)
    on_time = render_answer(content, "wage_time_limit", "en", now=last, withhold_unreviewed=True)
    too_late = render_answer(content, "wage_time_limit", "en", now=last + timedelta(days=1), withhold_unreviewed=True)
    assert not on_time.withheld
    assert too_late.withheld
    assert too_late.first == "We are checking “How long can I claim” again. Call 1297."
    assert (too_late.more, too_late.sources, too_late.note) == ("", (), "")


def test_without_a_review_the_days_count_from_what_it_is_of(content: Content) -> None:
    assert last_day(content.entries["border_now"]) == date(2027, 1, 21)


@pytest.mark.parametrize(
    ("answer", "production", "withheld"),
    [
        ("border_now", True, True),
        ("border_now", False, False),
        ("unpaid_wages", True, False),
        ("wage_time_limit", True, False),
    ],
)
def test_production_withholds_what_says_so_until_its_review(
    content: Content, answer: str, production: bool, withheld: bool
) -> None:
    rendered = render_answer(content, answer, "km", now=NOW, withhold_unreviewed=production)
    assert rendered.withheld is withheld


def test_after_its_review_production_shows_it(folder: Path, topics: Topics, today: date, edit: Edit) -> None:
    old = 'reviewed_on: ""\n    reviewed_by: ""\n    expires_after_days: 60'
    edit("catalog.yml", old, "reviewed_on: 2026-11-24\n    reviewed_by: Sok Dara\n    expires_after_days: 60")
    content = load_content(folder, topics=topics, today=today)
    assert not render_answer(content, "border_now", "km", now=NOW, withhold_unreviewed=True).withheld


def test_texts_are_said_by_key_and_other_files_by_file_and_key(content: Content) -> None:
    assert text(content, "en", "handoff", number="4821") == "Your number: 4821."
    assert text(content, "en", "greeting") == "Hello.\nThe labour ministry: 1297."
    assert text(content, "en", "web.send") == "Send"
    assert texts_of(content, "en", "web") == {"send": "Send"}
