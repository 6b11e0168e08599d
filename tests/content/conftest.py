"""A small valid content folder that tests may break."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from bot.content.loader import load_content
from bot.content.model import Content
from bot.topics import Topics, load_topics

DATA = Path(__file__).parent.parent / "data" / "content"
TODAY = date(2026, 11, 24)

Edit = Callable[[str, str, str], None]


@pytest.fixture(scope="session")
def topics() -> Topics:
    return load_topics(DATA / "topics.yml")


@pytest.fixture
def today() -> date:
    return TODAY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA / "whole", tmp_path / "content"))


@pytest.fixture
def edit(folder: Path) -> Edit:
    """Replaces words that stand once in a file of the folder."""

    def replace(name: str, old: str, new: str) -> None:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    return replace


@pytest.fixture(scope="session")
def content(topics: Topics) -> Content:
    return load_content(DATA / "whole", topics=topics, today=TODAY)
