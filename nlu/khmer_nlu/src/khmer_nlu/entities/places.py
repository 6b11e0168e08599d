"""Finds provinces and districts in a message, and reads a place as the answer to a question, misspelt or not."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz, process

from khmer_nlu.entities.gazetteer import Gazetteer, Level, Place, gazetteer
from khmer_nlu.entities.model import Candidate, Rank, Value
from khmer_nlu.romanise import fold

ACCEPT: Final = 85.0
"""From which likeness (0 to 100) on a misspelt name is taken; below, the bot asks. Measured in research/khmer.md."""
ACCEPT_IN_STORY: Final = 88.0
CLEAR: Final = 0.95
"""How near the second likeliest name may come; a longer name weighs more, as more letters agree."""
_FUZZY_MIN: Final = 4
_NAME_MAX: Final = 30
_CUES_MAX: Final = 12
_CUE_MAX: Final = 14
_LETTERS: Final = re.compile("[\u1780-\u17dd]+|[a-z]+(?:[ '-]?[a-z]+){0,3}")
_CLUSTER_END: Final = re.compile("(?![\u17b6-\u17d3\u17dd])(?<!\u17d2)")
_LATIN_WORD: Final = re.compile("[a-z']+")
_ALIKE: Final = 3
_NOT_LATIN: Final = re.compile("[^a-z]+")


@dataclass(frozen=True, kw_only=True)
class Mention:
    """text[start:end] names one of these places; cue: the level that a word before it says."""

    start: int
    end: int
    places: frozenset[Place]
    cue: str | None


def find_places(text: str) -> Iterator[Candidate]:
    """The provinces and districts that a reading's text names. A name of several districts is left out."""
    known = gazetteer()
    mentions = list(_mentions(text, known))
    mentions += _misspelt(text, known, mentions)
    for mention in sorted(mentions, key=lambda mention: mention.start):
        place = _choose(mention)
        if place is not None:
            yield Candidate(
                entity=place.level, start=mention.start, end=mention.end, value=place.value(), rank=Rank.NAMED
            )


def read_place(text: str, level: Level) -> Value | None:
    """The one place of this level that the message means, if it is clear; a district answers for its province too."""
    known = gazetteer()
    mentions = list(_mentions(text, known, is_asked=True))
    if not mentions:
        mentions = list(_misspelt(text, known, (), asked=level)) or _whole(text, known, level)
    found = _provinces(mentions) if level == "province" else _districts(mentions)
    return next(iter(found)).value() if len(found) == 1 else None


def _mentions(text: str, known: Gazetteer, *, is_asked: bool = False) -> Iterator[Mention]:
    for found in known.pattern.finditer(text):
        name = found[0]
        cue = _cue_before(text, found.start(), known)
        places = known.places[name]
        if not is_asked and cue not in ("province", "district"):
            places = frozenset(place for place in places if not known.needs_cue(name, place))
        if places:
            yield Mention(start=found.start(), end=found.end(), places=places, cue=cue)


def _cue_before(text: str, start: int, known: Gazetteer) -> str | None:
    before = text[max(0, start - _CUE_MAX) : start].rstrip(" :")
    for level, pattern in known.cues.items():
        if any(found.end() == len(before) for found in pattern.finditer(before)):
            return level
    return None


def _choose(mention: Mention) -> Place | None:
    """The place that a mention means on its own: what its cue says, else a province before a district."""
    by_level = {
        level: [place for place in mention.places if place.level == level] for level in ("province", "district")
    }
    for level in (mention.cue, "province", "district"):
        if meant := by_level.get(level or ""):
            return meant[0] if len(meant) == 1 else None
    return None


def _provinces(mentions: Iterable[Mention]) -> set[Place]:
    mentions = list(mentions)
    named = {place for m in mentions for place in m.places if place.level == "province" and m.cue != "district"}
    return named or {place.province for mention in mentions for place in mention.places}


def _districts(mentions: Iterable[Mention]) -> set[Place]:
    """The districts named; a province beside them, or before its own town, tells same names apart."""
    mentions = list(mentions)
    districts = [m for m in mentions if m.cue != "province" and any(place.level == "district" for place in m.places)]
    only = [m for m in districts if all(place.level == "district" for place in m.places)] or districts
    found = {place for mention in only for place in mention.places if place.level == "district"}
    if len(found) > 1:
        provinces = {p for m in mentions if m not in only for p in m.places if p.level == "province"}
        found = {place for place in found if place.province in provinces}
    return found


def _misspelt(
    text: str, known: Gazetteer, exact: Iterable[Mention], *, asked: Level | None = None
) -> Iterator[Mention]:
    """Names that nearly stand behind a cue: what was asked for, or else provinces. Looks at so many cues, no more."""
    taken = {mention.start for mention in exact}
    level: Level = asked or "province"
    looked = 0
    for kind in (level, "place") if asked else (level,):
        for cue in known.cues[kind].finditer(text):
            name = _LETTERS.match(text, cue.end() + (text[cue.end() : cue.end() + 1] == " "))
            if name is None or name.start() in taken or looked == _CUES_MAX:
                continue
            looked += 1
            found = _nearest(name[0][:_NAME_MAX], known, ACCEPT if asked else ACCEPT_IN_STORY, level)
            if found:
                length, places = found
                yield Mention(start=name.start(), end=name.start() + length, places=places, cue=kind)


def _whole(text: str, known: Gazetteer, asked: Level) -> list[Mention]:
    """The message as one misspelt name."""
    name = _LETTERS.search(text)
    if name is None or len(name[0]) > _NAME_MAX:
        return []
    found = _nearest(name[0], known, ACCEPT, asked)
    if found is None or found[0] < len(name[0]) - 1:
        return []
    return [Mention(start=name.start(), end=name.end(), places=found[1], cue=asked)]


def _nearest(name: str, known: Gazetteer, accept: float, level: Level) -> tuple[int, frozenset[Place]] | None:
    """How much of these letters is a name, and of what; None if no name is like it, or two are."""
    beginnings = _beginnings(name)
    if name.isascii():
        for end in beginnings:
            same = known.folded.get(fold(_NOT_LATIN.sub("", name[:end])), frozenset())
            if any(place.level == level for place in same):
                return end, same
    best: dict[frozenset[Place], tuple[float, int]] = {}
    for end in beginnings:
        for form, score, _ in process.extract(
            name[:end], known.names(level), scorer=fuzz.ratio, score_cutoff=accept, limit=_ALIKE
        ):
            places = known.places[form]
            best[places] = max(best.get(places, (0.0, 0)), (score * len(form), end))
    ranked = sorted(best.items(), key=lambda item: item[1], reverse=True)
    if not ranked:
        return None
    (places, (weight, end)), *others = ranked
    if others and others[0][1][0] > CLEAR * weight and not places & others[0][0]:
        return None
    return end, places


def _beginnings(name: str) -> list[int]:
    """Where a name may end, the longest first: at the end of a Latin word, or of a Khmer cluster."""
    if name.isascii():
        ends = [found.end() for found in _LATIN_WORD.finditer(name)]
    else:
        ends = [end for end in range(1, len(name) + 1) if _CLUSTER_END.match(name, end)]
    return [end for end in reversed(ends) if end >= _FUZZY_MIN]
