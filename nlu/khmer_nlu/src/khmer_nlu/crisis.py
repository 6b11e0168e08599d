"""Finds words of danger in a message, before the classifier and without it. The phrases stand in data/crisis.yml.

All phrases are looked for at once, in linear time, and no text is cut off: a cry for help may stand anywhere in it.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from typing import Final, Literal

from khmer_nlu.normalise import match_key
from khmer_nlu.search import Finder, finder
from khmer_nlu.tables import table

CrisisKind = Literal["crisis_self_harm", "crisis_child", "crisis_confined", "crisis_violence"]

# The narrower kind answers where a message raises several: who wants to die needs other words than who is beaten.
KINDS: Final[tuple[CrisisKind, ...]] = ("crisis_self_harm", "crisis_child", "crisis_confined", "crisis_violence")
IDIOM: Final = "idiom"
NEVER: Final = "never"
HINT: Final = "?"
"""Stands behind a kind: its words that alone mean too many other things; the classifier weighs them."""
GAP_CHARS: Final = 25
_GAP: Final = "…"
_KHMER: Final = re.compile("[\u1780-\u17dd]")
_NOT_KHMER: Final = re.compile("[^\u1780-\u17dd0-9]+")
_NOT_LATIN: Final = re.compile("[^a-z0-9]+")
_DOUBLED: Final = re.compile(r"([a-z])\1+")

Parts = tuple[str, ...]
"""What must stand in this order, with up to GAP_CHARS between."""
Span = tuple[int, int]
Places = Mapping[str, list[int]]
"""Each part that stands in a view, and where it starts."""


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """The phrases of one script: how a match key is looked at, what is looked for in it, and what it means.

    kinds: for each kind, its hints, “idiom” and “never”, the phrases by their first part.
    """

    view: Callable[[str], str]
    parts: Finder
    kinds: Mapping[str, Mapping[str, list[Parts]]]


def find_crisis(text: str) -> CrisisKind | None:
    """The kind of danger that a message speaks of, if it does. Reads all of it, in linear time."""
    return find_crisis_in(match_key(text))


def find_crisis_in(key: str) -> CrisisKind | None:
    """The same, of a match key."""
    return kind_of(danger_terms(key))


def kind_of(danger: Collection[str]) -> CrisisKind | None:
    """The kind that answers where a message raises these."""
    return next((kind for kind in KINDS if kind in danger), None)


@lru_cache(maxsize=1)  # the rules ask, and then the classifier
def danger_terms(key: str) -> frozenset[str]:
    """What the lists know about a match key: kinds of danger, hints of them, “idiom”, “never”."""
    return frozenset(term for phrases in _phrases() for term in _terms_in(key, phrases))


def _terms_in(key: str, phrases: Phrases) -> Iterator[str]:
    places = phrases.parts.find(phrases.view(key))
    if not places:
        return
    spans = {name: list(_spans(listed, places)) for name, listed in phrases.kinds.items()}
    covered = _cover((*spans[IDIOM], *spans[NEVER]))
    for name, found in spans.items():
        if found and (name in (IDIOM, NEVER) or not all(map(covered, found))):
            yield name


def _spans(phrases: Mapping[str, list[Parts]], places: Places) -> Iterator[Span]:
    """Where these phrases stand."""
    for first in places:
        for parts in phrases.get(first, ()):
            yield from _spans_of(parts, places)


def _spans_of(parts: Parts, places: Places) -> Iterator[Span]:
    """Where one phrase stands: for each place of its last part the longest span, which is the hardest to cover."""
    starts, ends = places[parts[0]], [start + len(parts[0]) for start in places[parts[0]]]
    for part in parts[1:]:
        # The parts of a Latin phrase share the space between them.
        shared = 1 if part.startswith(" ") else 0
        reached = []
        for place in places.get(part, ()):
            nearest = bisect_left(ends, place - GAP_CHARS)
            if nearest < len(ends) and ends[nearest] <= place + shared:
                reached.append((starts[nearest], place + len(part)))
        starts, ends = [start for start, _ in reached], [end for _, end in reached]
    return zip(starts, ends, strict=True)


def _cover(never: Iterable[Span]) -> Callable[[Span], bool]:
    """Says whether a span lies wholly inside one of these."""
    spans = sorted(never)
    starts = [start for start, _ in spans]
    furthest = list(accumulate((end for _, end in spans), max))

    def is_covered(span: Span) -> bool:
        before = bisect_right(starts, span[0])
        return before > 0 and furthest[before - 1] >= span[1]

    return is_covered


@cache
def _phrases() -> tuple[Phrases, Phrases]:
    lists: dict[str, list[str]] = {name: table("crisis")[name] for name in (IDIOM, NEVER)}
    for kind in KINDS:
        lists |= {kind: table("crisis")[kind]["phrases"], f"{kind}{HINT}": table("crisis")[kind]["hints"]}
    return _phrases_seen_by(_khmer_view, lists, khmer=True), _phrases_seen_by(_latin_view, lists, khmer=False)


def _phrases_seen_by(view: Callable[[str], str], lists: Mapping[str, list[str]], *, khmer: bool) -> Phrases:
    kinds: dict[str, dict[str, list[Parts]]] = {}
    for kind, written in lists.items():
        by_first = kinds.setdefault(kind, {})
        for words in written:
            if bool(_KHMER.search(words)) == khmer:
                parts = tuple(view(match_key(part)) for part in words.split(_GAP))
                by_first.setdefault(parts[0], []).append(parts)
    known = {part for by_first in kinds.values() for same in by_first.values() for parts in same for part in parts}
    return Phrases(view=view, parts=finder(known), kinds=kinds)


def _khmer_view(key: str) -> str:
    """The Khmer letters and numbers of a match key, closed up: people set spaces anywhere."""
    return _NOT_KHMER.sub("", key)


def _latin_view(key: str) -> str:
    """The Latin words of a match key between single spaces, doubled letters folded, apostrophes dropped."""
    words = _NOT_LATIN.sub(" ", key.replace("'", ""))
    return " " + _DOUBLED.sub(r"\1", words).strip() + " "
