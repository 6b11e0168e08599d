"""Reads amounts of money: which currency stands by a number, and per what it is paid."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from khmer_nlu.entities.lexer import Tokens, words_of
from khmer_nlu.entities.numbers import Number, read_number, starts_number

AMOUNT_MAX: Final = 10**12
_NEAR: Final = ("", " ", ". ", ", ", ": ", " of ")
_PER_UNITS: Final = ("hour", "day", "month")
_FILLERS_MAX: Final = 3
_CUE_DISTANCE: Final = 16
_ONE_KINDS: Final = ("ones", "figure", "article")
_NUMERIC: Final = ("ones", "tens", "figure", "multiplier")


@dataclass(frozen=True, kw_only=True)
class Cue:
    """What stands before a number, from the token `first` on: a currency, and per what is paid."""

    first: int
    currency: str | None
    per: str | None


@dataclass(frozen=True, kw_only=True)
class Money:
    """The tokens [first, last) as an amount; no value where it is vague, or in two currencies."""

    value: dict[str, Any] | None
    first: int
    last: int


def cue_before(tokens: Tokens, first: int, taken: int, began: int) -> Cue:
    """What is said before the number at `first`.

    The tokens [began, taken) belong to what was read last; only if that is “one month” it may be a period of this.
    """
    place, currency = first, None
    if place > taken and tokens.is_near(place) and _is_currency_first(tokens, place - 1):
        place -= 1
        currency = tokens[place].value
    start = place
    for _ in range(_FILLERS_MAX):
        if tokens.kind(start - 1) not in ("filler", "about") or tokens.gap(start) not in _NEAR:
            break
        start -= 1
    near = start > 0 and tokens.gap(start) in _NEAR
    period = _period_before(tokens, start, has_filler=start < place) if near else None
    is_free = period is not None and (period[0] >= taken or period[0] in (began, began - 1))
    if period is None or not is_free:
        return Cue(first=place, currency=currency, per=None)
    return Cue(first=period[0], currency=currency, per=period[1])


def _is_currency_first(tokens: Tokens, place: int) -> bool:
    return tokens.kind(place) == "currency" and tokens.word(place) in words_of("currency_first")


def _period_before(tokens: Tokens, end: int, *, has_filler: bool) -> tuple[int, str] | None:
    """Where a period that ends before the token `end` begins, and its unit: “one day”, “in a day”, “day one”, “day”."""
    last = end - 1
    kind, per = tokens.kind(last), tokens[last].value
    if kind == "salary":
        return None if tokens.kind(last - 1) == "owe" else (last, per)
    if kind == "rate":
        return (last, per) if per in _PER_UNITS else None
    if _is_one(tokens, last) and tokens.is_near(last) and tokens.kind(last - 1) == "unit":
        last, per = last - 1, tokens[last - 1].value
        return (last, per) if per in _PER_UNITS else None
    if kind != "unit" or per not in _PER_UNITS:
        return None
    if tokens.is_near(last) and _is_one(tokens, last - 1):
        last -= 1
        if tokens.is_near(last) and tokens.kind(last - 1) in _NUMERIC:
            return None
        return (last - 1 if tokens.is_near(last) and tokens.kind(last - 1) == "per" else last), per
    if tokens.is_near(last) and tokens.kind(last - 1) == "per":
        return last - 1, per
    return (last, per) if not has_filler and per != "month" else None


def _is_one(tokens: Tokens, place: int) -> bool:
    return tokens.kind(place) in _ONE_KINDS and tokens[place].value == "1"


def read_money(tokens: Tokens, number: Number, cue: Cue) -> Money | None:
    """The amount of this number; None if no currency stands by it."""
    currencies = [cue.currency] if cue.currency else []
    place = number.last
    while (currency := _currency_at(tokens, place)) is not None:
        currencies.append(currency)
        place += 1
    if not currencies:
        return None
    value = number.value
    if tokens.next_is(place, "vague"):
        value, place = None, place + 1
    after = per_after(tokens, place)
    if after is not None and is_of_next(tokens, place, after[1]):
        after = None
    per, last = after if after is not None else (cue.per, place)
    amount = _amount(value, currencies, per)
    return Money(value=amount, first=cue.first, last=last)


def _amount(value: Fraction | None, currencies: list[str], per: str | None) -> dict[str, Any] | None:
    if value is None or len(set(currencies)) > 1 or value > AMOUNT_MAX:
        return None
    amount = value.numerator if value.denominator == 1 else float(value)
    return {"amount": amount, "currency": currencies[0], "per": per}


def _currency_at(tokens: Tokens, place: int) -> str | None:
    if tokens.next_is(place, "currency"):
        return tokens[place].value
    if tokens.kind(place) == "letter_currency" and tokens.gap(place) == "":
        return tokens[place].value
    return None


def per_after(tokens: Tokens, place: int) -> tuple[str, int] | None:
    """Per what the amount before `place` is paid, and where that ends: “/day”, “a month”, “in one day”, “monthly”."""
    if tokens.next_is(place, "rate") and tokens[place].value in _PER_UNITS:
        return tokens[place].value, place + 1
    at = place
    while tokens.next_is(at, "per"):
        at += 1
    if tokens.next_is(at, *_ONE_KINDS) and _is_one(tokens, at):
        at += 1
    if at == place:
        return None
    if tokens.next_is(at, "piece"):
        return "piece", at + 1
    if not tokens.next_is(at, "unit") or tokens[at].value not in _PER_UNITS:
        return None
    return None if tokens.next_is(at + 1, "ago", "half", "later") else (tokens[at].value, at + 1)


def is_of_next(tokens: Tokens, first: int, last: int) -> bool:
    """Whether the period [first, last) belongs to the sum behind it: “12 hours, one day 300 baht”."""
    place = last + 1 if tokens.kind(last) == "filler" else last
    if tokens.kind(first) in ("per", "article") or not starts_number(tokens, place):
        return False
    return not tokens.next_is(read_number(tokens, place).last, "unit", "people", "thing")


def is_money_spoken_of(tokens: Tokens, first: int) -> bool:
    """Whether a word of money stands close before this token, with nothing but small words between."""
    place = first - 1
    while first - place <= _FILLERS_MAX and tokens.kind(place) in ("filler", "about"):
        place -= 1
    is_close = place >= 0 and tokens[first].start - tokens[place].end <= _CUE_DISTANCE
    return is_close and tokens.kind(place) in ("money", "salary", "owe")
