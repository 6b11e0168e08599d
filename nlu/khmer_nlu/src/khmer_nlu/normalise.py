"""Brings Khmer text as phones produce it into one form: a canonical form to store, and a lossy key to compare.

The rules follow pheasa (Unicode Technical Note 61) and, where it stops, what people really type: see the tests' pairs.
"""

import re
import unicodedata
from functools import cache
from typing import Final

import pheasa

from khmer_nlu.tables import table

_INVISIBLE: Final = (0x00AD, 0x034F, 0x061C, 0x2060, 0xFEFF, 0x200E, 0x200F)
_INVISIBLE_RANGES: Final = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xFE00, 0xFE10))
_SPACES: Final = (0x00A0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_STORED: Final[dict[int, str | None]] = {
    **dict.fromkeys((*_INVISIBLE, *_INVISIBLE_RANGES)),
    **dict.fromkeys(_SPACES, " "),
}
_COMPARED: Final[dict[int, str | None]] = {
    **{0x17E0 + digit: str(digit) for digit in range(10)},
    0x200C: None,
    0x200D: None,
    0x17D3: "\u17c6",
    0x2019: "'",
}
_MARK: Final = "[\u17b6-\u17d1\u17d3\u17dd]"
_LETTER: Final = "[\u1780-\u17b3]"
_SAME_MARK: Final = re.compile(f"({_MARK})\\1+")
_MARK_AGAIN: Final = re.compile(f"({_MARK})({_MARK})\\1(?!{_MARK})")
_COENGS: Final = re.compile("\u17d2{2,}")
_BEFORE_LEK_TOO: Final = re.compile(" +(?=\u17d7)")

_COLON_IN_WORD: Final = re.compile(f"(?<={_LETTER}):(?={_LETTER})")
_COLON_AT_END: Final = re.compile("(?<=[\u17b6-\u17c5]):")
_TWO_AT_END: Final = re.compile("(?<=[\u1780-\u17d1])2(?![0-9.,%]|\\s*[\u1780-\u17b3])")
_O_AS_ZERO: Final = re.compile(r"(?<![a-z0-9])o(?=[0-9]{2})")
_LONG_DRAWN: Final = re.compile(r"([^\W\d_])\1{2,}")
_SHOUTED: Final = re.compile("([!?.,\u2026\u17d4\u17d5])\\1+")
_BLANKS: Final = re.compile(r"\s+")
_BEFORE_RIEL: Final = re.compile("(?<=[0-9]) +(?=\u17db)")


def canonical(text: str) -> str:
    """The text as it should be stored: what looks the same is the same, and nothing else changes. Idempotent."""
    for _ in range(4):
        changed = _canonical_once(text)
        if changed == text:
            break
        text = changed
    return text


def _canonical_once(text: str) -> str:
    text = text.translate(_STORED)
    text = _COENGS.sub("\u17d2", _SAME_MARK.sub(r"\1", text))
    text = pheasa.normalize(text, zwsp="strip", fold_deprecated=True)
    assert isinstance(text, str)  # noqa: S101 - report=False
    text = _MARK_AGAIN.sub(r"\1\2", _SAME_MARK.sub(r"\1", text))
    return _BEFORE_LEK_TOO.sub("", text)


def match_key(text: str) -> str:
    """The text folded for comparing: lower case, ASCII digits, one spelling a word, no drawn-out letters. Lossy."""
    key = unicodedata.normalize("NFKC", canonical(text)).lower().translate(_COMPARED)
    key = _COLON_IN_WORD.sub("\u17c8", key)
    key = _COLON_AT_END.sub("\u17c7", key)
    key = _TWO_AT_END.sub("\u17d7", _O_AS_ZERO.sub("0", key))
    key = _LONG_DRAWN.sub(r"\1", key)
    key = _SHOUTED.sub(r"\1", key)
    pattern, spellings = _spellings()
    key = pattern.sub(lambda found: spellings[found[0]], key)
    return _BEFORE_RIEL.sub("", _BLANKS.sub(" ", key)).strip()


@cache
def _spellings() -> tuple[re.Pattern[str], dict[str, str]]:
    """One pattern for all other spellings, the longest first, and what each of them becomes."""
    spellings = {
        _folded(other.strip("|")): _folded(form) for form, others in table("spellings").items() for other in others
    }
    bounds = {_folded(other.strip("|")): other for others in table("spellings").values() for other in others}
    parts = [
        ("(?<![\u1780-\u17d3])" if bounds[other].startswith("|") else "")
        + re.escape(other)
        + ("(?![\u1780-\u17d3])" if bounds[other].endswith("|") else f"(?!{_MARK})")
        for other in sorted(spellings, key=len, reverse=True)
    ]
    return re.compile("|".join(parts)), spellings


def _folded(word: str) -> str:
    return canonical(word).lower().translate(_COMPARED)
