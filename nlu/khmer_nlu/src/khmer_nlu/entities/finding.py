"""Finds all entities of a message, and reads the answer to one question."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Final

from khmer_nlu.entities.dates import Dates
from khmer_nlu.entities.lexer import Tokens, lexicon, tokenise
from khmer_nlu.entities.model import Candidate, Entity, Rank, Slot, Value
from khmer_nlu.entities.phones import find_phones
from khmer_nlu.entities.places import find_places, read_place
from khmer_nlu.entities.quantities import PEOPLE_MAX, quantities
from khmer_nlu.entities.reading import Reading, blanked, read
from khmer_nlu.entities.words import find_sectors, read_yesno
from khmer_nlu.offsets import Traced, trace_key

_RANGED: Final = ("money", "duration", "count")
_INNER: Final = ("number", "other")


def find_entities(text: str, today: date) -> tuple[Entity, ...]:
    """What a message mentions, from left to right; no two overlap.

    Where words fit several kinds, a phone goes before money with its currency, then a date, a duration, people, and
    last money without a currency. Vague and impossible mentions, and both ends of a range, are left out.
    """
    return find_entities_in(text, trace_key(text), today)


def find_entities_in(text: str, key: Traced, today: date) -> tuple[Entity, ...]:
    """The same, with the traced match key of the text at hand."""
    message = _look_at(text, key)
    found: list[Entity] = []
    for candidate in _candidates(message, today, asked=None):
        start, end = message.reading.traced.span(candidate.start, candidate.end)
        if candidate.entity in _INNER or candidate.value is None or (found and start < found[-1].end):
            continue
        found.append(
            Entity(
                entity=candidate.entity,  # type: ignore[arg-type]  # the inner kinds are left out above
                start=start,
                end=end,
                raw=text[start:end],
                value=candidate.value,
            )
        )
    return tuple(found)


def read_slot(slot: Slot, text: str, today: date) -> Value | None:
    """What the message means as the answer to a question for this slot; None if that is not clear.

    - money: one amount, or one bare number (its currency is None then, and must be asked). Two amounts are unclear.
    - duration: needs its unit; “3” is unclear.
    - date: also 5/1 (day first), 3/2025, 2025, a month's name. Without a year it is the nearest past one.
    - count: people, or one bare whole number; “alone” is 1, “none” is 0. A number of anything else is unclear.
    - phone: one number; e164 is None where Cambodia and Thailand both have it.
    - province, district: one place, misspelt up to a measured likeness; a district answers for its province.
    - sector: one kind of work. yesno: a yes or a no that begins the message, and no question.
    """
    return read_slot_of(slot, text, trace_key(text), today)


def read_slot_of(slot: Slot, text: str, key: Traced, today: date) -> Value | None:
    """The same, with the traced match key of the text at hand."""
    match slot:
        case "province" | "district":
            return read_place(read(text, key).text, slot)
        case "yesno":
            return read_yesno(read(text, key).text, is_asked=True)
        case "money" | "count" | "phone" | "date" | "duration" | "sector":
            message = _look_at(text, key)
            found = _candidates(message, today, asked=slot)
    if slot == "money":
        return _read_money(found)
    if slot == "count":
        return _read_count(found, message.tokens)
    return _only([one.value for one in found if one.entity == slot])


@dataclass(frozen=True, kw_only=True)
class _Message:
    """A reading, the phones and places in it, and the tokens of all else."""

    reading: Reading
    named: tuple[Candidate, ...]
    tokens: Tokens


def _look_at(text: str, key: Traced) -> _Message:
    reading = read(text, key)
    named = (*find_phones(reading.text), *find_places(reading.text))
    rest = blanked(reading.text, sorted((one.start, one.end) for one in named))
    return _Message(reading=reading, named=named, tokens=tokenise(rest))


def _candidates(message: _Message, today: date, *, asked: Slot | None) -> list[Candidate]:
    """All candidates that no stronger one overlaps, in order."""
    text, tokens = message.reading.text, message.tokens
    found = [
        *message.named,
        *quantities(tokens, today),
        *Dates(tokens=tokens, today=today, is_asked=asked == "date").find(),
        *find_sectors(tokens.text),
    ]
    answer = read_yesno(text, is_asked=False) if asked is None else None
    if answer is not None:
        found.append(Candidate(entity="yesno", start=0, end=len(text), value=answer, rank=Rank.YESNO))
    return _without_ranges(text, _strongest(found, len(text)))


def _strongest(found: Iterable[Candidate], length: int) -> list[Candidate]:
    taken = bytearray(length)
    kept = []
    for candidate in sorted(found, key=lambda one: (one.rank, one.start)):
        if taken.find(1, candidate.start, candidate.end) < 0:
            taken[candidate.start : candidate.end] = b"\x01" * (candidate.end - candidate.start)
            kept.append(candidate)
    return sorted(kept, key=lambda one: one.start)


def _without_ranges(text: str, found: Sequence[Candidate]) -> list[Candidate]:
    """Takes the value from both ends of a range: “2000 baht to 3000 baht” is no amount."""
    _, meanings = lexicon()
    ends = set()
    for place, (first, second) in enumerate(pairwise(found)):
        between = text[first.end : second.start].strip()
        if first.entity == second.entity and first.entity in _RANGED and meanings.get(between, ("",))[0] == "range":
            ends |= {place, place + 1}
    return [replace(one, value=None) if place in ends else one for place, one in enumerate(found)]


def _only(values: Sequence[Value | None]) -> Value | None:
    """The value, if all are the same."""
    return values[0] if values and all(value == values[0] for value in values) else None


def _read_money(found: Sequence[Candidate]) -> Value | None:
    sums = [one.value for one in found if one.entity == "money"]
    bare = [one.value for one in found if one.entity == "number"]
    if sums:
        return None if bare else _only(sums)
    if len(bare) != 1 or bare[0] is None or 0 < bare[0]["n"] < 1:  # half of what?
        return None
    return {"amount": bare[0]["n"], "currency": None, "per": bare[0]["per"]}


def _read_count(found: Sequence[Candidate], tokens: Tokens) -> Value | None:
    people = [one.value for one in found if one.entity == "count"]
    bare = [one.value for one in found if one.entity == "number"]
    # A bare number with a multiplier counts as money where nothing is asked.
    bare += [_bare_of(one.value) for one in found if one.entity == "money"]
    if people or bare:
        return _only(people) if not bare else _whole(bare) if not people else None
    kinds = {token.kind: token.value for token in tokens.tokens if token.kind in ("single", "none")}
    return {"n": int(next(iter(kinds.values())))} if len(kinds) == 1 else None


def _bare_of(money: Value | None) -> Value | None:
    if money is None or money["currency"] is not None:
        return None
    return {"n": money["amount"], "per": money["per"]}


def _whole(bare: Sequence[Value | None]) -> Value | None:
    number = bare[0] if len(bare) == 1 else None
    if number is None or number["per"] is not None or not isinstance(number["n"], int) or number["n"] > PEOPLE_MAX:
        return None
    return {"n": number["n"]}
