"""Amounts, times, people, phones, places and work are read as people type them; what is unclear gives nothing."""

from datetime import date
from typing import Any, get_args

import pytest
from growth import grows_linearly, repeated
from hypothesis import given, settings
from hypothesis import strategies as st
from khmer_data import read_data

from khmer_nlu.entities import SLOTS, EntityName, Slot, find_entities, read_slot
from khmer_nlu.entities.gazetteer import gazetteer
from khmer_nlu.entities.lexer import TABLES, forms, lexicon, words_of
from khmer_nlu.tables import table

TODAY = date(2026, 11, 22)
PAIRS = read_data("entities")
ANSWERS = read_data("slots")
MESSAGES = read_data("mentions")
FIELDS = {
    "money": ("amount", "currency", "per"),
    "duration": ("n", "unit"),
    "date": ("iso",),
    "count": ("n",),
    "sector": ("sector",),
    "yesno": ("value",),
}


def value_of(kind: str, written: list[Any]) -> dict[str, Any] | None:
    """A value as the test data write it; [null] alone, or “none” for a phone, is no value."""
    if written in ([None], ["none"]):
        return None
    if kind == "phone":
        return {"e164": written[0], "candidates": written[1] if len(written) > 1 else [written[0]]}
    if kind in ("province", "district"):
        country, code = written[0].split("-")
        return {"country": country, "code": code}
    return dict(zip(FIELDS[kind], written, strict=True))


def rows(data: dict[str, list[list[Any]]]) -> list[tuple[str, str, dict[str, Any] | None]]:
    return [(slot, text, value_of(slot, written)) for slot, answers in data.items() for text, *written in answers]


@pytest.mark.parametrize(("slot", "text", "value"), rows(PAIRS))
def test_the_pairs_of_the_research_are_read(slot: Slot, text: str, value: dict[str, Any] | None) -> None:
    assert read_slot(slot, text, TODAY) == value


@pytest.mark.parametrize(("slot", "text", "value"), rows(ANSWERS))
def test_an_answer_is_read_as_it_is_meant_or_not_at_all(slot: Slot, text: str, value: dict[str, Any] | None) -> None:
    read = read_slot(slot, text, TODAY)
    assert read == value
    assert {type(part) for part in (read or {}).values()} == {type(part) for part in (value or {}).values()}


@pytest.mark.parametrize("case", MESSAGES, ids=lambda case: case["text"])
def test_a_message_gives_what_it_mentions(case: dict[str, Any]) -> None:
    expected = [(kind, raw, value_of(kind, written)) for kind, raw, *written in case["entities"]]
    assert [(found.entity, found.raw, found.value) for found in find_entities(case["text"], TODAY)] == expected


@pytest.mark.parametrize("case", MESSAGES, ids=lambda case: case["text"])
def test_the_words_of_an_entity_mean_the_same_as_an_answer(case: dict[str, Any]) -> None:
    for found in find_entities(case["text"], TODAY):
        assert read_slot(found.entity, found.raw, TODAY) == found.value


WORDS = sorted(lexicon()[1])
NAMES = sorted(gazetteer().places)
PARTS = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(NAMES),
    st.integers(0, 99_999).map(str),
    st.sampled_from(["012 345 678", "5/1/2026", "\u17e2", "\u200b", ", ", ".", "-", "/", "+855", "?", "\u17d7"]),
    st.text(max_size=3),
)
TEXTS = st.lists(st.tuples(PARTS, st.sampled_from(["", " "])).map("".join), max_size=12).map("".join)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_entities_stand_in_the_text_in_order_and_apart(text: str) -> None:
    last = 0
    for found in find_entities(text, TODAY):
        assert last <= found.start < found.end <= len(text)
        assert found.raw == text[found.start : found.end]
        assert found.entity in SLOTS
        last = found.end


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.sampled_from(SLOTS))
def test_no_answer_raises(text: str, slot: Slot) -> None:
    read_slot(slot, text, TODAY)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from(["{}", "{:,}"]), st.booleans())
def test_every_figure_is_read_as_it_is_written(n: int, form: str, khmer: bool) -> None:
    written = form.format(n)
    if khmer:
        written = written.translate({0x30 + digit: 0x17E0 + digit for digit in range(10)})
    assert read_slot("money", f"{written} usd", TODAY) == {"amount": n, "currency": "USD", "per": None}


def in_khmer(n: int) -> str:
    """A number in Khmer words, from the same tables."""
    amounts = table("amounts")
    for scale in (1_000_000, 100_000, 10_000, 1000, 100):
        if n >= scale:
            word: str = amounts["multiplier"][str(scale)][0]
            return in_khmer(n // scale) + word + (in_khmer(n % scale) if n % scale else "")
    tens: str = amounts["tens"][str(n // 10 * 10)][0] if n >= 10 else ""
    ones: str = amounts["ones"][str(n % 10)][0] if n % 10 else ""
    return tens + ones


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 9_999_999))
def test_every_number_in_khmer_words_is_read(n: int) -> None:
    if 0 < n % 100 < 10 and n > 1000 and n % 1000 < 10:
        return  # “thousand five” means 1,500
    assert read_slot("count", in_khmer(n), TODAY) == ({"n": n} if n <= 100_000 else None)
    assert read_slot("money", in_khmer(n), TODAY) == {"amount": n, "currency": None, "per": None}


PILES = [
    "1 ",
    "1,",
    "1 to ",
    "2 \u17d0",
    "9 9 ",
    "+8",
    "( 0",
    "0-",
    "o",
    "012 345 67 ",
    "baht ",
    "half ",
    "january ",
    "5/",
]
KHMER_PILES = [
    *(
        word
        for kind in ("range", "half", "ordinal", "unit")
        for words in table("amounts")[kind].values()
        for word in words[:2]
    ),
    table("places")["cues"]["province"][0],
    table("dates")["month"]["1"][0],
]


@pytest.mark.parametrize("part", [*PILES, *KHMER_PILES, *(f"1 {word} " for word in KHMER_PILES)])
def test_no_message_takes_long(part: str) -> None:
    assert grows_linearly(lambda text: find_entities(text, TODAY), repeated(part))


@pytest.mark.parametrize("slot", SLOTS)
def test_no_answer_takes_long(slot: Slot) -> None:
    name = table("places")["cues"]["province"][0]
    for part in (name, f"{name} {NAMES[-1][:5]}", "1 to ", "012 345 67 "):
        assert grows_linearly(lambda text: read_slot(slot, text, TODAY), repeated(part))


def test_no_word_of_the_tables_has_two_meanings() -> None:
    meanings: dict[str, set[tuple[str, str]]] = {}
    for name in TABLES:
        for kind, values in table(name).items():
            for value, words in values.items() if kind != "sets" else ():
                for form in (form for word in words for form in forms(word)):
                    meanings.setdefault(form, set()).add((kind, value))
    assert {form: meant for form, meant in meanings.items() if len(meant) > 1} == {}


@pytest.mark.parametrize("name", ["sectors", "yesno"])
def test_no_word_of_work_or_assent_has_two_meanings(name: str) -> None:
    meanings: dict[str, set[str]] = {}
    for value, words in table(name).items():
        for form in (form for word in words for form in forms(word)):
            meanings.setdefault(form, set()).add(value)
    assert {form: meant for form, meant in meanings.items() if len(meant) > 1} == {}


@pytest.mark.parametrize("name", ["currency_first", "other_words_too", "from_or_two"])
def test_a_set_holds_words_of_the_tables(name: str) -> None:
    assert words_of(name) <= set(lexicon()[1])


def test_the_gazetteer_has_every_official_place_and_no_other() -> None:
    codes = {(place.country, place.level, place.code) for meant in gazetteer().places.values() for place in meant}
    assert sum(country == "KH" and level == "province" for country, level, _ in codes) == 25
    assert sum(country == "KH" and level == "district" for country, level, _ in codes) == 210
    assert sum(country == "TH" for country, _, _ in codes) == 77


def test_every_kind_of_entity_is_a_slot() -> None:
    assert get_args(EntityName) == SLOTS
