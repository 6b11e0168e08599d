"""Named places at which a test may have the process killed, to prove that nothing is lost there."""

import os
import signal
from collections.abc import Callable

Reached = Callable[[str], None]
"""Is told the name of each place that the work comes through."""


def nothing_happens(place: str) -> None:
    """What is reached outside tests."""


def killed_at(wanted: str) -> Reached:
    """Kills this process, as a power cut would, when it comes to a place for the n-th time: `place:n`, as CRASH_AT."""
    place, _, times = wanted.partition(":")
    left = int(times)

    def reached(name: str) -> None:
        nonlocal left
        left -= name == place
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached
