"""Cuts a match key into orthographic clusters, and into words."""

import re
from typing import Final

import khmercut

_CLUSTER: Final = re.compile(
    "[\u1780-\u17b3](?:\u17d2[\u1780-\u17b3])*[\u17b6-\u17d1\u17d3\u17dd]*|[a-z']+|[0-9]+|[^\\s\u1780-\u17dd]"
)
_PIECE: Final = re.compile("[\u1780-\u17dd]+|[a-z']+|[0-9]+|[\u0e00-\u0e7f]+")
_RAW_PIECE: Final = re.compile(
    "[\u1780-\u17dd]+|[\u0e00-\u0e4f]+|\\d+|[^\\W\\d\u1780-\u17dd\u0e00-\u0e4f]+|[^\\s\u200b]"
)
_SPACE_IN_KHMER: Final = re.compile("(?<=[\u1780-\u17dd]) +(?=[\u1780-\u17dd])")


def close_up(key: str) -> str:
    """The key without the spaces between Khmer letters: people set them anywhere."""
    return _SPACE_IN_KHMER.sub("", key)


def clusters(key: str) -> list[str]:
    """Orthographic clusters (a letter, its subscripts, its marks); Latin words and numbers stay whole."""
    return _CLUSTER.findall(key)


def words(key: str) -> list[str]:
    """Words: Khmer as khmercut's CRF cuts it, anything else at its edges. Give it a closed-up key."""
    found: list[str] = []
    for piece in _PIECE.findall(key):
        found.extend(khmercut.tokenize(piece) if "\u1780" <= piece[0] <= "\u17dd" else (piece,))
    return found


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words, numbers and signs of a raw text stand: (start, end) in code points, end exclusive."""
    spans: list[tuple[int, int]] = []
    for piece in _RAW_PIECE.finditer(text):
        start = piece.start()
        for word in khmercut.tokenize(piece[0]) if "\u1780" <= piece[0][0] <= "\u17dd" else (piece[0],):
            spans.append((start, start + len(word)))
            start += len(word)
    return spans
