"""When to try a message again, and when to give it up: pure, so that time and chance come from outside."""

from datetime import timedelta
from typing import Final

FIRST_DELAY_S: Final = 1.0
LONGEST_DELAY_S: Final = 60.0
GIVE_UP_AFTER: Final = timedelta(hours=24)
FEWEST_ATTEMPTS: Final = 10
"""A message that has waited a day behind others, or while we were down, still gets as many."""


def delay_before_retry(attempts: int, retry_after_s: float | None, *, chance: float) -> timedelta:
    """How long to wait after so many attempts: doubling, by chance (0 to 1) down to half of that.

    Never less than the platform asked for.
    """
    doubled = min(FIRST_DELAY_S * 2.0 ** min(max(attempts - 1, 0), 32), LONGEST_DELAY_S)
    return timedelta(seconds=max(doubled * (0.5 + chance / 2), retry_after_s or 0.0))


def gives_up(attempts: int, *, age: timedelta) -> bool:
    """Whether a message is given up after so many attempts, this long after it was written."""
    return attempts >= FEWEST_ATTEMPTS and age >= GIVE_UP_AFTER


def delay_before_probe(failures: int, *, chance: float) -> timedelta:
    """How long a bot sends nothing after so many failures without a success: from 1 s, doubling, at most 10 s."""
    return timedelta(seconds=min(2.0 ** min(failures, 32), 10.0) * (0.5 + chance / 2))
