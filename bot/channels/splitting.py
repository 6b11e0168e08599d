"""Cuts long texts where a reader would pause, and never inside a letter with its signs. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_COENG: Final = "\u17d2"
_JOINER: Final = "\u200d"
_PLACES: Final = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[\u17d4\u17d5\u17d6?!.])[»”\")]*\s+|(?<=[\u17d4\u17d5])"),
    re.compile("[ \t\u200b]+"),
)
"""Between paragraphs, lines, sentences, words: the first kind of place that is found is taken."""
_LONGEST_CLUSTER: Final = 64


def utf16_length(text: str) -> int:
    """The length as Telegram counts it."""
    return len(text) + sum(character > "\uffff" for character in text)


def split_text(text: str, max_units: int) -> list[str]:
    """The text in parts of at most so many UTF-16 units (4 or more), none of them blank, in order."""
    return [part for part in (part.strip() for part in _cut(text, max_units)) if part]


def _cut(text: str, max_units: int) -> Iterator[str]:
    rest = text
    while utf16_length(rest) > max_units:
        at = _place(rest, _fitting(rest, max_units))
        yield rest[:at]
        rest = rest[at:].lstrip()
    yield rest


def _fitting(text: str, max_units: int) -> int:
    """How many characters of the text fit."""
    units = 0
    for at, character in enumerate(text):
        units += 2 if character > "\uffff" else 1
        if units > max_units:
            return at
    return len(text)


def _place(text: str, most: int) -> int:
    """Where to cut a text of which so many characters fit: not in its first half, unless there is no better place."""
    for kind in _PLACES:
        ends = [match.end() for match in kind.finditer(text, most // 2, most) if may_cut(text, match.end())]
        if ends:
            return ends[-1]
    for at in range(most, max(most - _LONGEST_CLUSTER, 0), -1):
        if may_cut(text, at):
            return at
    return most


def may_cut(text: str, at: int) -> bool:
    """Whether the text can be cut before this place without tearing a letter from its signs."""
    if not 0 < at < len(text):
        return True
    before, after = text[at - 1], text[at]
    joined = before in (_COENG, _JOINER) or after == _JOINER or unicodedata.category(after) in ("Mn", "Mc", "Me")
    tone = "\U0001f3fb" <= after <= "\U0001f3ff"
    flag = _is_flag(before) and _is_flag(after) and _flags_before(text, at) % 2 == 1
    return not (joined or tone or flag or (before == "\r" and after == "\n"))


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, at: int) -> int:
    count = 0
    while count < at and _is_flag(text[at - 1 - count]):
        count += 1
    return count


def clusters(text: str) -> int:
    """How many letters with their signs the text has: how wide it is, roughly."""
    return sum(may_cut(text, at) for at in range(len(text)))
