"""Reads dates: written in figures, with the names of months, or told from today. Always day first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from khmer_nlu.entities.calendar import (
    from_today,
    full_date,
    month_of_year,
    nearest_past_day,
    nearest_past_month,
    next_month,
    parse_day,
    parse_month,
    parse_year,
)
from khmer_nlu.entities.lexer import Tokens, words_of
from khmer_nlu.entities.model import Candidate, Rank

_FIGURES: Final = re.compile("[0-9]+")
_SAME_SIGN: Final = re.compile(r"[0-9]+(?: ?([/.\u2013-]) ?)[0-9]+(?:(?: ?\1 ?)[0-9]+)?")
_DAYS: Final = re.compile("[0-9]{1,2} ?[~\u2013-] ?[0-9]{1,2}")
_GAPS: Final = ("", " ", ",", ", ", ".", ". ", " of ")
_FROM_NOW: Final = {"month_from_now": "month", "year_from_now": "year"}


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The tokens [first, last) as a date; no value where there is no such day or month."""

    iso: str | None
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Dates:
    """Finds dates in tokens. is_asked: a date was asked for, so that 2025 and 5/1 are dates too."""

    tokens: Tokens
    today: date
    is_asked: bool

    def find(self) -> Iterator[Candidate]:
        """All dates, from left to right. Linear time: each place looks a few tokens ahead."""
        place = 0
        while place < len(self.tokens):
            found = self._read(place)
            if found is None:
                place += 1
                continue
            place = found.last
            yield Candidate(
                entity="date",
                start=self.tokens[found.first].start,
                end=self.tokens[found.last - 1].end,
                value=None if found.iso is None else {"iso": found.iso},
                rank=Rank.DATE,
            )

    def _read(self, place: int) -> _Found | None:
        match self.tokens.kind(place):
            case "figure" | "unit" | "ordinal" | "month":
                return self._read_written(place)
            case "day":
                iso = from_today(Fraction(int(self.tokens[place].value)), "day", 1, self.today)
                return _Found(iso=str(iso["iso"]) if iso else None, first=place, last=place + 1)
            case "month_from_now" | "year_from_now":
                return self._read_from_now(place)
            case _:
                return None

    def _read_from_now(self, place: int) -> _Found | None:
        if self.tokens.is_near(place) and self.tokens.word(place - 1) in words_of("from_or_two"):
            return None
        if self.tokens.kind(place - 1) == "vague" and self.tokens.is_near(place):
            return _Found(iso=None, first=place - 1, last=place + 1)
        unit = _FROM_NOW[self.tokens.kind(place)]
        iso = from_today(Fraction(int(self.tokens[place].value)), unit, 1, self.today)
        return _Found(iso=str(iso["iso"]) if iso else None, first=place, last=place + 1)

    def _read_written(self, first: int) -> _Found | None:
        """A date that is written out: in one figure, from the day on, from the month on, or a year."""
        if self.tokens.kind(first) == "unit" and self._is_behind_number(first):
            return None  # “3 months …” is a duration
        place, is_day = first, False
        while place < first + 2 and (self.tokens.kind(place) == "ordinal" or self._is_unit(place, "day")):
            if place > first and not self._is_close(place):
                return None
            place, is_day = place + 1, True
        if self.tokens.kind(place) == "figure" and (place == first or self._is_close(place)):
            found = self._read_figure(first, place, is_day=is_day)
            return found or self._read_from_day(first, place, is_day=is_day)
        if is_day:
            return None
        return self._read_from_month(first) or self._read_year(first)

    def _is_behind_number(self, place: int) -> bool:
        if self.tokens.kind(place - 1) not in ("figure", "ones", "tens") or not self.tokens.is_near(place):
            return False
        may_be_from = self.tokens.word(place - 1) in words_of("from_or_two")
        return not (may_be_from and self.tokens.kind(place + 1) in ("month", "figure"))

    def _read_figure(self, first: int, place: int, *, is_day: bool) -> _Found | None:
        """5/1/2026, 2026-01-05, 3/2025; 5/1 and 2025 where a date is asked for."""
        written = self.tokens[place].value
        parts, same = _FIGURES.findall(written), _SAME_SIGN.fullmatch(written)
        if len(parts) == 1 and self.is_asked and len(self.tokens) == 1:
            year = parse_year(written, self.today, short=False)
            return _Found(iso=str(year), first=first, last=place + 1) if year else None
        if not same or any(len(part) > 4 for part in parts):
            return None
        if len(parts) == 3:
            return self._read_three(parts, first, place)
        if len(parts) != 2 or same[1] == "." or self.tokens.next_is(place + 1, "unit", "currency", "people"):
            return None
        month, year = parse_month(parts[0]), parse_year(parts[1], self.today, short=False)
        if month and year:
            return _Found(iso=month_of_year(year, month), first=first, last=place + 1)
        if same[1] == "/" and (self.is_asked or is_day):
            day, month = parse_day(parts[0]), parse_month(parts[1])
            iso = nearest_past_day(month, day, self.today) if day and month else None
            return _Found(iso=iso, first=first, last=place + 1)
        return None

    def _read_three(self, parts: list[str], first: int, place: int) -> _Found | None:
        if all(len(part) == 3 for part in parts[1:]):
            return None  # 15.000.000
        if len(parts[0]) == 4:
            parts = parts[::-1]
        year = parse_year(parts[2], self.today, short=True)
        iso = full_date(year, parse_month(parts[1]), parse_day(parts[0]))
        return _Found(iso=iso, first=first, last=place + 1)

    def _read_from_day(self, first: int, place: int, *, is_day: bool) -> _Found | None:
        """5 January 2026; day 5 month 1 year 2026; the 5th of this month."""
        written = self.tokens[place].value
        day, end = parse_day(written), place + 1
        if day is None and not _DAYS.fullmatch(written):
            return None
        if self.tokens.next_is(end, "ordinal"):
            end += 1
        if self.tokens.kind(end) == "month_from_now" and self._is_close(end) and is_day:
            iso = from_today(Fraction(int(self.tokens[end].value)), "month", 1, self.today)
            in_month = date.fromisoformat(f"{iso['iso']}-01") if iso else self.today
            return _Found(iso=full_date(in_month.year, in_month.month, day), first=first, last=end + 1)
        has_word = self._is_unit(end, "month") and self._is_close(end)
        at = end + 1 if has_word else end
        if not self._is_close(at):
            return None
        year, last = self._year_after(at + 1)
        month = self._month_at(at, figures=has_word and (is_day or self.is_asked or year is not None))
        if month is None:
            return None
        if year is None:
            past = nearest_past_day(month, day, self.today) if day else None
            return _Found(iso=past, first=first, last=at + 1)
        return _Found(iso=full_date(year, month, day), first=first, last=last)

    def _read_from_month(self, first: int) -> _Found | None:
        """January, month 1, January 2026, January 5, 2026."""
        has_word = self._is_unit(first, "month")
        place = first + 1 if has_word else first
        if has_word and not self.tokens.is_near(place):
            return None
        if has_word and self._is_impossible_month(place):
            return _Found(iso=None, first=first, last=place + 1)
        month = self._month_at(place, figures=has_word)
        if month is None or (has_word and self._is_counted(place)):
            return None
        if (
            self.tokens.kind(place) == "month"
            and self.tokens.word(place).isascii()
            and (found := self._us(first, place))
        ):
            return found
        year, last = self._year_after(place + 1)
        if year is not None:
            return _Found(iso=month_of_year(year, month), first=first, last=last)
        if self.tokens.kind(first - 1) == "coming" and self.tokens.is_near(first):
            return _Found(iso=next_month(month, self.today), first=first - 1, last=place + 1)
        if not has_word and self.tokens.word(place) in words_of("other_words_too") and not self._is_all(place):
            return None
        if self.tokens.next_is(place + 1, "later"):
            return _Found(iso=next_month(month, self.today), first=first, last=place + 2)
        return _Found(iso=nearest_past_month(month, self.today), first=first, last=place + 1)

    def _us(self, first: int, place: int) -> _Found | None:
        """January 5, 2026; January 5."""
        at = place + 1
        if self.tokens.kind(at) != "figure" or not self._is_close(at):
            return None
        day, month = parse_day(self.tokens[at].value), self._month_at(place, figures=False)
        if day is None or month is None or self._is_counted(at):
            return None
        at = at + 2 if self.tokens.next_is(at + 1, "ordinal") else at + 1
        year, last = self._year_after(at)
        if year is None:
            return _Found(iso=nearest_past_day(month, day, self.today), first=first, last=at)
        return _Found(iso=full_date(year, month, day), first=first, last=last)

    def _read_year(self, first: int) -> _Found | None:
        """Year 2025."""
        if not self._is_unit(first, "year"):
            return None
        year, last = self._year_after(first)
        return None if year is None else _Found(iso=f"{year:04}", first=first, last=last)

    def _year_after(self, place: int) -> tuple[int | None, int]:
        """The year from this token on, and where it ends: 2026, B.E. 2569, last year; 26 only if “year” is said."""
        at, named = place, False
        if self._is_unit(at, "year") and (at == place or self._is_close(at)):
            at, named = at + 1, True
        elif self.tokens.kind(at) == "year_from_now" and self._is_close(at):
            return self.today.year + int(self.tokens[at].value), at + 1
        if self.tokens.kind(at) in ("era", "ordinal") and self._is_close(at):
            at += 1
        if self.tokens.kind(at) != "figure" or not self._is_close(at) or self._is_counted(at):
            return None, place
        return parse_year(self.tokens[at].value, self.today, short=named), at + 1

    def _month_at(self, place: int, *, figures: bool) -> int | None:
        if self.tokens.kind(place) == "month":
            return int(self.tokens[place].value)
        return parse_month(self.tokens[place].value) if figures and self.tokens.kind(place) == "figure" else None

    def _is_impossible_month(self, place: int) -> bool:
        written = self.tokens[place].value if self.tokens.kind(place) == "figure" else ""
        return (
            len(written) == 2 and written.isdecimal() and parse_month(written) is None and not self._is_counted(place)
        )

    def _is_counted(self, place: int) -> bool:
        """Whether this figure belongs to a unit or a currency behind it; the word year before a year does not count."""
        behind = place + 1
        if self._is_unit(behind, "year"):
            named = self.tokens[behind + 1].value if self.tokens.kind(behind + 1) == "figure" else ""
            return parse_year(named, self.today, short=True) is None and self.tokens.is_near(behind)
        return self.tokens.next_is(behind, "unit", "currency", "people", "thing", "multiplier", "letter_currency")

    def _is_all(self, place: int) -> bool:
        return self.is_asked and len(self.tokens) == 1

    def _is_unit(self, place: int, unit: str) -> bool:
        return self.tokens.kind(place) == "unit" and self.tokens[place].value == unit

    def _is_close(self, place: int) -> bool:
        return 0 < place < len(self.tokens) and self.tokens.gap(place) in _GAPS
