"""Reads durations: a number and a unit, half a unit, two units that make one number."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from khmer_nlu.entities.lexer import Tokens
from khmer_nlu.entities.numbers import Number, read_number, starts_number

LONGEST: Final[Mapping[str, int]] = {"hour": 10_000, "day": 4_000, "week": 1_000, "month": 1_000, "year": 80}
_IN_SMALLER: Final[Mapping[tuple[str, str], int]] = {("year", "month"): 12, ("week", "day"): 7}


@dataclass(frozen=True, kw_only=True)
class Duration:
    """The tokens [first, last) as a duration; n is None where it is vague or impossible."""

    n: Fraction | None
    unit: str
    first: int
    last: int


def read_duration(tokens: Tokens, number: Number) -> Duration:
    """The duration of this number, behind which a unit stands.

    Years with months or halves become months, weeks with days become days. A month and ten days is no exact number of
    either, so it has no value.
    """
    n, unit, last = _with_half(tokens, number)
    while (smaller := _next_part(tokens, last)) is not None and is_shorter(tokens[smaller.last].value, unit):
        part, part_unit, last = _with_half(tokens, smaller)
        factor = _IN_SMALLER.get((unit, part_unit))
        n = n * factor + part if n is not None and part is not None and factor else None
        unit = part_unit
    if tokens.next_is(last, "vague"):
        n, last = None, last + 1
    if unit == "year" and n is not None and n.denominator > 1 and (12 * n).denominator == 1:
        n, unit = 12 * n, "month"
    if n is not None and not 0 < n <= LONGEST[unit]:
        n = None
    return Duration(n=n, unit=unit, first=number.first, last=last)


def _with_half(tokens: Tokens, number: Number) -> tuple[Fraction | None, str, int]:
    """A number with its unit, and half a unit more if that is said."""
    unit, last = tokens[number.last].value, number.last + 1
    if tokens.next_is(last, "half") and not tokens.next_is(last + 1, "unit"):
        return (None if number.value is None else number.value + Fraction(1, 2)), unit, last + 1
    return number.value, unit, last


def _next_part(tokens: Tokens, place: int) -> Number | None:
    """The number of a further unit: “1 year, 6 months”, “1 year and 6 months”."""
    if tokens.next_is(place, "joins"):
        place += 1
    if place >= len(tokens) or not starts_number(tokens, place) or tokens.gap(place) not in ("", " ", ", "):
        return None
    number = read_number(tokens, place)
    return number if tokens.next_is(number.last, "unit") else None


def is_shorter(unit: str, other: str) -> bool:
    """Whether one unit is shorter than the other; a piece is no unit of time."""
    units = list(LONGEST)
    return other in units and units.index(unit) < units.index(other)
