"""Whole messages of danger, and some that only sound like it: by the phrase list alone, and by the trained model."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.nlu.embedded import load_model
from bot.nlu.training import fingerprint
from bot.settings import REPOSITORY, Paths
from khmer_nlu import Model, find_crisis, parse

MESSAGES: list[dict[str, Any]] = yaml.safe_load(
    (REPOSITORY / "tests" / "data" / "crisis.yml").read_text(encoding="utf-8")
)
DANGER = [message["text"] for message in MESSAGES if message["crisis"]]
CALM = [message["text"] for message in MESSAGES if not message["crisis"]]
TODAY = date(2026, 11, 25)


@pytest.fixture(scope="module")
def model(models: Path) -> Model:
    return load_model(models / fingerprint(Paths(root=REPOSITORY)))


def test_the_phrases_find_nearly_all_of_them_without_a_model() -> None:
    missed = [text for text in DANGER if not find_crisis(text)]

    assert len(missed) <= 0.03 * len(DANGER), missed


def test_the_phrases_leave_calm_messages_alone() -> None:
    assert [text for text in CALM if find_crisis(text)] == []


def test_with_the_model_no_message_of_danger_is_missed(model: Model) -> None:
    assert [text for text in DANGER if not parse(model, text, today=TODAY).crisis] == []
