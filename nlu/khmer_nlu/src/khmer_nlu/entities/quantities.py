"""Reads amounts of money, durations and numbers of people: a number, and what stands round it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from khmer_nlu.entities.calendar import from_today
from khmer_nlu.entities.durations import Duration, is_shorter, read_duration
from khmer_nlu.entities.lexer import Tokens, words_of
from khmer_nlu.entities.model import Candidate, Kind, Rank, Value, plain
from khmer_nlu.entities.money import Cue, cue_before, is_money_spoken_of, is_of_next, per_after, read_money
from khmer_nlu.entities.numbers import MULTIPLIERS, Number, read_number, starts_number

PEOPLE_MAX: Final = 100_000
SUM_MIN: Final = 100


@dataclass
class _Cursor:
    """Where the reading stands: the next token, and the tokens [began, taken) of what was read last."""

    place: int = 0
    began: int = 0
    taken: int = 0
    aged: int = -1
    """Where the last age ended."""

    def take(self, first: int, last: int) -> None:
        """Goes on behind these tokens."""
        self.began, self.place, self.taken = first, last, last


def quantities(tokens: Tokens, today: date) -> Iterator[Candidate]:
    """All amounts, durations, numbers of people, times ago, and bare numbers, from left to right. Linear time."""
    cursor = _Cursor()
    while cursor.place < len(tokens):
        if not starts_number(tokens, cursor.place):
            cursor.place += 1
        elif _is_label(tokens, cursor):
            cursor.take(cursor.place, cursor.place + 1)
        else:
            yield _quantity(tokens, cursor, today)


def _is_label(tokens: Tokens, cursor: _Cursor) -> bool:
    """Whether this number only names something: the 5th, 8 o'clock, the month 3 before another number."""
    place = cursor.place
    if place - 1 < cursor.taken or not tokens.is_near(place):
        return False
    before = tokens[place - 1]
    if tokens.kind(place) == "ones":  # “month one”, and then a sum
        is_one = before.kind == "unit" and tokens[place].value == "1"
        return is_one and tokens.next_is(place + 1, "figure", "ones", "tens")
    if tokens.kind(place) != "figure":
        return False
    if before.kind == "ordinal" or (before.kind, before.value) == ("unit", "hour"):
        return not tokens.next_is(place + 1, "currency", "letter_currency", *MULTIPLIERS)
    return before.kind == "unit" and len(tokens[place].value) < 3 and tokens.next_is(place + 1, "figure")


def _quantity(tokens: Tokens, cursor: _Cursor, today: date) -> Candidate:
    number = read_number(tokens, cursor.place)
    cue = cue_before(tokens, number.first, cursor.taken, cursor.began)
    money = read_money(tokens, number, cue)
    if money is not None:
        cursor.take(number.first, money.last)
        return _candidate(tokens, "money", money.first, money.last, money.value, rank=Rank.SUM)
    if tokens.next_is(number.last, "unit"):
        duration = read_duration(tokens, number)
        cursor.take(number.first, _behind_period(tokens, duration))
        return _time(tokens, duration, cursor, today)
    cursor.take(number.first, number.last)
    if tokens.next_is(number.last, "month_from_now", "week_from_now", "year_from_now"):
        return _ago_in_one_word(tokens, number, cursor, today)
    if tokens.next_is(number.last, "people"):
        is_vague = tokens.next_is(number.last + 1, "vague")
        cursor.take(number.first, number.last + 1)
        if tokens.kind(number.first - 1) == "per" and tokens.is_near(number.first):
            return _candidate(tokens, "other", number.first, number.last + 1, None, rank=Rank.PEOPLE)  # for each person
        return _candidate(
            tokens, "count", number.first, number.last + 1, None if is_vague else _people(number), rank=Rank.PEOPLE
        )
    if tokens.next_is(number.last, "thing"):
        cursor.take(number.first, (per_after(tokens, number.last + 1) or ("", number.last + 1))[1])
        return _candidate(tokens, "other", number.first, number.last + 1, None, rank=Rank.THING)
    return _bare(tokens, number, cue, cursor)


def _bare(tokens: Tokens, number: Number, cue: Cue, cursor: _Cursor) -> Candidate:
    """A number without a unit: people if they stand before it, money if it speaks of it, else only a number."""
    if tokens.is_near(number.first) and tokens.kind(number.first - 1) == "people_first":
        return _candidate(tokens, "count", number.first - 1, number.last, _people(number), rank=Rank.PEOPLE_FIRST)
    per, last = per_after(tokens, number.last) or (cue.per, number.last)
    cursor.take(number.first, last)
    is_code = tokens.next_is(last, "letter_multiplier")  # 2m: metres? 20 k: thousand, or me?
    if number.value is None or is_code:
        return _candidate(tokens, "number", cue.first, last, None, rank=Rank.NUMBER)
    n = plain(number.value)
    if number.is_large or (n >= SUM_MIN and (per or is_money_spoken_of(tokens, number.first))):
        money = {"amount": n, "currency": None, "per": per}
        return _candidate(tokens, "money", cue.first, last, money, rank=Rank.SUM if per else Rank.BARE_SUM)
    return _candidate(tokens, "number", cue.first, last, {"n": n, "per": per}, rank=Rank.NUMBER)


def _people(number: Number) -> dict[str, int] | None:
    value = number.value
    if value is None or value.denominator > 1 or value > PEOPLE_MAX:
        return None
    return {"n": value.numerator}


def _behind_period(tokens: Tokens, duration: Duration) -> int:
    """Where “a day” ends after a duration: 12 hours a day are hours. Before a sum, the day is the sum's."""
    last, per = duration.last, per_after(tokens, duration.last)
    if per is None or not is_shorter(duration.unit, per[0]) or is_of_next(tokens, last, per[1]):
        return last
    return per[1]


def _time(tokens: Tokens, duration: Duration, cursor: _Cursor, today: date) -> Candidate:
    """A duration; or a date, if “ago” or “later” stands behind it; or neither, if it is an age."""
    first, last = duration.first, duration.last
    if tokens.next_is(last, "ago", "later"):
        sign = -1 if tokens.kind(last) == "ago" else 1
        iso = from_today(duration.n, duration.unit, sign, today) if duration.n is not None else None
        return _candidate(tokens, "date", first, last + 1, iso, rank=Rank.DATE)
    is_behind_age = tokens.kind(first - 1) == "age" and tokens.is_near(first)
    is_next_age = tokens.kind(first - 1) == "joins" and cursor.aged == first - 1
    if is_behind_age or is_next_age or tokens.next_is(last, "age"):
        cursor.aged = last
        return _candidate(tokens, "other", first, last, None, rank=Rank.DURATION)
    value = None if duration.n is None else {"n": plain(duration.n), "unit": duration.unit}
    return _candidate(tokens, "duration", first, last, value, rank=Rank.DURATION)


def _ago_in_one_word(tokens: Tokens, number: Number, cursor: _Cursor, today: date) -> Candidate:
    """“2 months-ago”, where “last month” is one token."""
    token = tokens[number.last]
    cursor.take(number.first, number.last + 1)
    unit = token.kind.partition("_")[0]
    is_from = tokens.word(number.first) in words_of("from_or_two")
    value: Fraction | None = number.value if token.value == "-1" and not is_from else None
    iso = from_today(value, unit, -1, today) if value is not None else None
    return _candidate(tokens, "date", number.first, number.last + 1, iso, rank=Rank.DATE)


def _candidate(tokens: Tokens, entity: Kind, first: int, last: int, value: Value | None, *, rank: Rank) -> Candidate:
    return Candidate(
        entity=entity,
        start=tokens[first].start,
        end=tokens[last - 1].end,
        value=value,
        rank=rank,
    )
