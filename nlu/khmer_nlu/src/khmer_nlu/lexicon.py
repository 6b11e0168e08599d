"""Finds the concepts of a message: one name for a word in Khmer script, in the Latin spellings of it, and in English.

The words stand in data/lexicon.yml. Forms are looked for from left to right, the longest first. A Latin word that is
not listed counts as one that sounds the same, or whose sound differs by one letter.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from khmer_nlu.romanise import phonetic
from khmer_nlu.tables import table
from khmer_nlu.tokenise import clusters

LATIN_WORDS_MAX: Final = 4
SOUND_MIN_CHARS: Final = 3
NEAR_MIN_CHARS: Final = 5
"""Shorter sounds are too much alike to forgive a letter."""
_LATIN: Final = re.compile("[a-z0-9]+")


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """Forms and their concepts.

    Args:
        khmer: by the form in Khmer script.
        longest: how many clusters the longest of these has.
        latin: by the words, romanised or English, between single spaces.
        sounds: by the phonetic skeletons of those words.
        near: by single skeletons with one letter left out.
    """

    khmer: Mapping[str, str]
    longest: int
    latin: Mapping[str, str]
    sounds: Mapping[str, str]
    near: Mapping[str, str]


def concepts(key: str) -> list[str]:
    """The concepts of a closed-up match key, in their order."""
    return concepts_of(clusters(key))


def concepts_of(tokens: Sequence[str]) -> list[str]:
    """The same, of the clusters of a key."""
    lexicon, found, start = load_lexicon(), [], 0
    while start < len(tokens):
        reader = _read_latin if _LATIN.match(tokens[start]) else _read_khmer
        concept, used = reader(lexicon, tokens, start)
        if concept:
            found.append(concept)
        start += used
    return found


def _read_khmer(lexicon: Lexicon, tokens: Sequence[str], start: int) -> tuple[str | None, int]:
    for length in range(min(lexicon.longest, len(tokens) - start), 0, -1):
        concept = lexicon.khmer.get("".join(tokens[start : start + length]))
        if concept:
            return concept, length
    return None, 1


def _read_latin(lexicon: Lexicon, tokens: Sequence[str], start: int) -> tuple[str | None, int]:
    words = [token.replace("'", "") for token in tokens[start : start + LATIN_WORDS_MAX]]
    sounds = [_sound(word) for word in words]
    for length in range(len(words), 0, -1):
        concept = lexicon.latin.get(" ".join(words[:length])) or lexicon.sounds.get(" ".join(sounds[:length]))
        if concept:
            return concept, length
    return _nearest(lexicon, sounds[0]), 1


def _nearest(lexicon: Lexicon, sound: str) -> str | None:
    if len(sound) < NEAR_MIN_CHARS:
        return None
    tries = (lexicon.near.get(sound), *(lexicon.sounds.get(shorter) for shorter in _shortened(sound)))
    return next(filter(None, tries), None)


def _shortened(sound: str) -> Iterator[str]:
    return (sound[:place] + sound[place + 1 :] for place in range(len(sound)))


@lru_cache(maxsize=8192)
def _sound(word: str) -> str:
    return phonetic(word).strip()


@cache
def load_lexicon() -> Lexicon:
    """The lexicon of this package."""
    khmer: dict[str, str] = {}
    latin: dict[str, str] = {}
    for concept, forms in table("lexicon").items():
        khmer |= dict.fromkeys(forms.get("km", ()), concept)
        latin |= dict.fromkeys((*forms.get("latn", ()), *forms.get("en", ())), concept)
    sounds: dict[str, str] = {}
    for words, concept in latin.items():
        sound = " ".join(map(_sound, words.split()))
        if len(sound) >= SOUND_MIN_CHARS:
            sounds.setdefault(sound, concept)
    near: dict[str, str] = {}
    for sound, concept in sounds.items():
        if " " not in sound and len(sound) > NEAR_MIN_CHARS:
            for shorter in _shortened(sound):
                near.setdefault(shorter, concept)
    return Lexicon(
        khmer=khmer, longest=max(len(clusters(form)) for form in khmer), latin=latin, sounds=sounds, near=near
    )
