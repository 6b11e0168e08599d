"""Tells in which language and script a message is written, from its letters and a few common words."""

import re
from functools import cache
from typing import Final, Literal

from khmer_nlu.normalise import match_key
from khmer_nlu.tables import table

Language = Literal["km", "km-Latn", "en", "th", "mixed", "und"]

KHMER_MIN_SHARE: Final = 0.3
MIXED_MIN_SHARE: Final = 0.2
_KHMER: Final = re.compile("[\u1780-\u17b3]")
_THAI: Final = re.compile("[\u0e01-\u0e2e]")
_LATIN: Final = re.compile("[a-z]")
_LATIN_WORD: Final = re.compile("[a-z']+")


def detect_language(text: str) -> Language:
    """The language of a message; und where it has no letters, or letters of another script.

    mixed is Khmer script with at least a fifth of the letters in Latin or Thai script.
    """
    return detect_language_of(match_key(text))


def detect_language_of(key: str) -> Language:
    """The same, of a match key."""
    khmer, thai, latin = (len(script.findall(key)) for script in (_KHMER, _THAI, _LATIN))
    letters = sum(character.isalpha() for character in key)
    if not letters:
        return "und"
    if khmer >= KHMER_MIN_SHARE * (khmer + thai + latin) and khmer:
        return "mixed" if thai + latin >= MIXED_MIN_SHARE * (khmer + thai + latin) else "km"
    if thai > latin:
        return "th"
    return _latin_language(key) if latin else "und"


def _latin_language(key: str) -> Language:
    words = [word.replace("'", "") for word in _LATIN_WORD.findall(key)]
    khmer, english = (sum(word in _words(name) for word in words) for name in ("km-Latn", "en"))
    return "en" if english > khmer else "km-Latn"


@cache
def _words(language: str) -> frozenset[str]:
    return frozenset(table("languages")[language])
