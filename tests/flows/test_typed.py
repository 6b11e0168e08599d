"""Which button a typed message names, and that what is remembered of buttons never hides one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.flows.typed import TYPED_CHOICE_MAX_CHARS, checksums_of, may_name, place_typed
from khmer_nlu import match_key

TITLES = ("គេមិនបើកប្រាក់ឈ្នួល", "Find a job", "🏠 ម៉ឺនុយ")


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("គេមិនបើកប្រាក់ឈ្នួល", 0),
        ("FIND  a job ", 1),
        ("2", 1),
        ("៣", 2),
        ("4", None),
        ("0", None),
        ("find", None),
        ("", None),
    ],
)
def test_a_button_is_typed_by_its_words_or_its_number(typed: str, place: int | None) -> None:
    assert place_typed(match_key(typed), TITLES) == place


def test_what_names_no_button_is_seen_without_the_buttons() -> None:
    offered = checksums_of(TITLES)
    assert not may_name(match_key("ថៅកែមិនបើកលុយ"), offered)
    assert not may_name(match_key(" "), offered)
    assert may_name(match_key("find a job"), offered)
    assert may_name(match_key("ថៅកែមិនបើកលុយ"), None)


words = st.text(st.sampled_from("abក្រុ១2 "), max_size=6)


@given(typed=words, titles=st.lists(words, max_size=6))
def test_no_typed_button_is_overlooked(typed: str, titles: list[str]) -> None:
    key = match_key(typed)
    if place_typed(key, titles) is not None:
        assert may_name(key, checksums_of(titles))


def test_longer_messages_than_a_title_are_no_button() -> None:
    assert not may_name("x" * (TYPED_CHOICE_MAX_CHARS + 1), None)
