"""Words of danger are found however they are typed, wherever they stand, and without a model."""

from collections import Counter
from typing import Any

import pytest
from growth import grows_linearly, repeated
from khmer_data import read_data

from khmer_nlu import find_crisis, match_key
from khmer_nlu.crisis import IDIOM, KINDS, NEVER, danger_terms
from khmer_nlu.search import finder, one_of
from khmer_nlu.tables import table

MESSAGES = read_data("messages")
GAP = " … "
SIZE = 20_000
LISTED = [(kind, phrase) for kind in KINDS for phrase in table("crisis")[kind]["phrases"]]

COMMON_BEGINNINGS = [part for part, _ in Counter(phrase[:4] for _, phrase in LISTED).most_common(10)]


@pytest.mark.parametrize("case", MESSAGES["crisis"], ids=lambda case: case["because"])
def test_danger_is_seen_through_how_phones_type(case: dict[str, Any]) -> None:
    assert find_crisis(case["text"]) == case["kind"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_phrase_of_the_list_raises_an_alarm(kind: str) -> None:
    missed = [phrase for of, phrase in LISTED if of == kind and find_crisis(phrase.replace(GAP, " ")) is None]
    assert missed == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_between_two_parts_may_be_25_characters_and_no_more(kind: str) -> None:
    with_gap = [phrase for of, phrase in LISTED if of == kind and phrase.count(GAP) == 1 and phrase.isascii() is False]
    khmer = next(
        phrase
        for phrase in with_gap
        if "\u1780" <= phrase[0] <= "\u17b3" and phrase[-1] >= "\u1780" and not any(map(find_crisis, phrase.split(GAP)))
    )
    assert find_crisis(khmer.replace(GAP, "7" * 25)) is not None
    assert find_crisis(khmer.replace(GAP, "7" * 26)) is None


@pytest.mark.parametrize("name", [IDIOM, NEVER])
def test_no_listed_way_of_speaking_raises_an_alarm(name: str) -> None:
    assert [phrase for phrase in table("crisis")[name] if find_crisis(phrase.replace(GAP, " "))] == []


def test_idioms_are_known_as_such_and_nothing_else_is() -> None:
    assert [phrase for phrase in table("crisis")[IDIOM] if IDIOM not in danger_terms(match_key(phrase))] == []
    assert [phrase for _, phrase in LISTED if IDIOM in danger_terms(match_key(phrase.replace(GAP, " ")))] == []


def test_a_latin_phrase_needs_whole_words() -> None:
    assert find_crisis("kill myself") == "crisis_self_harm"
    assert find_crisis("skill myselfie") is None


def test_danger_at_the_end_of_a_long_message_is_found() -> None:
    cry = MESSAGES["crisis"][0]["text"]
    assert find_crisis("x " * (SIZE // 2) + cry) == "crisis_self_harm"


def test_a_kind_that_needs_its_own_words_goes_before_a_wider_one() -> None:
    first = {kind: next(phrase for of, phrase in LISTED if of == kind and GAP not in phrase) for kind in KINDS}
    assert find_crisis(" ".join(reversed(first.values()))) == KINDS[0]


@pytest.mark.parametrize("part", [*COMMON_BEGINNINGS, *table("crisis")[NEVER][:5]])
def test_no_message_takes_long(part: str) -> None:
    assert grows_linearly(find_crisis, repeated(part))


def test_words_that_begin_alike_are_all_found() -> None:
    assert finder(["a", "ab", "abc", "bc", "x"]).find("zabca") == {"a": [1, 4], "ab": [1], "abc": [1], "bc": [2]}


def test_the_longest_word_wins_in_a_pattern() -> None:
    assert one_of(["ab", "a", "b."]) == "(?:a(?:b)?|b\\.)"
    assert one_of([]) == "(?!)"
