"""A message as the entity finders read it: its match key, with figures as they were typed, and the way back."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from khmer_nlu.offsets import Traced, rewritten

BLANK: Final = "\x00"
"""Stands where other finders have found something."""
LOOKS_LIKE_FIGURE: Final = "\x01"
"""Stands for a sign that the key has made a figure of: 10³ is not 103, and 2½ is not 21/2."""
_LEK_TOO: Final = "\u17d7"
_SPACE_IN_KHMER: Final = re.compile("(?<=[\u1780-\u17dd]) (?=[\u1780-\u17dd])")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The text to look in, traced; spaces between Khmer letters are left out, people set them anywhere."""

    raw: str
    traced: Traced

    @property
    def text(self) -> str:
        """What to look in."""
        return self.traced.text


def read(raw: str, key: Traced) -> Reading:
    """The reading of a raw text and its traced match key."""
    figures = "".join(
        _as_typed(character, raw[key.starts[place] : key.ends[place]]) if _is_suspect(character) else character
        for place, character in enumerate(key.text)
    )
    traced = Traced(text=figures, starts=key.starts, ends=key.ends)
    closed = _SPACE_IN_KHMER.sub("", figures)
    if closed != figures:
        pieces = ((found.start(), found.end(), "") for found in _SPACE_IN_KHMER.finditer(figures))
        traced = rewritten(traced, closed, pieces)
    return Reading(raw=raw, traced=traced)


def blanked(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with these spans, which are in order, blanked out: as long as before."""
    parts, kept = [], 0
    for start, end in spans:
        if start >= kept:
            parts += [text[kept:start], BLANK * (end - start)]
            kept = end
    return "".join([*parts, text[kept:]])


def _is_suspect(character: str) -> bool:
    return character.isdecimal() or character == _LEK_TOO


def _as_typed(character: str, raw: str) -> str:
    """The figure that was typed: 2 where the key has a repetition sign for it, ASCII for other scripts' figures."""
    if character == _LEK_TOO:
        return "2" if len(raw) == 1 and unicodedata.decimal(raw, 0) == 2 else character
    typed = [sign for sign in raw if sign.isdecimal() or sign in "oO\uff2f\uff4f"]
    return str(unicodedata.decimal(character)) if typed else LOOKS_LIKE_FIGURE
