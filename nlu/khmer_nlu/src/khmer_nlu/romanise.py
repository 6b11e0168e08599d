"""One phonetic skeleton for Khmer script and for romanised Khmer, so that both meet in the same features.

Khmer is read out by a table of sounds, Latin as it stands; then both are folded: everybody romanises in their own
way, and the fold keeps what most of them keep.
"""

import re
from functools import cache, lru_cache
from typing import Any, Final

from khmer_nlu.tables import table

_PART: Final = re.compile(
    "(?P<khmer>[\u1780-\u17a2](?:\u17d2[\u1780-\u17a2])*[\u17b6-\u17d1\u17d3\u17dd]*|[\u17a3-\u17b3][\u17b6-\u17d1]*)"
    "|(?P<latin>[a-z']+)|(?P<other>[0-9]+)"
)
_SERIES_TO_A: Final = "\u17c9"
_SERIES_TO_O: Final = "\u17ca"
_NASAL: Final = "\u17c6"
_BREATH: Final = "\u17c7"
_VOWELS: Final = "\u17b6\u17b7\u17b8\u17b9\u17ba\u17bb\u17bc\u17bd\u17be\u17bf\u17c0\u17c1\u17c2\u17c3\u17c4\u17c5"
_SILENCED: Final = "\u17cd"

# In this order. Capitals are sounds of two letters while the fold is under way.
_FOLDS: Final = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("nh|gn|ny", "N"),
        ("ng", "G"),
        ("chh|ch|j|x|c(?=[eiy])", "C"),
        ("kh|gh|g|q|c|k+", "k"),
        ("th|dh|d|t+", "t"),
        ("ph|bh|b|f|p+", "p"),
        ("w", "v"),
        ("z|sh", "s"),
        ("rr|r", ""),
        ("aeu|oeu|oeur|eur|oeu|oe|eu|er", "e"),
        ("ouy|uoy|uy", "ui"),
        ("ao|av|au|ov|ou(?=v)|oa|aw|ow", "o"),
        ("ea|ia|ie|ear|iea", "E"),
        ("ai|ay|ey|ei|iy|ee|y", "i"),
        ("ae", "e"),
        ("uo|ou|oo|ua|ue", "u"),
        ("h", ""),
        ("(.)\\1+", r"\1"),
    )
)


def phonetic(key: str) -> str:
    """The skeleton of a match key: Latin letters without spaces, one space where a number or the edge stands."""
    sounds: list[str] = []
    open_syllable = False
    for found in _PART.finditer(key):
        if found["khmer"]:
            sound, open_syllable = _read_out(found["khmer"], open_syllable)
            sounds.append(sound)
        else:
            sounds.append(_short_forms().get(found["latin"], found["latin"]) if found["latin"] else " ")
            open_syllable = False
    return fold("".join(sounds).replace("'", ""))


def fold(latin: str) -> str:
    """A romanised text with the differences between people's spellings taken out."""
    for pattern, sound in _FOLDS:
        latin = pattern.sub(sound, latin)
    return latin


@lru_cache(maxsize=8192)
def _read_out(cluster: str, open_syllable: bool) -> tuple[str, bool]:
    """The sound of a cluster, and whether a consonant may close the syllable after it.

    A bare consonant after an open syllable closes it: that is most often right, and wrong the same way each time.
    """
    if _SILENCED in cluster:
        return "", False
    base = cluster[0]
    if base in _independent():
        return _independent()[base] + _vowel_of(cluster, 0), True
    letters = list(dict.fromkeys(letter for letter in cluster if letter in _consonants()))
    onset = "".join(_consonants()[letter][0] for letter in letters)
    vowel = next((mark for mark in cluster if mark in _VOWELS), "")
    bare = len(letters) == 1 and not vowel and _NASAL not in cluster and _BREATH not in cluster
    if bare and open_syllable and onset:
        return onset, False
    series = _series(cluster, base)
    sound = _vowels()[vowel][series]
    if _NASAL in cluster:
        return onset + sound + "m", False
    return onset + sound, _BREATH not in cluster


def _vowel_of(cluster: str, series: int) -> str:
    vowel = next((mark for mark in cluster if mark in _VOWELS), "")
    return _vowels()[vowel][series] if vowel else ""


def _series(cluster: str, base: str) -> int:
    if _SERIES_TO_A in cluster:
        return 0
    if _SERIES_TO_O in cluster:
        return 1
    return 0 if _consonants()[base][1] == "a" else 1


@cache
def _consonants() -> Any:
    return table("roman")["consonants"]


@cache
def _vowels() -> Any:
    return table("roman")["vowels"]


@cache
def _independent() -> Any:
    return table("roman")["independent"]


@cache
def _short_forms() -> Any:
    return table("roman")["short_forms"]
