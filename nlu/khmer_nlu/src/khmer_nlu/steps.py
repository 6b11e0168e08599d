"""The small steps that change a text, as values: done to a plain text here, and with a map of places in offsets.py."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Replace:
    """Puts something else for each match; by is a template of re, or a function."""

    pattern: re.Pattern[str]
    by: str | Callable[[re.Match[str]], str]


@dataclass(frozen=True, kw_only=True)
class Translate:
    """Puts something else for single characters, or nothing."""

    table: Mapping[int, str | None]


@dataclass(frozen=True, kw_only=True)
class Compose:
    """Brings the text into a Unicode normal form, unless that makes it more than growth_max times as long."""

    form: Literal["NFC", "NFKC"]
    growth_max: int | None = None


@dataclass(frozen=True)
class Lower:
    """Makes all letters small."""


@dataclass(frozen=True)
class Strip:
    """Takes blanks off both ends."""


Step = Replace | Translate | Compose | Lower | Strip


def apply(steps: Iterable[Step], text: str) -> str:
    """The text after these steps, in their order."""
    for step in steps:
        text = apply_one(step, text)
    return text


def apply_one(step: Step, text: str) -> str:
    """The text after one step."""
    match step:
        case Replace(pattern=pattern, by=by):
            return pattern.sub(by, text)
        case Translate(table=table):
            return text.translate(table)
        case Compose(form=form, growth_max=growth_max):
            composed = unicodedata.normalize(form, text)
            # Single signs that stand for whole sentences.
            return text if growth_max and len(composed) > growth_max * len(text) else composed
        case Lower():
            return text.lower()
        case Strip():
            return text.strip()
