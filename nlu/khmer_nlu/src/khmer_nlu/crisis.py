"""Finds words of danger in a message, before the classifier and without it. The phrases stand in data/crisis.yml."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from khmer_nlu.normalise import match_key
from khmer_nlu.tables import table

CrisisKind = Literal["crisis_self_harm", "crisis_child", "crisis_confined", "crisis_violence"]

# The narrower kind answers where a message raises several: who wants to die needs other words than who is beaten.
KINDS: Final[tuple[CrisisKind, ...]] = ("crisis_self_harm", "crisis_child", "crisis_confined", "crisis_violence")
GAP_CHARS: Final = 25
_GAP: Final = " … "
_INDEXED_CHARS: Final = 3
_KHMER: Final = re.compile("[\u1780-\u17dd]")
_NOT_KHMER: Final = re.compile("[^\u1780-\u17dd0-9]+")
_NOT_LATIN: Final = re.compile("[^a-z0-9]+")
_DOUBLED: Final = re.compile(r"([a-z])\1+")

Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class _Phrase:
    """The parts of a phrase, in order, with up to GAP_CHARS between them."""

    parts: tuple[str, ...]


_Index = dict[str, list[_Phrase]]


def find_crisis(text: str) -> CrisisKind | None:
    """The kind of danger that a message speaks of, if it does. Reads all of it, in linear time."""
    return find_crisis_in(match_key(text))


def find_crisis_in(key: str) -> CrisisKind | None:
    """The same, of a match key."""
    khmer, latin = _khmer_view(key), _latin_view(key)
    never = {view: list(_spans(view, _index("never"))) for view in (khmer, latin)}
    for kind in KINDS:
        for view in (khmer, latin):
            if any(not _covered(span, never[view]) for span in _spans(view, _index(kind))):
                return kind
    return None


def _khmer_view(key: str) -> str:
    """The Khmer letters and numbers of a match key, closed up: people set spaces anywhere."""
    return _NOT_KHMER.sub("", key)


def _latin_view(key: str) -> str:
    """The Latin words of a match key between single spaces, doubled letters folded, apostrophes dropped."""
    words = _NOT_LATIN.sub(" ", key.replace("'", ""))
    return " " + _DOUBLED.sub(r"\1", words).strip() + " "


@cache
def _index(name: str) -> _Index:
    """The phrases of a list by the first characters of their first part."""
    listed = table("crisis")[name]
    index: _Index = {}
    for phrase in _phrases(listed["phrases"] if name != "never" else listed):
        index.setdefault(phrase.parts[0][:_INDEXED_CHARS], []).append(phrase)
    return index


def _phrases(listed: Iterable[str]) -> Iterator[_Phrase]:
    for words in listed:
        view = _khmer_view if _KHMER.search(words) else _latin_view
        yield _Phrase(parts=tuple(view(match_key(part)) for part in words.split(_GAP)))


def _spans(view: str, index: _Index) -> Iterator[Span]:
    for start in range(len(view)):
        for phrase in index.get(view[start : start + _INDEXED_CHARS], ()):
            end = _end_of(view, start, phrase)
            if end is not None:
                yield start, end


def _end_of(view: str, start: int, phrase: _Phrase) -> int | None:
    """Where the phrase ends that starts here, if it does."""
    first, *rest = phrase.parts
    if not view.startswith(first, start):
        return None
    end = start + len(first)
    for part in rest:
        # Parts of Latin phrases share the space between them.
        begin = end - 1 if part.startswith(" ") else end
        found = view.find(part, begin, begin + GAP_CHARS + len(part) + 1)
        if found < 0:
            return None
        end = found + len(part)
    return end


def _covered(span: Span, never: list[Span]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in never)
