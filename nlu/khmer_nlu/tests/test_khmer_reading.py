"""Which language a message is in, and how it is cut."""

import re
from itertools import pairwise
from typing import Any

import pytest
from khmer_data import read_data

from khmer_nlu import detect_language, match_key
from khmer_nlu.tokenise import close_up, clusters, word_spans, words

MESSAGES = read_data("messages")


@pytest.mark.parametrize("case", MESSAGES["languages"], ids=lambda case: case["text"] or "nothing")
def test_the_language_is_told_from_letters_and_common_words(case: dict[str, str]) -> None:
    assert detect_language(case["text"]) == case["language"]


@pytest.mark.parametrize("case", MESSAGES["clusters"])
def test_a_cluster_is_a_letter_with_all_its_signs(case: dict[str, Any]) -> None:
    assert clusters(match_key(case["text"])) == case["clusters"]


@pytest.mark.parametrize("case", MESSAGES["words"])
def test_khmer_is_cut_into_words_and_the_rest_at_its_edges(case: dict[str, Any]) -> None:
    assert words(close_up(match_key(case["text"]))) == case["words"]


@pytest.mark.parametrize("case", MESSAGES["closed_up"])
def test_spaces_between_khmer_letters_do_not_count(case: dict[str, str]) -> None:
    assert close_up(case["text"]) == case["to"]


@pytest.mark.parametrize("case", MESSAGES["words"])
def test_words_of_a_raw_text_know_their_places(case: dict[str, Any]) -> None:
    text = f" \u200b{case['text']} \u0000?"

    spans = word_spans(text)

    assert all(start < end for start, end in spans)
    assert all(before <= after for (_, before), (after, _) in pairwise(spans))
    in_words = "".join(text[start:end] for start, end in spans)
    assert in_words == re.sub("[\\s\u200b]", "", text)
    assert [text[start:end] for start, end in spans][-2:] == ["\u0000", "?"]
