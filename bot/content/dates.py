"""Days as editors write them (2026-11-22) and as contacts read them (22-11-2026), the same digits in both languages."""

import re
from datetime import date
from typing import Final

from bot.content.model import AsOf

_AS_OF: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


def parse_as_of(text: str) -> AsOf:
    """The day, month or year of “2026-11-22”, “2026-11” or “2026”.

    Raises:
        ValueError: it is none of these.
    """
    match = _AS_OF.fullmatch(text)
    if not match:
        raise ValueError(text)
    year, month, day = match.groups()
    earliest = date(int(year), int(month or 1), int(day or 1))
    return AsOf(earliest=earliest, shown="-".join(str(int(part)) for part in (day, month, year) if part))


def parse_day(text: str) -> date:
    """The day of “2026-11-22”.

    Raises:
        ValueError: it is not a whole date.
    """
    if len(text) != len("2026-11-22"):
        raise ValueError(text)
    return parse_as_of(text).earliest


def show_day(day: date) -> str:
    """The day as D-M-YYYY."""
    return f"{day.day}-{day.month}-{day.year}"
