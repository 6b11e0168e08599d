"""Finds phone numbers, and reads them as Cambodian or Thai: where both are possible, it does not choose."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    format_number,
    is_valid_number,
    number_type,
    parse,
)

from khmer_nlu.entities.model import Candidate, Rank

REGIONS: Final = ("KH", "TH")
# A bank or crisis line is no number of a person's own.
_OWN: Final = frozenset(
    (
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
        PhoneNumberType.PERSONAL_NUMBER,
    )
)
_RUN: Final = re.compile(r"(?<![0-9])(?:\+ ?|\()?[0-9o](?:(?:[-. ]|[ -]?[()][ -]?| - )?[0-9o]){7,}")
_GROUP: Final = re.compile("[0-9]+")
_LETTERS_BEFORE: Final = re.compile("[a-z]*$")
_WORD_MIN: Final = 3
_LOOK_BACK: Final = 4
_DIGITS: Final = range(8, 16)
_GROUPS_MAX: Final = 9
_COUNTRY: Final = ("855", "66")
_WITH_COUNTRY: Final = range(10, 13)
# From Thailand people dial 001, 007, 008 or 009 to call abroad.
_ABROAD: Final = re.compile(r"00(?:[1789](?=855|66))?")


class _Group(NamedTuple):
    digits: str
    start: int
    end: int


def find_phones(text: str) -> Iterator[Candidate]:
    """The phone numbers of a reading's text, from left to right. Linear time."""
    for run in _RUN.finditer(text):
        if 0 < len(_letters_before(text, run.start())) < _WORD_MIN:
            continue  # a passport, N0123456
        yield from _phones_in(run[0].replace("o", "0"), run.start())


def _letters_before(text: str, place: int) -> str:
    found = _LETTERS_BEFORE.search(text[max(0, place - _LOOK_BACK) : place])
    return found[0] if found else ""


def _phones_in(run: str, offset: int) -> Iterator[Candidate]:
    groups = [_Group(found[0], *found.span()) for found in _GROUP.finditer(run)]
    first = 0
    while first < len(groups):
        has_plus = "+" in run[max(0, groups[first].start - 2) : groups[first].start]
        for last in range(min(len(groups), first + _GROUPS_MAX), first, -1):
            digits = "".join(group.digits for group in groups[first:last])
            found = readings_of(digits, has_plus=has_plus) if len(digits) in _DIGITS else ()
            if found:
                start = groups[first].start - (2 if run[: groups[first].start].endswith("+ ") else has_plus)
                yield _phone(offset + start, offset + groups[last - 1].end, found)
                first = last
                break
        else:
            first += 1


def _phone(start: int, end: int, found: tuple[str, ...]) -> Candidate:
    value = {"e164": found[0] if len(found) == 1 else None, "candidates": list(found)}
    return Candidate(entity="phone", start=start, end=end, value=value, rank=Rank.NAMED)


@lru_cache(maxsize=1024)
def readings_of(digits: str, *, has_plus: bool) -> tuple[str, ...]:
    """All valid numbers, in E.164, that these digits may mean."""
    international = digits
    if not has_plus and (abroad := _ABROAD.match(digits)):
        international, has_plus = digits[abroad.end() :], True
    is_country = digits.startswith(_COUNTRY) and len(digits) in _WITH_COUNTRY
    if has_plus or is_country:
        return _valid(f"+{_without_trunk_zero(international)}", None)
    if not digits.startswith("0"):
        return ()
    return tuple(number for region in REGIONS for number in _valid(digits, region))


def _without_trunk_zero(digits: str) -> str:
    """+855 (0)12 …: the zero is not dialled."""
    for country in _COUNTRY:
        if digits.startswith(f"{country}0"):
            return country + digits[len(country) + 1 :]
    return digits


def _valid(written: str, region: str | None) -> tuple[str, ...]:
    try:
        number: PhoneNumber = parse(written, region)
    except NumberParseException:
        return ()
    if not is_valid_number(number) or number_type(number) not in _OWN:
        return ()
    return (format_number(number, PhoneNumberFormat.E164),)
