"""`check` says what would break the running bot, with the file and the mend."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from bot.checks.everything import check_everything
from bot.content.texts import said_by_program
from bot.settings import REPOSITORY, Paths
from tests.edited import copy_of_edited_files

Edit = Callable[[str, str, str], None]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy of everything that people edit."""
    return copy_of_edited_files(tmp_path)


def errors(files: Path) -> list[str]:
    found = check_everything(Paths(root=files), today=datetime.now(UTC).date())
    return [str(finding) for finding in found if finding.is_error]


def cut(path: Path, beginning: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(beginning)]
    assert len(kept) == len(lines) - 1
    path.write_text("".join(kept), encoding="utf-8")


def test_the_files_of_the_repository_have_no_errors(files: Path) -> None:
    assert errors(files) == []


def test_a_text_that_the_bot_says_may_not_vanish_from_both_languages(files: Path) -> None:
    for language in ("km", "en"):
        cut(files / "content" / language / "bot.yml", "goodbye:")

    found = errors(files)

    assert len(found) == 2
    assert all("“goodbye” is gone, but the bot still says it." in line for line in found)


def test_a_line_of_the_menu_needs_words(files: Path) -> None:
    for language in ("km", "en"):
        cut(files / "content" / language / "bot.yml", "menu_find_job:")

    (found,) = errors(files)

    assert "menu.yml:6: error: This line has no words." in found


def test_the_menu_offers_only_answers_that_are_written(files: Path) -> None:
    menu = files / "flows" / "menu.yml"
    menu.write_text(menu.read_text(encoding="utf-8").replace("find_job", "passport_cost"), encoding="utf-8")

    (found,) = errors(files)

    assert "There is no answer “passport_cost”." in found


def test_the_list_of_what_the_program_says_is_that_of_the_files() -> None:
    listed = {
        (file, key)
        for file in ("bot", "web")
        for key in yaml.safe_load((REPOSITORY / "content" / "en" / f"{file}.yml").read_text(encoding="utf-8"))
    }

    assert {(file, key) for file, key in listed - said_by_program() if not key.startswith("menu_")} == set()
    assert said_by_program() - listed == set()
