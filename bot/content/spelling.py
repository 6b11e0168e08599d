"""How texts must be written: no hidden characters, Khmer letters in their one right order, no English left in Khmer.

Two Khmer spellings can look the same and still be different letters to a search, a font or a screen reader.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pheasa import validate

from bot.model import Language
from khmer_nlu.normalise import canonical

_HIDDEN: Final = {
    "\t": "a tab",
    "\u00a0": "a no-break space",
    "\u00ad": "a hidden hyphen",
    "\u200b": "a hidden space",
    "\u200e": "a hidden direction mark",
    "\u200f": "a hidden direction mark",
    "\u2028": "a hidden line break",
    "\u2029": "a hidden line break",
    "\u202f": "a narrow space",
    "\u2060": "a hidden joiner",
    "\ufeff": "a hidden mark",
    "\ufffd": "the sign for a lost letter",
    "\u25cc": "a dotted circle",
}
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_JOINED_KHMER: Final = re.compile("[\u1780-\u17ff]\u200d|\u200d[\u1780-\u17ff]")  # emoji may hold joiners
_AGAIN: Final = "Delete it and type the words around it again."
_KHMER: Final = re.compile("[\u1780-\u17ff]")
_NOT_WORDS: Final = re.compile(r"\{[^{}]*\}|https?://\S+|www\.\S+|\S+@\S+|\S+\.(?:com|org|net|gov|kh|th)\b\S*|@\w+")
_LATIN: Final = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_ALLOWED: Final = frozenset(["app", "apps", "cm", "email", "km", "kg", "online", "wifi"])
_IN_NAMES: Final = frozenset(["and", "for", "in", "of", "on", "the", "to"])
"""Small words that names such as “Ship to Shore Rights” hold."""


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """What is wrong with one line of a text; line counts from 0."""

    line: int
    problem: str
    fix: str


def flaws(text: str, language: Language) -> tuple[Flaw, ...]:
    """All that is wrong with how the text is written."""
    return tuple(
        Flaw(line=number, problem=problem, fix=fix)
        for number, line in enumerate(text.split("\n"))
        for problem, fix in (*(tuple(_hidden(line)) or _spelling(line)), *(_english(line) if language == "km" else ()))
    )


def _hidden(line: str) -> Iterator[tuple[str, str]]:
    for character, name in _HIDDEN.items():
        if character in line:
            yield f"Here is {name} (U+{ord(character):04X}).", _AGAIN
    for control in sorted(set(_CONTROL.findall(line))):
        yield f"Here is a hidden character (U+{ord(control):04X}).", _AGAIN
    if _JOINED_KHMER.search(line):
        yield "Here is a hidden joiner (U+200D).", _AGAIN


@lru_cache(maxsize=20_000)  # a reload looks at every line, an editor changes one
def _spelling(line: str) -> tuple[tuple[str, str], ...]:
    if not _KHMER.search(line):
        return ()
    right = canonical(line)
    if right != line:
        wrong, mended = _first_difference(line, right)
        return ((f"“{wrong}” is typed in a way that some phones can not show or find.", f"Copy this: {mended}"),)
    return tuple(
        (f"“{line[max(0, issue.start - 3) : issue.end + 2]}” holds a sign without its letter.", "Type the word again.")
        for issue in validate(line)[:1]
    )


def _first_difference(line: str, right: str) -> tuple[str, str]:
    """The words around the first place where two lines differ."""
    before, after = line.split(" "), right.split(" ")
    if len(before) != len(after):
        return line, right
    return next((pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]), (line, right))


def _english(line: str) -> Iterator[tuple[str, str]]:
    left = [word for word in _LATIN.findall(_NOT_WORDS.sub(" ", line)) if word.islower() and word not in _ALLOWED]
    left = [word for word in left if len(word) > 1]
    if not _IN_NAMES.issuperset(left):
        problem = f"English words are left here: “{' '.join(left[:5])}”."
        yield problem, "Write them in Khmer. Names may stay, with a capital letter."
