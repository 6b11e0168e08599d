"""How long texts are once their facts are filled in; a chat bubble and a small screen hold only so much."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from bot.content.bodies import BodyFile
from bot.content.model import Fact
from bot.content.placeholders import names_in
from bot.content.render import fill
from bot.content.texts import TextFile
from bot.errors import ContentError
from bot.model import Language

FIRST_MAX_CHARS: Final = 350
WHOLE_MAX_CHARS: Final = 900
TEXT_MAX_CHARS: Final = 2_000
"""Messenger takes no longer message."""


def check_body(file: BodyFile, facts: Mapping[str, Fact]) -> Iterator[ContentError]:
    """What is too long in an answer."""
    if not file.body or not names_in(file.text) <= facts.keys():
        return  # said elsewhere
    for words, limit, name in (
        (file.body.first, FIRST_MAX_CHARS, "The first bubble"),
        (f"{file.body.first}\n\n{file.body.more}", WHOLE_MAX_CHARS, "The whole answer"),
    ):
        for length, when in _lengths(words, facts, file.language, {}):
            if length > limit:
                problem = f"{name} has {length} characters {when}; {limit} fit."
                yield ContentError(file.path, None, problem, f"Make it {length - limit} shorter.")
                break


def check_texts(file: TextFile, facts: Mapping[str, Fact]) -> Iterator[ContentError]:
    """What is too long in a file of texts. What the program fills in is not counted."""
    for key, words in file.texts.items():
        args = dict.fromkeys(names_in(words) - facts.keys(), "")
        for length, when in _lengths(words, facts, file.language, args):
            if length > TEXT_MAX_CHARS:
                problem = f"“{key}” has {length} characters {when}; {TEXT_MAX_CHARS} fit."
                yield file.document.error(problem, f"Make it {length - TEXT_MAX_CHARS} shorter.", key)
                break


def _lengths(
    words: str, facts: Mapping[str, Fact], language: Language, args: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    """The length as the facts stand now, or else the most it could be after any of them changes to or from verified.

    So nobody who withdraws a fact is stopped because an answer has become too long.
    """
    now = len(fill(words, facts, language, args))
    verified = {name: replace(fact, verified=True) for name, fact in facts.items()}
    cautious = {name: replace(fact, verified=not fact.cautious) for name, fact in facts.items()}
    most = sum(
        1 + max(len(fill(line, verified, language, args)), len(fill(line, cautious, language, args)))
        for line in words.split("\n")
    )
    used = [name for name in sorted(names_in(words)) if name in facts and facts[name].cautious]
    yield now, "with its facts filled in"
    if most - 1 > now:
        yield most - 1, f"when it has to say the cautious sentences of {', '.join(used)}"
