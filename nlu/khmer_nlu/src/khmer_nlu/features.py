"""Turns a message into weighted terms of several views: clusters, sounds, concepts, danger."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from khmer_nlu.crisis import danger_terms
from khmer_nlu.lexicon import concepts_of
from khmer_nlu.romanise import phonetic
from khmer_nlu.tokenise import close_up, clusters

HEAD_CHARS: Final = 800
TAIL_CHARS: Final = 200
VIEWS: Final = ("cluster", "phonetic", "concept", "concept_pair", "danger")
_BETWEEN: Final = "\x1f"

Vector = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Feature numbers and their weights."""


@dataclass(frozen=True, kw_only=True)
class View:
    """One way to look at a message, and how much it weighs beside the others.

    shortest and longest: how many clusters, sounds or concepts a term has; of a pair, how far its two parts may
    stand from each other.
    """

    name: str
    shortest: int
    longest: int
    weight: float


def terms(key: str, views: Sequence[View]) -> Iterator[tuple[View, list[str]]]:
    """The terms of a match key in each view, as often as they stand there.

    Of a long one only the first 800 and the last 200 characters are read.
    """
    if len(key) > HEAD_CHARS + TAIL_CHARS:
        key = f"{key[:HEAD_CHARS]} {key[-TAIL_CHARS:]}"
    closed = close_up(key)
    tokens = clusters(closed)
    known = concepts_of(tokens)
    for view in views:
        yield view, sorted(danger_terms(key)) if view.name == "danger" else _terms_of(view, closed, tokens, known)


def _terms_of(view: View, key: str, tokens: Sequence[str], known: Sequence[str]) -> list[str]:
    match view.name:
        case "cluster":
            return _ngrams(tokens, view)
        case "phonetic":
            return _substrings(f" {phonetic(key)} ", view)
        case "concept":
            return _ngrams(known, view)
        case "concept_pair":
            return [_BETWEEN.join(sorted(pair)) for pair in _pairs(known, view)]
        case name:
            raise ValueError(f"there is no view “{name}”")


def _lengths(view: View) -> range:
    return range(view.shortest, view.longest + 1)


def _ngrams(tokens: Sequence[str], view: View) -> list[str]:
    return [
        _BETWEEN.join(tokens[start : start + length])
        for length in _lengths(view)
        for start in range(len(tokens) - length + 1)
    ]


def _substrings(text: str, view: View) -> list[str]:
    return [text[start : start + length] for length in _lengths(view) for start in range(len(text) - length + 1)]


def _pairs(tokens: Sequence[str], view: View) -> Iterator[tuple[str, str]]:
    for distance in _lengths(view):
        yield from zip(tokens, tokens[distance:], strict=False)


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The known terms of all views: their numbers, and their inverse document frequencies."""

    views: tuple[View, ...]
    numbers: tuple[Mapping[str, int], ...]
    idf: NDArray[np.float64]

    def vector(self, key: str) -> Vector:
        """A match key as TF-IDF: sublinear, each view of length 1 times its weight."""
        found: list[int] = []
        counts: list[int] = []
        ends: list[int] = [0]
        for (_, written), numbers in zip(terms(key, self.views), self.numbers, strict=True):
            counted: Counter[int | None] = Counter(map(numbers.get, written))
            del counted[None]
            found.extend(counted)  # type: ignore[arg-type]  # None is gone
            counts.extend(counted.values())
            ends.append(len(found))
        places = np.array(found, dtype=np.int64)
        weights = (1.0 + np.log(counts)) * self.idf[places]
        for view, start, end in zip(self.views, ends, ends[1:], strict=False):
            if end > start:
                weights[start:end] *= view.weight / math.sqrt(float(weights[start:end] @ weights[start:end]))
        return places, weights
