"""The day that “yesterday” in a message is counted from."""

from datetime import date, datetime, timedelta, timezone
from typing import Final

CAMBODIA: Final = timezone(timedelta(hours=7), "Asia/Phnom_Penh")
"""Cambodia and Thailand share this time, and neither changes it in summer."""


def day_of(now: datetime) -> date:
    """The day where the contacts are."""
    return now.astimezone(CAMBODIA).date()
