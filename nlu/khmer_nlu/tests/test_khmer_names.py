"""What a name is found by."""

import pytest

from khmer_nlu import name_keys


@pytest.mark.parametrize(
    ("noted", "asked"),
    [
        ("សុខ ដារ៉ា", "សុខដារ៉ា"),
        ("លោក សុខ ដារ៉ា", "ដារ៉ា សុខ"),
        ("លោកស្រីសុខ ដារ៉ា", "សុខ\u200bដារ៉ា"),
        ("បង ដារ៉ា", "ដារ៉ា"),
        ("Sok Dara", "dara SOK"),
        ("Mr. Sok-Dara", "ＳＯＫ dara"),
        ("Sok Dara Vichea", "Vichea Sok Dara"),
        ("ច័ន្ទ ធូ", "ច័ន្ទធូ។"),
        ("លោកគ្រូ សុខ ដារ៉ា", "សុខ ដារ៉ា"),
        ("អ្នកគ្រូសុខ", "សុខ"),
        ("បង ស្រី មុំ", "បងស្រីមុំ"),
        ("សុខ កញ្ញា", "កញ្ញា សុខ"),
        ("កញ្ញា", "កញ្ញា"),
        ("តា ម៉ុក", "ម៉ុកតា"),
    ],
)
def test_one_name_in_two_spellings_shares_a_key(noted: str, asked: str) -> None:
    assert name_keys(noted) & name_keys(asked)


@pytest.mark.parametrize(
    ("noted", "asked"),
    [("សុខ ដារ៉ា", "សុខ ដារ៉ូ"), ("Sok Dara", "Sok"), ("លោក សុខ", "លោក ដារ៉ា"), ("តា ម៉ុក", "តា")],
)
def test_two_names_share_none(noted: str, asked: str) -> None:
    assert not name_keys(noted) & name_keys(asked)


@pytest.mark.parametrize("words", ["", "  ", "…", "-", "\u200b", "\u17d2", "012"])
def test_without_a_name_there_is_no_key(words: str) -> None:
    assert name_keys(words) == frozenset()


def test_a_syllable_that_begins_like_a_title_is_not_cut() -> None:
    assert name_keys("លោក្ត") == {"លោក្ត"}
