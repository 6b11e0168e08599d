"""Cuts a reading into tokens: figures, and the words of data/amounts.yml and data/dates.yml. All else is a gap."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final, NamedTuple

from khmer_nlu.entities.reading import LOOKS_LIKE_FIGURE
from khmer_nlu.normalise import match_key
from khmer_nlu.search import one_of
from khmer_nlu.tables import table

TABLES: Final = ("amounts", "dates")
_SETS: Final = "sets"
_FIGURE: Final = "[0-9]+(?:(?:[.,:\u2044]| ?[/~\u2013-] ?)[0-9]+)*"
_KHMER: Final = re.compile("[\u1780-\u17dd]")
_STICKS: Final = re.compile(f"[a-z{LOOKS_LIKE_FIGURE}]")
_BEYOND: Final = ("",) * 8
_BESIDE: Final = frozenset(("", " "))


class Token(NamedTuple):
    """text[start:end]; kind and value as in the tables, figures have the kind “figure” and their text as value."""

    kind: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The tokens of a text, with ways to look at them that need no care: a few places beyond the ends the kind is “”.

    kinds: those of the tokens, and the empty ones behind, which stand before the first token too.
    """

    text: str
    tokens: tuple[Token, ...]
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, place: int) -> Token:
        return self.tokens[place]

    def kind(self, place: int) -> str:
        """The kind of a token."""
        return self.kinds[place]

    def gap(self, place: int) -> str:
        """What stands between a token and the one before it."""
        return self.text[self.tokens[place - 1].end : self.tokens[place].start] if place else ""

    def next_is(self, place: int, *kinds: str) -> bool:
        """Whether the token at this place is of one of these kinds, and stands right behind the one before."""
        return self.kinds[place] in kinds and self.is_near(place)

    def is_near(self, place: int) -> bool:
        """Whether nothing, or a space, stands between a token and the one before it."""
        return 0 < place < len(self.tokens) and self.gap(place) in _BESIDE

    def word(self, place: int) -> str:
        """How a token is written."""
        return self.text[self.tokens[place].start : self.tokens[place].end]


def tokenise(text: str) -> Tokens:
    """The tokens of a reading's text. A figure that is part of a Latin word (N0123, 4g) is of the kind “other”."""
    pattern, meanings = lexicon()
    tokens: list[Token] = []
    for found in pattern.finditer(text):
        start, end = found.span()
        kind, value = ("figure", found[0]) if found.lastgroup == "figure" else meanings[found[0]]
        before = tokens[-1] if tokens else None
        if before and before.kind == "figure" and before.end != start and _STICKS.match(text, before.end):
            tokens[-1] = before._replace(kind="other")
        if kind == "figure" and start and _STICKS.match(text[start - 1]) and not (before and before.end == start):
            kind = "other"
        tokens.append(Token(kind, value, start, end))
    if tokens and tokens[-1].kind == "figure" and _STICKS.match(text, tokens[-1].end):
        tokens[-1] = tokens[-1]._replace(kind="other")
    kinds = (*(token.kind for token in tokens), *_BEYOND)
    return Tokens(text=text, tokens=tuple(tokens), kinds=kinds)


@cache
def lexicon() -> tuple[re.Pattern[str], Mapping[str, tuple[str, str]]]:
    """The pattern of all tokens, and the kind and value of each word."""
    meanings: dict[str, tuple[str, str]] = {}
    for name in TABLES:
        for kind, values in table(name).items():
            for value, words in values.items() if kind != _SETS else ():
                meanings |= {form: (kind, value) for word in words for form in forms(word)}
    return re.compile(f"(?P<figure>{_FIGURE})|{words_pattern(meanings)}"), meanings


@cache
def words_of(name: str) -> frozenset[str]:
    """A set of words of the tables, such as the currencies that may stand before a number."""
    sets = next(table(of)[_SETS] for of in TABLES if name in table(of)[_SETS])
    return frozenset(form for word in sets[name] for form in forms(word))


def words_pattern(words: Mapping[str, object]) -> str:
    """A regular expression for the longest of these words that is whole: no sign follows, no letter of its kind."""
    khmer = [word for word in words if _KHMER.match(word)]
    latin = [word for word in words if word[0].isascii() and word[0].isalpha()]
    other = [word for word in words if word not in {*khmer, *latin}]
    return (
        f"(?<!\u17d2)(?:{one_of(khmer)})(?![\u17b6-\u17d3\u17d7\u17dd])"
        f"|(?<![a-z])(?:{one_of(latin)})(?![a-z])|(?:{one_of(other)})"
    )


def forms(word: str) -> Iterator[str]:
    """A word of a table as it may stand in a reading: with or without each of its spaces."""
    parts = match_key(word).split(" ")
    for spaces in product((" ", ""), repeat=len(parts) - 1):
        form = parts[0]
        for space, part in zip(spaces, parts[1:], strict=True):
            between_khmer = _KHMER.match(form[-1]) and _KHMER.match(part)
            form += ("" if between_khmer else space) + part
        yield form
