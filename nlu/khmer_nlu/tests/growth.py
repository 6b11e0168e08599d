"""Whether work grows with the length of a text and not with its square: a ratio of one run, whatever the machine."""

import gc
import time
from collections.abc import Callable

SHORT, TIMES = 5_000, 4
LINEAR_AT_MOST = 2 * TIMES  # the square would give TIMES²
ROUNDS = 8


def grows_linearly(work: Callable[[str], object], text_of: Callable[[int], str]) -> bool:
    """True if a text TIMES as long costs about TIMES as much; a machine that stumbles gets ROUNDS chances."""
    short, long = text_of(SHORT), text_of(SHORT * TIMES)
    assert len(long) == SHORT * TIMES
    was_on = gc.isenabled()
    gc.disable()  # or the heap of all other tests is counted
    try:
        return any(_cpu_s(work, long) <= LINEAR_AT_MOST * _cpu_s(work, short) for _ in range(ROUNDS))
    finally:
        if was_on:
            gc.enable()


def _cpu_s(work: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    work(text)
    return time.process_time() - began


def repeated(part: str) -> Callable[[int], str]:
    """Texts of any length that say the same again and again."""
    return lambda size: (part * size)[:size]
