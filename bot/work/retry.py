"""When to try a message again: pure."""

from datetime import timedelta
from typing import Final

FIRST_DELAY_S: Final = 1.0
LONGEST_DELAY_S: Final = 300.0


def delay_before_retry(attempts: int, retry_after_s: float | None) -> timedelta:
    """How long to wait after so many attempts: doubling, and never less than the platform asked for."""
    doubled = min(FIRST_DELAY_S * 2.0 ** max(attempts - 1, 0), LONGEST_DELAY_S)
    return timedelta(seconds=max(doubled, retry_after_s or 0.0))
