"""A copy of what people edit, for tests that break or change it."""

import shutil
from pathlib import Path

from bot.settings import REPOSITORY


def copy_of_edited_files(folder: Path) -> Path:
    """The folder, with content, flows, topics, examples and pipeline in it."""
    for name in ("content", "flows", "nlu/data"):
        shutil.copytree(REPOSITORY / name, folder / name)
    for name in ("config.yml", "nlu/topics.yml"):
        shutil.copy(REPOSITORY / name, folder / name)
    return folder
