"""Looks for what loading content does not refuse, but an editor should know: what is old, unchecked or unused.

Whether a text is older than its twin is not looked at: file times say nothing after a checkout.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from bot.checks import Finding, as_finding
from bot.content.catalog import FILE as CATALOG_FILE
from bot.content.dates import show_day
from bot.content.facts import FILE as FACTS_FILE
from bot.content.loader import load_content
from bot.content.model import Content
from bot.content.placeholders import names_in
from bot.content.render import last_day
from bot.content.texts import Said
from bot.documents import Document, read_text, read_yaml
from bot.errors import ContentError, ContentErrors
from bot.topics import Topics

SOON: Final = timedelta(days=14)


def check_content(folder: Path, topics: Topics, today: date, *, said: Said = frozenset()) -> list[Finding]:
    """All findings in the folder: the errors of loading it, or else the warnings."""
    try:
        content = load_content(folder, topics=topics, today=today, said=said)
        catalog, facts = read_yaml(folder / CATALOG_FILE), read_yaml(folder / FACTS_FILE)
        return [
            *_ages(content, catalog, today),
            *_reviews(content, catalog),
            *_unwritten(content, catalog, topics),
            *_same_titles(content, catalog),
            *_unused_facts(content, facts),
            *_unsure_facts(content, facts),
            *_typed_phones(content, facts, folder),
        ]
    except ContentErrors as errors:
        return [as_finding(error) for error in errors.errors]
    except ContentError as error:  # the file changed while we looked
        return [as_finding(error)]


def answers_by_fact(content: Content) -> dict[str, tuple[str, ...]]:
    """The answers that say each fact, in their words or in place of them: what changes when the fact changes."""
    users: dict[str, dict[str, None]] = {name: {} for name in content.facts}
    for (_, answer), body in content.bodies.items():
        for name in _said(f"{body.first}\n{body.more}", content):
            users[name][answer] = None
    return {name: tuple(answers) for name, answers in users.items()}


def _said(text: str, content: Content) -> frozenset[str]:
    """The facts of a text, and those of the sentences that may stand in place of its lines."""
    used = names_in(text) & content.facts.keys()
    return used.union(*(names_in(sentence) for name in used for sentence in content.facts[name].cautious.values()))


def _warning(document: Document, problem: str, fix: str, *keys: str) -> Finding:
    error = document.error(problem, fix, *keys)
    return replace(as_finding(error), level="warning", line=error.line if keys else None)


def _ages(content: Content, catalog: Document, today: date) -> Iterator[Finding]:
    for answer, entry in content.entries.items():
        last = last_day(entry)
        fix = "Check it again, then write the new as_of, or reviewed_on and reviewed_by."
        if today > last:
            problem = f"“{answer}” expired on {show_day(last)}; contacts read that it is being checked."
            yield _warning(catalog, problem, fix, "answers", answer)
        elif today + SOON >= last:
            yield _warning(catalog, f"“{answer}” expires on {show_day(last)}.", fix, "answers", answer)


def _reviews(content: Content, catalog: Document) -> Iterator[Finding]:
    fix = "A named person of the organisation reads it and fills in reviewed_on and reviewed_by."
    waiting = [entry for entry in content.entries.values() if not entry.reviewed_on]
    for withheld, problem in ((True, "Withheld in production before a review"), (False, "Shown as not yet confirmed")):
        answers = [entry.id for entry in waiting if entry.withhold_unreviewed is withheld]
        if answers:
            yield _warning(catalog, f"{problem}: {', '.join(answers)}.", fix, "answers")
    for entry in content.entries.values():
        if entry.reviewed_on and entry.as_of.earliest > entry.reviewed_on:
            problem = f"“{entry.id}” holds information that is newer than its review."
            yield _warning(catalog, problem, "Review it again.", "answers", entry.id)


def _unwritten(content: Content, catalog: Document, topics: Topics) -> Iterator[Finding]:
    missing = [answer for answers in topics.answers.values() for answer in answers if answer not in content.entries]
    if missing:
        problem = f"The bot understands these questions, but has no answer: {', '.join(missing)}."
        yield _warning(catalog, problem, "Write them; until then contacts read no_answer_yet.", "answers")


def _same_titles(content: Content, catalog: Document) -> Iterator[Finding]:
    seen: dict[tuple[str, str], str] = {}
    for (language, answer), body in content.bodies.items():
        other = seen.setdefault((language, body.title), answer)
        if other != answer:
            problem = f"“{answer}” and “{other}” have the same title in {language}."
            yield _warning(catalog, problem, "Titles stand on buttons side by side; change one.", "answers", answer)


def _unused_facts(content: Content, facts: Document) -> Iterator[Finding]:
    in_texts = frozenset(name for text in content.texts.values() for name in _said(text, content))
    for name, answers in answers_by_fact(content).items():
        if not answers and name not in in_texts:
            yield _warning(facts, f"“{name}” is used nowhere.", "Delete it, or write it where it belongs.", name)


def _unsure_facts(content: Content, facts: Document) -> Iterator[Finding]:
    unsure = [name for name, fact in content.facts.items() if not fact.verified]
    if unsure:
        problem = f"Not verified, so their cautious sentences are shown: {', '.join(unsure)}."
        yield _warning(facts, problem, "Ask the source, then write value, as_of and verified: true.")


def _typed_phones(content: Content, facts: Document, folder: Path) -> Iterator[Finding]:
    """Where a phone number is typed as digits: it would stay when the fact changes."""
    phones = {fact.value["en"]: name for name, fact in content.facts.items() if fact.kind == "phone"}
    for number, name in phones.items():
        typed = re.compile(rf"(?<![0-9-]){re.escape(number)}(?![0-9-])")
        fix = f"Write {{{name}}}, so that it changes everywhere at once."
        for fact in content.facts.values():
            if any(typed.search(sentence) for sentence in fact.cautious.values()):
                problem = f"The number {number} is typed into the cautious sentence."
                yield _warning(facts, problem, fix, fact.name, "cautious")
        for path in sorted((*folder.glob("*/*/*.md"), *folder.glob("*/*.yml"))):
            lines = [place for place, line in enumerate(read_text(path).split("\n"), start=1) if typed.search(line)]
            for line in lines[:1]:
                problem = f"The number {number} is typed here."
                yield Finding(level="warning", path=path, line=line, problem=problem, fix=fix)
