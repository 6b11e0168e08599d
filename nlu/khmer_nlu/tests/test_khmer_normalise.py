"""What looks the same is stored the same, and what is meant the same has one key, whatever keys were pressed."""

from collections.abc import Callable

import pytest
from growth import grows_linearly, repeated
from hypothesis import given, settings
from hypothesis import strategies as st
from khmer_data import read_data

from khmer_nlu import canonical, match_key

PAIRS = read_data("normalise")
KHMER = [chr(code) for code in range(0x1780, 0x17EA)]
OTHERS = list("\u200b\u200c\u200d\u17d2\u17d2 \u00a0:2oO0a'!\u0301")
WORDS = [pair["raw"] for pair in PAIRS["canonical"] + PAIRS["key"]]
TEXTS = st.one_of(st.lists(st.sampled_from(KHMER + OTHERS + WORDS)).map("".join), st.text())
HOSTILE: dict[str, Callable[[int], str]] = {
    "a subscript bubbling through others": lambda size: (
        "\u1780" + "\u17d2\u179a" * (size // 4) + "\u17d2\u1780" * (size // 4)
    )[:size].ljust(size),
    "accents in turn": lambda size: ("a" + "\u0301\u0323" * size)[:size],
    "accents in two heaps": lambda size: "a" + "\u0301" * (size // 2) + "\u0323" * (size - size // 2 - 1),
    "points of another script": lambda size: ("\u05d0" + "\u05b0\u05b1\u05b4" * size)[:size],
    "vowels on one letter": lambda size: ("\u1780" + "\u17b6\u17bb" * size)[:size],
    "spaces": lambda size: " " * size,
    "spaces, then no repetition sign": lambda size: " " * (size - 1) + "x",
    "joiners": lambda size: ("\u1780" + "\u200d\u17d2" * size)[:size],
    "a sign that stands for eighteen": lambda size: "\ufdfa" * size,
    "one word": repeated(WORDS[0]),
}


@pytest.mark.parametrize("pair", PAIRS["canonical"], ids=lambda pair: pair["because"])
def test_text_is_stored_in_one_form(pair: dict[str, str]) -> None:
    assert canonical(pair["raw"]) == pair["to"]


@pytest.mark.parametrize("pair", PAIRS["key"], ids=lambda pair: pair["because"])
def test_the_key_forgets_what_does_not_matter(pair: dict[str, str]) -> None:
    assert match_key(pair["raw"]) == pair["to"]


@pytest.mark.parametrize("pair", PAIRS["key"], ids=lambda pair: pair["because"])
def test_what_only_the_key_folds_is_stored_as_it_was_typed(pair: dict[str, str]) -> None:
    assert match_key(canonical(pair["raw"])) == pair["to"]


@pytest.mark.parametrize("word", PAIRS["untouched"])
def test_right_spelling_is_left_alone(word: str) -> None:
    assert canonical(word) == word
    assert match_key(word) == word


def test_the_stored_form_keeps_capitals_digits_and_emoji() -> None:
    text = "OK, call 012 345 678!! \U0001f64f e\u0301"
    assert canonical(text) == "OK, call 012 345 678!! \U0001f64f \u00e9"


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_doing_it_twice_changes_nothing_more(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)
    assert match_key(match_key(text)) == match_key(text)


@pytest.mark.parametrize("text_of", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_takes_time_by_its_length_only(text_of: Callable[[int], str]) -> None:
    assert grows_linearly(match_key, text_of)
