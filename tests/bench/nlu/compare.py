"""How much better one engine is than another on the same sentences, and whether that may be chance."""

import asyncio
import math
from collections.abc import Sequence
from datetime import date
from typing import Any

from bot.nlu.evaluation import Judged, Line, evaluate
from bot.topics import Topics
from khmer_nlu import Parsed
from tests.fakes import ScriptedEngine


def report_of(lines: Sequence[Line], parsed: Sequence[Parsed], topics: Topics) -> dict[str, Any]:
    """The figures of `returnee-bot evaluate`."""
    script = {line.text: one for line, one in zip(lines, parsed, strict=True)}
    return asyncio.run(evaluate(ScriptedEngine(script=script), lines, topics, today=date.min))


def rights(lines: Sequence[Line], parsed: Sequence[Parsed]) -> list[bool]:
    """For each sentence, whether it counts for accuracy."""
    return [Judged(line=line, parsed=one).is_right for line, one in zip(lines, parsed, strict=True)]


def mcnemar(one: Sequence[bool], other: Sequence[bool]) -> float:
    """McNemar's exact two-sided p: how often chance alone would part two equally good engines as far as this."""
    only_one = sum(a and not b for a, b in zip(one, other, strict=True))
    only_other = sum(b and not a for a, b in zip(one, other, strict=True))
    n, fewer = only_one + only_other, min(only_one, only_other)
    tail = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(1.0, tail / 2 ** (n - 1)) if n else 1.0
