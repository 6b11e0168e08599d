"""Brings Khmer text as phones produce it into one form: a canonical form to store, and a lossy key to compare.

The rules follow pheasa (Unicode Technical Note 61) and, where it stops, what people really type: see the tests' pairs.
Every step takes time linear in the length of the text, whatever the text: anyone can send 20,000 hostile characters.
"""

import re
import unicodedata
from functools import cache, lru_cache
from typing import Final

import pheasa

from khmer_nlu.search import one_of
from khmer_nlu.steps import Compose, Lower, Replace, Step, Strip, Translate, apply
from khmer_nlu.tables import table

_INVISIBLE: Final = (0x00AD, 0x034F, 0x061C, 0x17B4, 0x17B5, 0x200B, 0x2060, 0xFEFF, 0x200E, 0x200F)
_INVISIBLE_RANGES: Final = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xFE00, 0xFE10))
_SPACES: Final = (0x00A0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_STORED: Final[dict[int, str | None]] = {
    **dict.fromkeys((*_INVISIBLE, *_INVISIBLE_RANGES)),
    **dict.fromkeys(_SPACES, " "),
    0x17A3: "\u17a2",
    0x17A4: "\u17a2\u17b6",
    0x17D8: "\u17d4\u179b\u17d4",
}
_COMPARED: Final[dict[int, str | None]] = {
    **{0x17E0 + digit: str(digit) for digit in range(10)},
    0x200C: None,
    0x200D: None,
    0x17D3: "\u17c6",
    0x2018: "'",
    0x2019: "'",
}
_MARK: Final = "[\u17b6-\u17d1\u17d3\u17dd]"
_LETTER: Final = "[\u1780-\u17b3]"
# A letter and the signs after it, two or more: with one it stands as it should. A joiner takes the next letter along.
_LETTERS: Final = "\u1780-\u17a2\u17a5-\u17b3"
_JOINERS: Final = "\u17d2\u200d"
_CLUSTER: Final = re.compile(f"[{_LETTERS}](?:[\u17b6-\u17d3\u17dd\u200c\u200d]|(?<=[{_JOINERS}])[{_LETTERS}]){{2,}}")
_CLUSTER_MAX: Final = 12
_SAME_SIGNS: Final = re.compile(f"({_MARK}|\u17d2[{_LETTERS}]|\u17d2(?=\u17d2))\\1+")
_MARK_AGAIN: Final = re.compile(f"({_MARK})({_MARK})\\1(?!{_MARK})")
_BEFORE_LEK_TOO: Final = re.compile("(?<! ) +\u17d7")
# Accents piled up to break a page: putting them in order would take the square of their number.
_PILE: Final = re.compile("(?:[^\\w\\s\u1780-\u17ff!-~]|[\u17d2\u17dd]){12,}")
_PILE_MAX: Final = 4

_COLON_IN_WORD: Final = re.compile(f"(?<={_LETTER}):(?={_LETTER})")
_COLON_AT_END: Final = re.compile("(?<=[\u17b7\u17bb\u17be\u17c1\u17c2\u17c4]):")
_TWO_AT_END: Final = re.compile("(?<=[\u1780-\u17d1])2(?![0-9.,%]|\\s?[\u1780-\u17b3])")
_O_AS_ZERO: Final = re.compile(r"(?<![a-z0-9])o(?=[0-9]{2})")
_LONG_DRAWN: Final = re.compile(r"([^\W\d_])\1{2,}")
_SHOUTED: Final = re.compile("([!?.,\u2026\u17d4\u17d5])\\1+")
_BLANKS: Final = re.compile(r"\s+")
_BEFORE_RIEL: Final = re.compile("(?<=[0-9]) (?=\u17db)")
KEY_ROUNDS: Final = 4
_BEFORE: Final = {False: "(?<!\u17d2)", True: "(?<![\u1780-\u17d3])"}
_AFTER: Final = {False: f"(?!{_MARK})", True: "(?![\u1780-\u17d3])"}
_GROWTH_MAX: Final = 2


def _thin_out(found: re.Match[str]) -> str:
    kept, height = [], 0
    for character in found[0]:
        height = height + 1 if unicodedata.combining(character) else 0
        if height <= _PILE_MAX:
            kept.append(character)
    return "".join(kept)


@lru_cache(maxsize=8192)
def _in_order(cluster: str) -> str:
    """The cluster as pheasa writes it, without signs that stand twice. No syllable has more than 12 signs."""
    ordered = _SAME_SIGNS.sub(r"\1", cluster)
    if len(ordered) > _CLUSTER_MAX:
        ordered = ordered[:_CLUSTER_MAX].rstrip(_JOINERS)
    ordered = pheasa.normalize(ordered, zwsp="strip", fold_deprecated=True)
    while (single := _MARK_AGAIN.sub(r"\1\2", _SAME_SIGNS.sub(r"\1", ordered))) != ordered:
        ordered = pheasa.normalize(single, zwsp="strip", fold_deprecated=True)
    return ordered if ordered[-1] not in "\u17d2\u200d\u17dd" else cluster


STORING: Final[tuple[Step, ...]] = (
    Translate(table=_STORED),
    Replace(pattern=_PILE, by=_thin_out),
    Compose(form="NFC"),
    Replace(pattern=_CLUSTER, by=lambda found: _in_order(found[0][: 2 * _CLUSTER_MAX])),
    Replace(pattern=_BEFORE_LEK_TOO, by="\u17d7"),
)
"""What canonical() does, in this order."""


def canonical(text: str) -> str:
    """The text as it should be stored: what looks the same is the same, and nothing else changes. Idempotent."""
    return apply(STORING, text)


def match_key(text: str) -> str:
    """The text folded for comparing: lower case, ASCII digits, one spelling a word, no drawn-out letters. Lossy."""
    for _ in range(KEY_ROUNDS):
        key = apply(comparing(), text)
        if key == text:
            break
        text = key
    return text


@cache
def comparing() -> tuple[Step, ...]:
    """What match_key() does in one round, in this order; it goes round until nothing changes, or KEY_ROUNDS times."""
    pattern, spellings = _spellings()
    return (
        Replace(pattern=_PILE, by=_thin_out),
        Compose(form="NFKC", growth_max=_GROWTH_MAX),
        Lower(),
        Translate(table=_COMPARED),
        *STORING,
        Replace(pattern=_BLANKS, by=" "),
        Strip(),
        Replace(pattern=_COLON_IN_WORD, by="\u17c8"),
        Replace(pattern=_COLON_AT_END, by="\u17c7"),
        Replace(pattern=_O_AS_ZERO, by="0"),
        Replace(pattern=_TWO_AT_END, by="\u17d7"),
        Replace(pattern=_LONG_DRAWN, by=r"\1"),
        Replace(pattern=_SHOUTED, by=r"\1"),
        Replace(pattern=pattern, by=lambda found: spellings[found[0]]),
        Replace(pattern=_BEFORE_RIEL, by=""),
    )


@cache
def _spellings() -> tuple[re.Pattern[str], dict[str, str]]:
    """One pattern for all other spellings, the longest first, and what each of them becomes."""
    spellings = {
        _folded(other.strip("|")): _folded(form) for form, others in table("spellings").items() for other in others
    }
    bounds = {_folded(other.strip("|")): other for others in table("spellings").values() for other in others}
    after: dict[str, list[str]] = {}
    for other in spellings:
        edges = bounds[other].startswith("|"), bounds[other].endswith("|")
        after.setdefault(_BEFORE[edges[0]] + "{}" + _AFTER[edges[1]], []).append(other)
    pattern = "|".join(around.replace("{}", one_of(others)) for around, others in after.items())
    return re.compile(pattern), spellings


def _folded(word: str) -> str:
    return canonical(word).lower().translate(_COMPARED)
