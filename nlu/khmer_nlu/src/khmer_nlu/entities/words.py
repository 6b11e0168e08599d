"""Finds work by its words, and reads a yes or a no, which must be the whole message."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from khmer_nlu.entities.lexer import forms, words_pattern
from khmer_nlu.entities.model import Candidate, Rank, Value
from khmer_nlu.tables import table

_ANSWERS: Final = {"yes": True, "no": False, "not": False}
_EDGES: Final = re.compile(r"[\s.!,~\u17d4\u17d5\u2026\-:;()]+|[^\w\s?\u1780-\u17ff\u0e00-\u0e7f]")


def find_sectors(text: str) -> Iterator[Candidate]:
    """The kinds of work that a reading's text speaks of."""
    pattern, meanings = _lexicon("sectors")
    for found in pattern.finditer(text):
        if (sector := meanings[found[0]]) != "none":
            yield Candidate(
                entity="sector", start=found.start(), end=found.end(), value={"sector": sector}, rank=Rank.SECTOR
            )


def read_yesno(text: str, *, is_asked: bool) -> Value | None:
    """Yes or no, if the message says nothing else; if it was asked for, a sentence may follow a clear first word.

    A polite word (yes, sir) agrees with a plain no behind it. A question is no answer.
    """
    words, rest = _words(text)
    said = {_ANSWERS[word] for word in words if word in _ANSWERS}
    if "?" in text or "question" in words or len(said) > 1:
        return None
    if not said and "polite" in words:
        said = {True}
    if not said or not rest:
        return {"value": True in said} if said else None
    later = set(_meanings_in(rest))
    if not is_asked or words[0] == "particle" or "not" in words or "question" in later:
        return None
    return None if True in said and later & {"no", "not"} else {"value": True in said}


def _words(text: str) -> tuple[list[str], str]:
    """The meanings of the words that a message begins with, and what is left behind them."""
    pattern, meanings = _lexicon("yesno")
    found: list[str] = []
    place = 0
    while place < len(text):
        if word := pattern.match(text, place):
            found.append(meanings[word[0]])
            place = word.end()
        elif edge := _EDGES.match(text, place):
            place = edge.end()
        else:
            break
    return found, text[place:]


def _meanings_in(text: str) -> Iterator[str]:
    pattern, meanings = _lexicon("yesno")
    return (meanings[found[0]] for found in pattern.finditer(text))


@cache
def _lexicon(name: str) -> tuple[re.Pattern[str], Mapping[str, str]]:
    meanings = {form: value for value, words in table(name).items() for word in words for form in forms(word)}
    return re.compile(words_pattern(meanings)), meanings
