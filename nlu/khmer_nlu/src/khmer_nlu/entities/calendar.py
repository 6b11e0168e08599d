"""Reckons with days, months and years: what is possible, what is the nearest past, what Buddhist years are."""

import re
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

BUDDHIST: Final = 543
_BUDDHIST_YEARS: Final = range(2483, 2601)
_YEARS: Final = range(1940, 2058)
_SHORT_PAST: Final = 20
_YEAR: Final = re.compile("[0-9]{4}")
_SHORT_YEAR: Final = re.compile("[0-9]{2}")
_DAY_OR_MONTH: Final = re.compile("[0-9]{1,2}")
_DAYS: Final = {"day": 1, "week": 7}
_LEAP: Final = 8


def parse_year(written: str, today: date, *, short: bool) -> int | None:
    """A year of our era: 2026, the Buddhist 2569; with short also 26 and 69, which no other year can mean."""
    if _YEAR.fullmatch(written):
        year = int(written)
        year = year - BUDDHIST if year in _BUDDHIST_YEARS else year
        return year if year in _YEARS else None
    if short and _SHORT_YEAR.fullmatch(written):
        ours = today.year - today.year % 100 + int(written)
        buddhist = ours + 500 - BUDDHIST
        for year in (ours, buddhist):
            if today.year - _SHORT_PAST <= year <= today.year + 1:
                return year
    return None


def parse_day(written: str) -> int | None:
    """A day of a month, 1 to 31."""
    return int(written) if _DAY_OR_MONTH.fullmatch(written) and 1 <= int(written) <= 31 else None


def parse_month(written: str) -> int | None:
    """A month as a figure, 1 to 12."""
    return int(written) if _DAY_OR_MONTH.fullmatch(written) and 1 <= int(written) <= 12 else None


def full_date(year: int | None, month: int | None, day: int | None) -> str | None:
    """YYYY-MM-DD, if there is such a day."""
    if year is None or month is None or day is None:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def month_of_year(year: int, month: int) -> str:
    """YYYY-MM."""
    return f"{year:04}-{month:02}"


def nearest_past_month(month: int, today: date) -> str:
    """The last such month, this one included."""
    return month_of_year(today.year if month <= today.month else today.year - 1, month)


def next_month(month: int, today: date) -> str:
    """The next such month, this one excluded."""
    return month_of_year(today.year if month > today.month else today.year + 1, month)


def nearest_past_day(month: int, day: int, today: date) -> str | None:
    """The last such day, today included; a 29 February up to eight years ago."""
    for year in range(today.year, today.year - _LEAP - 1, -1):
        iso = full_date(year, month, day)
        if iso and iso <= today.isoformat():
            return iso
        if iso is None and (month, day) != (2, 29):
            return None
    return None


def from_today(n: Fraction, unit: str, sign: int, today: date) -> dict[str, object] | None:
    """The date n units before (sign -1) or after today, as exact as the unit is; None for hours and halves."""
    if unit == "year" and n.denominator > 1:
        n, unit = 12 * n, "month"
    if n.denominator > 1 or unit == "hour":
        return None
    count = sign * n.numerator
    try:
        if unit in _DAYS:
            return {"iso": (today + timedelta(days=count * _DAYS[unit])).isoformat()}
        if unit == "month":
            months = today.year * 12 + today.month - 1 + count
            return {"iso": month_of_year(months // 12, months % 12 + 1)} if months // 12 in _YEARS else None
        return {"iso": f"{today.year + count:04}"} if today.year + count in _YEARS else None
    except OverflowError:
        return None
