"""Types commands of the program as an operator does, in a process of their own."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

TIMEOUT_S = 120
Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
"""Types one command, given as words."""


def environment_of(folder: Path, **settings: str) -> dict[str, str]:
    """The environment of a command whose data lie in this folder; its tables are 200 columns wide."""
    return {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "COLUMNS": "200", **settings}


def run(environment: Mapping[str, str], *words: str, stdin: str = "") -> Done:
    """What became of the command."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        env=environment,
        cwd=environment["DATA_DIR"],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def over_the_talk_in(folder: Path) -> Run:
    """Types commands over the data of the fixture talk, which lie in this folder; serve would not get its port."""
    return partial(run, environment_of(folder, DATABASE_URL=f"sqlite:///{folder / 'bot.db'}", PORT="1"))
