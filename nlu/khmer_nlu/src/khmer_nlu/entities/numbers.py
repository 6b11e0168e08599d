"""Reads numbers from tokens: figures, number words, and both together (2 meun 5 poan, half a million).

A number that is vague (2 or 3), or that nobody would write so, is read to its end and has no value.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from khmer_nlu.entities.lexer import Tokens

_GROUPED: Final = re.compile(r"[1-9][0-9]{0,2}(?P<by>[.,])[0-9]{3}(?:(?P=by)[0-9]{3})*(?:(?!(?P=by))[.,][0-9]{1,2})?")
_DECIMAL: Final = re.compile(r"(?:0|[1-9][0-9]*)(?P<point>[.,])[0-9]{1,2}")
_WHOLE: Final = re.compile(r"0|[1-9][0-9]*")
_TWO_CHOICES: Final = re.compile(r"([0-9]),([0-9])")
_DIGITS_MAX: Final = 13
_SMALL: Final = ("figure", "ones", "tens", "teen", "half")
MULTIPLIERS: Final = ("multiplier", "multiplier_literal", "multiplier_after", "letter_multiplier")
_ALONE: Final = ("multiplier", "multiplier_literal")
_LITERAL: Final = ("multiplier_literal", "letter_multiplier")
_STARTS: Final = (*_SMALL, *_ALONE)
_COUNTED: Final = ("unit", "people", "thing", "month", "month_from_now", "week_from_now")
LARGE: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Number:
    """The tokens [first, last) as a number; is_large: a multiplier from a thousand up was said, so it is a sum."""

    value: Fraction | None
    first: int
    last: int
    is_large: bool


@dataclass(frozen=True)
class _Part:
    """A piece of a number: what it adds, and the multiplier it has been through (1: none)."""

    value: Fraction
    scale: int
    word: str


def starts_number(tokens: Tokens, place: int) -> bool:
    """Whether a number may begin here."""
    if tokens.kind(place) in ("article", "for_one"):
        # “a month” is a duration after “for”, or where nothing stands before it that it may belong to.
        is_alone = tokens.kind(place) == "for_one" or tokens.kind(place - 1) in ("", "about")
        return tokens.next_is(place + 1, *_ALONE) or (is_alone and tokens.next_is(place + 1, "unit"))
    return tokens.kind(place) in _STARTS


def read_number(tokens: Tokens, first: int) -> Number:
    """The number that begins here; with “2 to 3”, both, and no value. Takes time by the tokens it reads."""
    last = _end_of_run(tokens, first)
    items = range(first, last)
    value = _evaluate(tokens, items)
    is_large = any(tokens.kind(i) in MULTIPLIERS and int(tokens[i].value) >= LARGE for i in items)
    if (tokens.kind(first - 1) == "vague" and tokens.is_near(first)) or _is_negative(tokens, first):
        value = None
    ranges = ("range", "joins") if tokens.kind(first - 1) == "between" else ("range",)
    while tokens.next_is(last, *ranges) and starts_number(tokens, last + 1) and tokens.is_near(last + 1):
        last, value = _end_of_run(tokens, last + 1), None
    if tokens.next_is(last, "vague"):
        last, value = last + 1, None
    return Number(value=value, first=first, last=last, is_large=is_large)


def _is_negative(tokens: Tokens, first: int) -> bool:
    start = tokens[first].start
    return tokens.text[max(0, start - 2) : start].strip() == "-" and tokens.text[start - 1] == "-"


def _end_of_run(tokens: Tokens, first: int) -> int:
    place, large = first + 1, _multiplier(tokens, first) >= LARGE
    while True:
        if tokens.next_is(place, *MULTIPLIERS) and _is_tight(tokens, place):
            large = large or int(tokens[place].value) >= LARGE
            place += 1
            continue
        behind = place + 1 if tokens.next_is(place, "joins") and tokens.kind(place - 1) in MULTIPLIERS else place
        if not tokens.next_is(behind, *_SMALL):
            return place
        end = behind + 1
        while tokens.next_is(end, *_SMALL):
            end += 1
        if large and tokens.next_is(end, *_COUNTED):
            return place  # “20 thousand, 3 months”
        place = end


def _multiplier(tokens: Tokens, place: int) -> int:
    return int(tokens[place].value) if tokens.kind(place) in MULTIPLIERS else 0


def _is_tight(tokens: Tokens, place: int) -> bool:
    """Whether a multiplier is no stray letter: 20k sticks to its figure, or money comes next: not 20 m."""
    token = tokens[place]
    if token.kind != "letter_multiplier":
        return True
    if tokens.kind(place - 1) != "figure":
        return False
    return tokens.next_is(place + 1, "currency") or (tokens.gap(place) == "" and token.value == "1000")


def _evaluate(tokens: Tokens, places: range) -> Fraction | None:
    parts: list[_Part] = []
    literal = any(tokens.kind(place) in _LITERAL for place in places)
    for place in places:
        kind, value = tokens[place].kind, tokens[place].value
        if kind == "joins":
            continue
        if kind in ("article", "for_one"):
            parts.append(_Part(Fraction(1), 1, "ones"))
        elif kind in MULTIPLIERS:
            if not _multiply(parts, int(value), needs_number=kind not in _ALONE):
                return None
        elif kind == "half":
            if not _add_half(parts, is_last=place + 1 == places.stop):
                return None
        elif not _add_small(parts, kind, value, spaced=place > places.start and tokens.gap(place) == " "):
            return None
    return _sum(parts, literal=literal)


def _add_small(parts: list[_Part], kind: str, value: str, *, spaced: bool) -> bool:
    """Adds a figure, ones or tens; False if they do not go with what stands before."""
    before = parts[-1] if parts else None
    if kind == "figure":
        figure = parse_figure(value)
        if before and before.word == "figure" and spaced and len(value) == 3 and value.isdecimal():
            parts[-1] = _Part(before.value * LARGE + int(value), 1, "figure")  # 15 000
            return before.value < LARGE**3
        if figure is None or (before and before.scale == 1):
            return False
        parts.append(_Part(figure, 1, "figure" if value.isdecimal() and len(value) <= 3 else "figures"))
        return True
    number = Fraction(int(value))
    if kind == "teen":
        if not before or before.word != "ones":
            return False
        parts[-1] = _Part(before.value + 10, 1, "tens")
        return True
    if before and before.scale == 1 and not (kind == "ones" and before.word == "tens" and before.value % 10 == 0):
        return False  # “two three” is vague
    parts.append(_Part(number, 1, kind))
    return True


def _multiply(parts: list[_Part], by: int, *, needs_number: bool) -> bool:
    """Multiplies what stands before by a hundred, thousand …; alone it is one of them."""
    limit = LARGE if by < 1_000_000 else by
    coefficient, found = Fraction(0), False
    while parts and parts[-1].scale < by and (parts[-1].scale < limit):
        coefficient, found = coefficient + parts.pop().value, True
    if not found:
        if needs_number or (parts and parts[-1].scale <= by):
            return False
        coefficient = Fraction(1)
    if (parts and parts[-1].scale <= by) or coefficient >= (LARGE if by <= 10_000 else 10**7):
        return False
    parts.append(_Part(coefficient * by, by, "multiplier"))
    return True


def _add_half(parts: list[_Part], *, is_last: bool) -> bool:
    """Half of the multiplier before; half of one after a plain number; or half of what comes."""
    if not parts:
        parts.append(_Part(Fraction(1, 2), 1, "half"))
        return True
    before = parts[-1]
    if before.word == "half" or before.value.denominator > 1 or not (is_last or before.scale == 1):
        return False
    if before.scale == 1:
        parts[-1] = _Part(before.value + Fraction(1, 2), 1, "half")
    else:
        parts.append(_Part(Fraction(before.scale, 2), before.scale // 10, "half"))
    return True


def _sum(parts: Sequence[_Part], *, literal: bool) -> Fraction | None:
    """The sum of the parts. A single five after “meun” or “poan” means five of the next lower multiplier."""
    total = sum((part.value for part in parts), Fraction(0))
    if len(parts) < 2 or parts[-1].scale > 1:
        return total
    tail, before = parts[-1], parts[-2]
    if before.scale < LARGE:
        return total
    is_single = tail.word in ("ones", "figure") and tail.value.denominator == 1 and 0 < tail.value < 10
    if is_single:
        return None if literal else total - tail.value + tail.value * before.scale / 10
    if tail.word in ("figure", "figures") and (tail.value < 100 or tail.value >= before.scale):
        return None  # 2 meun 50: fifty, or five hundred?
    return total


def parse_figure(written: str) -> Fraction | None:
    """A figure's value: 15000, 15,000, 15.000, 3.5, 3,5. None for dates, times, ranges, codes, and “2,3” (2 or 3?)."""
    if sum(map(str.isdecimal, written)) > _DIGITS_MAX:
        return None
    if _WHOLE.fullmatch(written):
        return Fraction(int(written))
    if grouped := _GROUPED.fullmatch(written):
        groups = written.split(grouped["by"])
        whole, _, cents = groups[-1].replace(",", ".").partition(".")
        return Fraction("".join([*groups[:-1], whole]) + (f".{cents}" if cents else ""))
    if _DECIMAL.fullmatch(written):
        choices = _TWO_CHOICES.fullmatch(written)
        return None if choices and int(choices[2]) == int(choices[1]) + 1 else Fraction(written.replace(",", "."))
    return None
