"""Waits double, by chance down to half, and end; what the platform asks for is obeyed."""

from datetime import timedelta

import pytest

from bot.work.retry import LONGEST_DELAY_S, delay_before_probe, delay_before_retry, gives_up


@pytest.mark.parametrize(
    ("attempts", "chance", "seconds"),
    [(1, 1.0, 1), (2, 1.0, 2), (5, 1.0, 16), (5, 0.0, 8), (7, 1.0, 60), (10_000, 1.0, LONGEST_DELAY_S)],
)
def test_the_wait_doubles_up_to_its_end(attempts: int, chance: float, seconds: float) -> None:
    assert delay_before_retry(attempts, None, chance=chance) == timedelta(seconds=seconds)


def test_what_the_platform_asks_for_is_the_least() -> None:
    assert delay_before_retry(1, 35.0, chance=0.0) == timedelta(seconds=35)
    assert delay_before_retry(7, 3.0, chance=1.0) == timedelta(seconds=60)


@pytest.mark.parametrize(
    ("attempts", "hours", "given_up"), [(10, 24, True), (9, 48, False), (10, 23.9, False), (300, 72, True)]
)
def test_a_message_is_given_up_after_a_day_and_ten_attempts(attempts: int, hours: float, given_up: bool) -> None:
    assert gives_up(attempts, age=timedelta(hours=hours)) is given_up


def test_a_platform_that_is_down_is_asked_again_within_ten_seconds() -> None:
    waits = [delay_before_probe(failures, chance=1.0).total_seconds() for failures in (0, 1, 2, 3, 4, 100)]

    assert waits == [1, 2, 4, 8, 10, 10]
