"""Finds many words in one text at once: words that begin alike share a branch of one pattern. None is tried twice."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_END: Final = ""
_Node = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Finds every occurrence of every word, overlapping ones too.

    pattern: the longest word from a place on; beginnings: all words that a word begins with, itself among them.
    """

    pattern: re.Pattern[str]
    beginnings: Mapping[str, tuple[str, ...]]

    def find(self, text: str) -> dict[str, list[int]]:
        """Each word that stands in the text, and where it starts, in order."""
        found: dict[str, list[int]] = {}
        for match in self.pattern.finditer(text):
            for word in self.beginnings[match[1]]:
                found.setdefault(word, []).append(match.start())
        return found


def finder(words: Iterable[str]) -> Finder:
    """The finder of these words; none of them may be empty."""
    known = frozenset(words)
    return Finder(
        pattern=re.compile(f"(?=({one_of(known)}))"),
        beginnings={word: tuple(word[:n] for n in range(1, len(word) + 1) if word[:n] in known) for word in known},
    )


def one_of(words: Iterable[str]) -> str:
    """A regular expression for the longest of these words; for none at all, one that never matches."""
    trie: _Node = {}
    for word in words:
        node = trie
        for character in word:
            node = node.setdefault(character, {})
        node[_END] = None
    return _pattern(trie) if trie else "(?!)"


def _pattern(node: _Node) -> str:
    branches = [re.escape(character) + _pattern(rest) for character, rest in sorted(node.items()) if character != _END]
    if len(branches) == 1 and _END not in node:
        return branches[0]
    return f"(?:{'|'.join(branches)})" + ("?" if _END in node else "") if branches else ""
