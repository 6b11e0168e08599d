"""What an entity is. Values are JSON-able; docs/architecture.md lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, auto
from fractions import Fraction
from typing import Any, Final, Literal, get_args

EntityName = Literal["money", "duration", "date", "count", "phone", "province", "district", "sector", "yesno"]
Slot = EntityName
SLOTS: Final[tuple[Slot, ...]] = get_args(EntityName)
Value = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Entity:
    """Something a message mentions: raw is text[start:end], in code points of the raw text."""

    entity: EntityName
    start: int
    end: int
    raw: str
    value: Value

    def to_json(self) -> dict[str, Any]:
        """In the form of `returnee-bot parse`."""
        return {
            "entity": self.entity,
            "start": self.start,
            "end": self.end,
            "raw": self.raw,
            "value": dict(self.value),
        }


Kind = EntityName | Literal["number", "other"]
"""What a stretch of text may be: an entity, a number without a unit, or a number of other things."""


class Rank(IntEnum):
    """Which of two candidates that overlap stays: the one named first here."""

    NAMED = auto()
    SUM = auto()
    DATE = auto()
    DURATION = auto()
    PEOPLE = auto()
    PEOPLE_FIRST = auto()
    BARE_SUM = auto()
    NUMBER = auto()
    THING = auto()
    SECTOR = auto()
    YESNO = auto()


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Something that may become an entity: text[start:end] of a reading.

    value: None where the words are of this kind but say nothing definite: vague, or impossible. They belong to no
    other kind then. rank: where two overlap, the lower rank stays.
    """

    entity: Kind
    start: int
    end: int
    value: Value | None
    rank: Rank


def plain(number: Fraction) -> int | float:
    """The number as JSON has it."""
    return number.numerator if number.denominator == 1 else float(number)
