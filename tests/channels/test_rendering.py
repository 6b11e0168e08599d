"""Messages fitted to what a channel can show."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.base import Capabilities
from bot.channels.rendering import parts_of
from bot.channels.splitting import clusters, may_cut, split_text, utf16_length
from bot.model import Button, OutboundMessage
from bot.settings import REPOSITORY

WORDS = json.loads((REPOSITORY / "tests" / "data" / "channels" / "splitting.json").read_text(encoding="utf-8"))
TEXTS = st.text(alphabet=WORDS["alphabet"], max_size=400)


def message(text: str = "words", *titles: str) -> OutboundMessage:
    return OutboundMessage(
        id=UUID(int=1),
        seq=1,
        contact_ref="1",
        language="km",
        text=text,
        buttons=tuple(Button(id=str(place), title=title) for place, title in enumerate(titles)),
        answer=None,
        created_at=datetime(2026, 11, 25, tzinfo=UTC),
    )


@settings(deadline=None)
@given(text=TEXTS, limit=st.integers(20, 60))
def test_parts_fit_and_hold_everything_that_can_be_seen_in_its_order(text: str, limit: int) -> None:
    parts = split_text(text, limit)

    assert all(part.strip() and utf16_length(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@settings(deadline=None)
@given(before=TEXTS, whole=st.sampled_from(WORDS["whole"]), after=TEXTS, limit=st.integers(20, 60))
def test_no_letter_is_torn_from_its_signs(before: str, whole: str, after: str, limit: int) -> None:
    text = f"{before} {whole} {after}"

    parts = split_text(text, limit)

    assert sum(part.count(whole) for part in parts) == text.count(whole)


@settings(deadline=None)
@given(letters=st.lists(st.sampled_from(WORDS["letters"]), max_size=80), limit=st.integers(20, 60))
def test_a_text_without_any_pause_is_cut_between_letters(letters: list[str], limit: int) -> None:
    parts = split_text("".join(letters), limit)

    assert sum(clusters(part) for part in parts) == clusters("".join(letters))
    for letter in set(letters):
        assert sum(part.count(letter) for part in parts) == letters.count(letter)


@settings(deadline=None)
@given(text=TEXTS)
def test_a_part_never_begins_with_a_sign(text: str) -> None:
    sign = tuple("\u17d2\u17b6\u17c1\u17c4\u17c7\u17cb\u0301\u200d")
    clean = "".join(character for at, character in enumerate(text) if may_cut(text, at) or at == 0)

    assert not any(part.startswith(sign) for part in split_text(clean, 20)[1:])


def test_a_text_is_cut_after_a_sentence() -> None:
    first, second, third = WORDS["sentences"].split(" ")

    assert split_text(WORDS["sentences"], len(first) + len(second) + 4) == [f"{first} {second}", third]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("one two three\n\nfour. five six", ["one two three", "four. five six"]),
        ("one. two three\nfour five", ["one. two three", "four five"]),
        ("one two three. four five", ["one two three.", "four five"]),
        ("one two three four five", ["one two three", "four five"]),
        ("x" * 30, ["x" * 18, "x" * 12]),
        ("", []),
        ("short", ["short"]),
    ],
)
def test_the_best_place_near_the_end_is_taken(text: str, parts: list[str]) -> None:
    assert split_text(text, 18) == parts


def test_the_longest_text_is_cut_in_no_time() -> None:
    parts = split_text(WORDS["sentences"] * 5_000, 4096)

    assert sum(map(len, parts)) > 200_000


@pytest.mark.parametrize("whole", WORDS["whole"])
def test_width_counts_letters_not_code_points(whole: str) -> None:
    assert clusters(whole) < len(whole)


def test_buttons_stand_under_the_last_part() -> None:
    parts = parts_of(message("x" * 30, "Yes", "No"), Capabilities(buttons=True, text_max_units=20))

    assert [len(part.buttons) for part in parts] == [0, 2]


@pytest.mark.parametrize(
    "capabilities",
    [
        Capabilities(buttons=False),
        Capabilities(buttons=True, buttons_max=1),
        Capabilities(buttons=True, button_title_max_chars=2),
    ],
)
def test_buttons_that_can_not_be_shown_are_listed_with_their_numbers(capabilities: Capabilities) -> None:
    (part,) = parts_of(message("words", "Yes", "No"), capabilities)

    assert (part.text, part.buttons) == ("words\n\n1. Yes\n2. No", ())
