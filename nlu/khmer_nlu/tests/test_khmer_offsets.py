"""Each character of a match key knows where in the raw text it comes from."""

import unicodedata
from itertools import pairwise

import pytest
from growth import grows_linearly, repeated
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from khmer_data import read_data

from khmer_nlu import match_key
from khmer_nlu.offsets import trace_key

PAIRS = read_data("normalise")
CASES = read_data("offsets")
KHMER = [chr(code) for code in range(0x1780, 0x17EA)]
OTHERS = list(
    "\u200b\u200c\u200d\u17d2\u17d2 \u00a0:2oO0a'!\u0301\u00bd\ufdfa\u0130\u03a3\u0e33\u1161\u11a8\u09be\uff9e"
)
WORDS = [pair["raw"] for pair in PAIRS["canonical"] + PAIRS["key"]]
TEXTS = st.one_of(st.lists(st.sampled_from(KHMER + OTHERS + WORDS)).map("".join), st.text())


@settings(max_examples=600, deadline=None)
@given(TEXTS)
def test_the_traced_key_is_the_match_key_and_its_offsets_never_go_back_or_out(text: str) -> None:
    traced = trace_key(text)
    assert traced.text == match_key(text)
    assert len(traced.starts) == len(traced.ends) == len(traced.text)
    assert all(0 <= start < end <= len(text) for start, end in zip(traced.starts, traced.ends, strict=True))
    assert all(first <= second for first, second in pairwise(traced.starts))
    assert all(first <= second for first, second in pairwise(traced.ends))


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from(["", " ", "x ", "\u200b", "\u17d4 "]))
def test_what_stands_before_moves_the_offsets_by_its_length(text: str, before: str) -> None:
    # One sign that stands for many letters is spelt out in a long text and left in a short one.
    assume(all(len(unicodedata.normalize("NFKC", sign)) <= 2 for sign in text))
    alone, moved = trace_key(f"9 {text}"), trace_key(f"{before}9 {text}")
    nine = moved.text.index("9")
    assert moved.text[nine:] == alone.text
    assert [start - len(before) for start in moved.starts[nine:]] == list(alone.starts)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["because"])
def test_a_part_of_the_key_leads_back_to_the_words_that_were_typed(case: dict[str, str]) -> None:
    traced = trace_key(case["text"])
    start = traced.text.index(case["key"])
    first, last = traced.span(start, start + len(case["key"]))
    assert case["text"][first:last] == case["raw"]


@pytest.mark.parametrize(
    "part", ["\ufdfa", "\u0301\u0323", "\u1780\u17d2\u179a", "\u1161", "\u200b\u1780", "\u17e2 ", "A\u0301"]
)
def test_no_text_takes_long(part: str) -> None:
    assert grows_linearly(trace_key, repeated(part))
