"""Measures the entities on sentences that were not looked at while their rules were written. Pure, but for the file.

How the figures are defined:
- an entity is right if its kind, its raw words and its value are exactly those of the line.
- precision: share of found entities that are right; recall: share of the line's entities that were found so.
- slot accuracy: share of lines with a slot whose value is read exactly, “unclear” among them.
- slot wrong: share of them that are read as some value that is not meant; the rest of the mistakes only ask again.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from bot.nlu.labelled import read_labelled
from khmer_nlu import Slot, find_entities, read_slot


class Mention(BaseModel):
    """An entity that a sentence mentions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entity: Slot
    raw: str
    value: dict[str, Any]


class Line(BaseModel):
    """A sentence, its day, what it mentions, and what it means as the answer to a question, if one was asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    today: date
    entities: tuple[Mention, ...]
    slot: Slot | None = None
    slot_value: dict[str, Any] | None = None


def read_lines(path: Path) -> tuple[Line, ...]:
    """The labelled sentences of a file; raises as read_labelled."""
    form = '{"text": "…", "today": "YYYY-MM-DD", "entities": [{"entity", "raw", "value"}]}'
    return read_labelled(path, Line, form=form)


def evaluate(lines: Iterable[Line]) -> dict[str, Any]:
    """The report of `returnee-bot evaluate --entities`."""
    lines = list(lines)
    gold, found, right = Counter[str](), Counter[str](), Counter[str]()
    mistakes: list[dict[str, Any]] = []
    for line in lines:
        meant = [(one.entity, one.raw, one.value) for one in line.entities]
        seen = [(one.entity, one.raw, dict(one.value)) for one in find_entities(line.text, line.today)]
        same = [one for one in seen if one in meant]
        for counter, entities in ((gold, meant), (found, seen), (right, same)):
            counter.update(entity for entity, _, _ in entities)
        if len(same) != len(meant) or len(seen) != len(meant):
            missed, extra = ([list(one) for one in a if one not in b] for a, b in ((meant, seen), (seen, meant)))
            mistakes.append({"text": line.text, "missed": missed, "extra": extra})
    slots, wrong_slots = _judge_slots([line for line in lines if line.slot])
    return {
        "n": len(lines),
        **_figures(gold.total(), found.total(), right.total()),
        "by_entity": {entity: _figures(gold[entity], found[entity], right[entity]) for entity in sorted(gold | found)},
        **slots,
        "mistakes": [*mistakes, *wrong_slots],
    }


def _figures(gold: int, found: int, right: int) -> dict[str, float]:
    return {
        "entities": gold,
        "precision": right / found if found else 1.0,
        "recall": right / gold if gold else 1.0,
    }


def _judge_slots(lines: Sequence[Line]) -> tuple[dict[str, float], list[dict[str, Any]]]:
    mistakes: list[dict[str, Any]] = []
    wrong = 0
    for line in lines:
        assert line.slot is not None  # noqa: S101 - the caller chose these
        value = read_slot(line.slot, line.text, line.today)
        read = None if value is None else dict(value)
        if read != line.slot_value:
            wrong += read is not None
            mistakes.append({"text": line.text, "slot": line.slot, "meant": line.slot_value, "read": read})
    n = max(len(lines), 1)
    figures = {"slots": len(lines), "slot_accuracy": 1 - len(mistakes) / n, "slot_wrong": wrong / n}
    return figures, mistakes
