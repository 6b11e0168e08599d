"""Measures the understanding on labelled sentences that it was not trained on. Pure, but for reading the file.

How the figures are defined:
- predicted: the crisis id if one was found, else the most probable intent, before the thresholds.
- accuracy: share of all lines that are right. In scope: predicted is in `accept`. Out of scope: not answered directly.
- top3: share of in-scope lines with an accepted intent among the three most probable, or the right crisis.
- macro_f1: mean over gold intents of F1, where a fallback counts as out_of_scope.
- ece: expected calibration error of the best intent over ten bins, on in-scope lines that are no crisis.
- crisis.recall: share of crisis lines where a crisis was found; false_alarms: of all other lines, where it is false
  unless `accept` holds a crisis id; near_miss_alarms: of those with `"near": "crisis"` and no crisis id in `accept`.
- calibration: the lines of ece by bin of confidence, their mean confidence and accuracy; empty bins are left out.
- matrix: how many lines, by group of the gold id (rows) and of the decided one, where any accepted id counts as gold.
  The groups are those of by_theme: themes, controls (with flows), crisis and out_of_scope.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from bot.nlu.engine import Engine
from bot.nlu.labelled import read_labelled
from bot.topics import Topics
from khmer_nlu import OUT_OF_SCOPE, Parsed

BINS: Final = 10
CONFUSIONS_SHOWN: Final = 50
_CRISIS: Final = "crisis_"
_GROUPS: Final = ("controls", "crisis", OUT_OF_SCOPE)
"""What is of no theme; flows stand with controls."""


class Line(BaseModel):
    """A labelled sentence; near: the kind of sentence that it only looks like."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    text: str
    intent: str
    accept: tuple[str, ...] = ()
    style: str = ""
    near: str = ""

    @property
    def may_alarm(self) -> bool:
        """Whether an alarm is right here, or does no harm."""
        return any(intent.startswith(_CRISIS) for intent in (self.intent, *self.accept))

    @property
    def is_near_crisis(self) -> bool:
        """Whether it sounds like danger, and is none."""
        return self.near == "crisis" and not self.may_alarm


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A sentence, what it was understood as, and whether that serves the person."""

    line: Line
    parsed: Parsed

    @property
    def is_outside(self) -> bool:
        """Whether it should not be answered."""
        return self.line.intent == OUT_OF_SCOPE

    @property
    def is_crisis(self) -> bool:
        """Whether it speaks of danger."""
        return self.line.intent.startswith(_CRISIS)

    @property
    def accepted(self) -> frozenset[str]:
        """The ids that serve the person."""
        return frozenset({self.line.intent, *self.line.accept})

    @property
    def predicted(self) -> str:
        """The crisis id if one was found, else the most probable intent."""
        return self.parsed.crisis or (self.parsed.ranking[0][0] if self.parsed.ranking else OUT_OF_SCOPE)

    @property
    def decided(self) -> str:
        """As predicted, but out_of_scope where the bot falls back."""
        return self.predicted if self.parsed.crisis or self.parsed.decision != "fallback" else OUT_OF_SCOPE

    @property
    def counted_as(self) -> str:
        """As decided, but the gold id where that is accepted."""
        return self.line.intent if self.decided in self.accepted else self.decided

    @property
    def is_right(self) -> bool:
        """Whether the line counts for accuracy."""
        if self.is_outside:
            return self.parsed.decision != "answer" and not self.parsed.crisis
        return self.predicted in self.accepted

    @property
    def is_in_top3(self) -> bool:
        """Whether the right one could be shown as a button."""
        best = {intent for intent, _ in self.parsed.ranking[:3]}
        return self.predicted in self.accepted or (not self.parsed.crisis and bool(best & self.accepted))


def read_lines(path: Path) -> tuple[Line, ...]:
    """The labelled sentences of a file; raises as read_labelled."""
    return read_labelled(path, Line, form='{"text": "…", "intent": "…"}')


async def evaluate(engine: Engine, lines: Iterable[Line], topics: Topics, *, today: date) -> dict[str, Any]:
    """The report of `returnee-bot evaluate`; no figure of it depends on the day."""
    judged = [Judged(line=line, parsed=await engine.parse(line.text, today=today)) for line in lines]
    inside = [one for one in judged if not one.is_outside]
    outside = [one for one in judged if one.is_outside]
    crisis = [one for one in judged if one.is_crisis]
    calm = [one for one in judged if not one.is_crisis]
    near = [one for one in judged if one.line.is_near_crisis]
    bins = _calibration([one for one in inside if not one.is_crisis and one.parsed.ranking])
    theme_of = {answer: theme for theme, answers in topics.answers.items() for answer in answers}

    def group_of(intent: str) -> str:
        return theme_of.get(intent, _group(intent))

    return {
        "n": len(judged),
        "accuracy": _share(judged, lambda one: one.is_right),
        "top3": _share(inside, lambda one: one.is_in_top3),
        "macro_f1": _macro_f1(judged),
        "ece": _ece(bins),
        "in_scope_refused": _share(inside, lambda one: one.parsed.decision == "fallback" and not one.parsed.crisis),
        "out_of_scope_refused": _share(outside, lambda one: one.parsed.decision == "fallback"),
        "out_of_scope_answered": _share(outside, lambda one: one.parsed.decision == "answer"),
        "in_scope_wrong_answer": _share(inside, _is_wrong_answer),
        "crisis": {
            "recall": _share(crisis, lambda one: one.parsed.crisis is not None),
            "false_alarms": _share(calm, lambda one: one.parsed.crisis is not None and not one.line.may_alarm),
            "near_miss_alarms": _share(near, lambda one: one.parsed.crisis is not None),
        },
        "by_style": _by(judged, lambda one: one.line.style or "none"),
        "by_theme": _by(judged, lambda one: group_of(one.line.intent)),
        "calibration": bins,
        "matrix": _matrix(judged, (*topics.themes, *_GROUPS), group_of),
        "confusions": _confusions(judged),
    }


def _is_wrong_answer(one: Judged) -> bool:
    return one.predicted not in one.accepted and (one.parsed.decision == "answer" or one.parsed.crisis is not None)


def _group(intent: str) -> str:
    if intent.startswith(_CRISIS):
        return "crisis"
    return intent if intent == OUT_OF_SCOPE else "controls"


def _share(judged: Sequence[Judged], is_so: Callable[[Judged], bool]) -> float:
    return sum(map(is_so, judged)) / len(judged) if judged else 0.0


def _by(judged: Sequence[Judged], group_of: Callable[[Judged], str]) -> dict[str, dict[str, float]]:
    groups: defaultdict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[group_of(one)].append(one)
    return {
        name: {"n": len(group), "accuracy": _share(group, lambda one: one.is_right)}
        for name, group in sorted(groups.items())
    }


def _macro_f1(judged: Sequence[Judged]) -> float:
    gold, predicted, right = Counter[str](), Counter[str](), Counter[str]()
    for one in judged:
        gold[one.line.intent] += 1
        predicted[one.counted_as] += 1
        right[one.counted_as] += one.counted_as == one.line.intent
    return sum(2 * right[label] / (gold[label] + predicted[label]) for label in gold) / max(len(gold), 1)


def _calibration(judged: Sequence[Judged]) -> list[dict[str, float]]:
    bins: defaultdict[int, list[Judged]] = defaultdict(list)
    for one in judged:
        bins[min(int(one.parsed.confidence * BINS), BINS - 1)].append(one)
    return [
        {
            "from": place / BINS,
            "n": len(group),
            "confidence": sum(one.parsed.confidence for one in group) / len(group),
            "accuracy": _share(group, lambda one: one.parsed.ranking[0][0] in one.accepted),
        }
        for place, group in sorted(bins.items())
    ]


def _ece(bins: Sequence[Mapping[str, float]]) -> float:
    gaps = (one["n"] * abs(one["confidence"] - one["accuracy"]) for one in bins)
    return sum(gaps) / max(sum(one["n"] for one in bins), 1)


def _matrix(judged: Sequence[Judged], groups: Sequence[str], group_of: Callable[[str], str]) -> dict[str, Any]:
    counts = Counter((group_of(one.line.intent), group_of(one.counted_as)) for one in judged)
    return {"groups": list(groups), "counts": [[counts[gold, decided] for decided in groups] for gold in groups]}


def _confusions(judged: Sequence[Judged]) -> list[list[Any]]:
    wrong = Counter((one.line.intent, one.decided) for one in judged if one.decided not in one.accepted)
    return [[gold, predicted, count] for (gold, predicted), count in wrong.most_common(CONFUSIONS_SHOWN)]
