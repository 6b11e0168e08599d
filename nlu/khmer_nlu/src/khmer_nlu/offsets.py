"""The match key of a text with a map back: from where in the raw text each character of the key comes.

The steps are those of normalise.py, so the key is the same. A step that puts signs of a cluster in order, joins them,
or writes another spelling maps all it wrote to all it read; what it leaves alone keeps its place.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from khmer_nlu.normalise import KEY_ROUNDS, comparing
from khmer_nlu.steps import Compose, Lower, Replace, Step, Strip, Translate, apply_one

Piece = tuple[int, int, str]
"""What was written for text[start:end]."""

# Signs that are letters to Unicode and yet melt into the letter before: vowels and ends of Korean, vowels of India.
_MELTING: Final = frozenset(
    map(
        chr,
        (
            *range(0x1161, 0x1176),
            *range(0x11A8, 0x11C3),
            *(0x09BE, 0x09D7, 0x0B3E, 0x0B56, 0x0B57, 0x0BBE, 0x0BD7, 0x0CC2, 0x0CD5, 0x0CD6, 0x0D3E, 0x0D57),
            *(0x0DCF, 0x0DDF, 0x102E, 0x1B35, 0x11127, 0x1133E, 0x11357, 0x114B0, 0x114BA, 0x114BD, 0x115AF, 0x11930),
        ),
    )
)


@dataclass(frozen=True, kw_only=True)
class Traced:
    """A text, and for each of its characters the code points [start, end) of the raw text that it comes from.

    Both starts and ends never decrease.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where text[start:end], which is not empty, stands in the raw text."""
        return self.starts[start], self.ends[end - 1]


def trace_key(text: str) -> Traced:
    """The match key of a text, traced. Linear time, like match_key()."""
    traced = Traced(text=text, starts=range(len(text)), ends=range(1, len(text) + 1))
    for _ in range(KEY_ROUNDS):
        before = traced.text
        for step in comparing():
            traced = trace(step, traced)
        if traced.text == before:
            break
    return traced


def trace(step: Step, traced: Traced) -> Traced:
    """The text after one step, traced."""
    after = apply_one(step, traced.text)
    return traced if after == traced.text else rewritten(traced, after, _pieces(step, traced.text))


def rewritten(traced: Traced, after: str, pieces: Iterable[Piece]) -> Traced:
    """The text after these pieces were written, from left to right; between them it stayed as it was."""
    starts: list[int] = []
    ends: list[int] = []
    kept = 0
    for start, end, new in pieces:
        starts += traced.starts[kept:start]
        ends += traced.ends[kept:start]
        if start < end:
            starts += [traced.starts[start]] * len(new)
            ends += [traced.ends[end - 1]] * len(new)
        kept = end
    starts += traced.starts[kept:]
    ends += traced.ends[kept:]
    if len(starts) != len(after):  # never seen; coarse, and still true
        bounds = (traced.starts[0], traced.ends[-1])
        starts, ends = [bounds[0]] * len(after), [bounds[1]] * len(after)
    return Traced(text=after, starts=starts, ends=ends)


def _pieces(step: Step, text: str) -> Iterator[Piece]:
    match step:
        case Replace(pattern=pattern, by=by):
            for found in pattern.finditer(text):
                new = found.expand(by) if isinstance(by, str) else by(found)
                if new != found[0]:
                    yield found.start(), found.end(), new
        case Translate() | Lower():
            for place, character in enumerate(text):
                new = apply_one(step, character)
                if len(new) != 1:
                    yield place, place + 1, new
        case Compose():
            yield from _composed(step, text)
        case Strip():
            yield 0, len(text) - len(text.lstrip()), ""
            yield len(text.rstrip()), len(text), ""


def _composed(step: Compose, text: str) -> Iterator[Piece]:
    """The text cut where nothing can melt into what stands before."""
    start = 0
    for end in range(1, len(text) + 1):
        if end < len(text) and _melts(text[end]):
            continue
        new = unicodedata.normalize(step.form, text[start:end])
        if new != text[start:end]:
            yield start, end, new
        start = end


def _melts(character: str) -> bool:
    if character.isascii():
        return False
    first = unicodedata.normalize("NFKD", character)[0]
    return unicodedata.combining(first) > 0 or first in _MELTING
