"""Reads facts.yml: every phone number, sum, date and period, once, under a readable name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, get_args

from bot.content.fields import Fields
from bot.content.model import Fact, FactKind, Words
from bot.content.placeholders import has_stray_brace, names_in
from bot.content.spelling import flaws
from bot.documents import Document, read_yaml
from bot.errors import ContentError
from bot.model import LANGUAGES

FILE: Final = "facts.yml"
_KINDS: Final[tuple[FactKind, ...]] = get_args(FactKind)
_FIELDS: Final = ("value", "kind", "source_id", "as_of", "verified", "cautious")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_PHONE: Final = re.compile(r"[0-9+][0-9 +()/-]*")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What facts.yml holds: the facts that are right, and the names of all, right or wrong (None: not readable)."""

    right: Mapping[str, Fact]
    names: frozenset[str] | None

    def lack(self, name: str) -> bool:
        """Whether there is surely no such fact."""
        return self.names is not None and name not in self.names


def read_facts(folder: Path, problems: list[ContentError], *, today: date) -> Facts:
    """The facts of the folder; what is wrong with them goes to problems."""
    try:
        document = read_yaml(folder / FILE)
    except ContentError as error:
        problems.append(error)
        return Facts(right={}, names=None)
    if not isinstance(document.value, dict):
        problems.append(document.error("There are no facts here.", "Write name: {value: …} for each."))
        return Facts(right={}, names=None)
    found = {name: _fact(document, name, problems, today) for name in document.value}
    facts = Facts(right={name: fact for name, fact in found.items() if fact}, names=frozenset(found))
    for fact in facts.right.values():
        _check_cautious(document, fact, facts, problems)
    return facts


def _fact(document: Document, name: str, problems: list[ContentError], today: date) -> Fact | None:
    before = len(problems)
    fields = Fields(document=document, keys=(name,), problems=problems)
    if not _NAME.fullmatch(name):
        fields.wrong(f"“{name}” is no name of a fact.", "Use small letters a-z, digits and _.")
    if not fields.are_fields(_FIELDS):
        return None
    fact = Fact(
        name=name,
        value=fields.words("value"),
        kind=fields.choice("kind", _KINDS),
        source_id=fields.text("source_id"),
        as_of=fields.as_of("as_of", today=today),
        verified=fields.flag("verified"),
        cautious=fields.words("cautious", or_one_text=False) if fields.has("cautious") else {},
    )
    _check_value(fields, fact)
    if not fact.verified and not fact.cautious:
        fix = "Add cautious: {km: …, en: …}: a whole sentence that can stand in place of the line."
        fields.wrong(f"“{name}” is not verified and has no cautious sentence.", fix)
    return fact if len(problems) == before else None


def _check_value(fields: Fields, fact: Fact) -> None:
    for language in LANGUAGES:
        value = fact.value[language]
        if "{" in value or "}" in value or "\n" in value:
            fields.wrong("The value of a fact is one line without braces.", "Write only the value.", "value")
        elif value and fact.kind == "phone" and not _PHONE.fullmatch(value):
            fields.wrong(f"“{value}” is no phone number.", "Use only the digits 0-9, spaces, +, /, - and ( ).", "value")
    for key, words in (("value", fact.value), ("cautious", fact.cautious)):
        _check_spelling(fields, key, words)


def _check_spelling(fields: Fields, key: str, words: Words) -> None:
    if len(set(words.values())) == 1:  # one text for all languages
        words = {"en": words["en"]}
    for language, text in words.items():
        for flaw in flaws(text, language):
            fields.wrong(flaw.problem, flaw.fix, key, language)


def _check_cautious(document: Document, fact: Fact, facts: Facts, problems: list[ContentError]) -> None:
    for language, sentence in fact.cautious.items():
        fields = Fields(document=document, keys=(fact.name, "cautious", language), problems=problems)
        if has_stray_brace(sentence):
            fields.wrong("A brace stands alone.", "Write {name_of_a_fact}, with both braces.")
        if "\n" in sentence:
            fields.wrong("A cautious sentence is one line.", "Write it on one line.")
        for name in sorted(names_in(sentence)):
            used = facts.right.get(name)
            if facts.lack(name):
                fields.wrong(f"There is no fact “{name}”.", f"Look up its name in {FILE}.")
            elif used and not used.verified:
                fields.wrong(f"“{name}” is not verified either.", "Use only verified facts in a cautious sentence.")
