"""Turns a message into weighted n-grams of four views: clusters, characters, words, and the phonetic skeleton."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from khmer_nlu.romanise import phonetic
from khmer_nlu.tokenise import close_up, clusters, words

HEAD_CHARS: Final = 800
TAIL_CHARS: Final = 200
_BETWEEN: Final = "\x1f"

Vector = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Feature numbers and their weights."""


@dataclass(frozen=True, kw_only=True)
class View:
    """One way to look at a message: n-grams of these lengths, and how much it weighs beside the others."""

    name: str
    shortest: int
    longest: int
    weight: float


def terms(key: str, views: Sequence[View]) -> Iterator[tuple[View, Counter[str]]]:
    """The n-grams of a match key in each view, with how often each stands there.

    Of a long one only the first 800 and the last 200 characters are read.
    """
    if len(key) > HEAD_CHARS + TAIL_CHARS:
        key = f"{key[:HEAD_CHARS]} {key[-TAIL_CHARS:]}"
    key = close_up(key)
    for view in views:
        yield view, Counter(_terms_of(key, view))


def _terms_of(key: str, view: View) -> Iterable[str]:
    match view.name:
        case "cluster":
            return _ngrams(clusters(key), view)
        case "char":
            return _substrings(f" {key} ", view)
        case "word":
            return _ngrams(words(key), view)
        case "phonetic":
            return _substrings(f" {phonetic(key)} ", view)
        case name:
            raise ValueError(f"there is no view “{name}”")


def _ngrams(tokens: Sequence[str], view: View) -> Iterator[str]:
    for length in range(view.shortest, view.longest + 1):
        for start in range(len(tokens) - length + 1):
            yield _BETWEEN.join(tokens[start : start + length])


def _substrings(text: str, view: View) -> Iterator[str]:
    for length in range(view.shortest, view.longest + 1):
        for start in range(len(text) - length + 1):
            yield text[start : start + length]


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The known n-grams of all views: their numbers, and their inverse document frequencies."""

    views: tuple[View, ...]
    numbers: tuple[Mapping[str, int], ...]
    idf: NDArray[np.float64]

    def vector(self, key: str) -> Vector:
        """A match key as TF-IDF: sublinear, each view of length 1 times its weight."""
        found: list[int] = []
        weights: list[NDArray[np.float64]] = []
        for (view, counted), numbers in zip(terms(key, self.views), self.numbers, strict=True):
            known = [(numbers[term], 1.0 + math.log(count)) for term, count in counted.items() if term in numbers]
            if known:
                places = [place for place, _ in known]
                weight = np.array([tf for _, tf in known]) * self.idf[places]
                found.extend(places)
                weights.append(weight * (view.weight / math.sqrt(float(weight @ weight))))
        return np.array(found, dtype=np.int64), np.concatenate(weights) if weights else np.zeros(0)
