"""What the tests of Rasa share: its environment, and a model that it trained on part of the examples."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.settings import REPOSITORY, Paths
from tests.conftest import skip_or_fail
from tests.some_examples import copy_some_examples

ENVIRONMENT = REPOSITORY / "nlu" / "rasa_host" / ".venv"
EXAMPLES_PER_INTENT = 8


@dataclass(frozen=True, kw_only=True)
class Rasa:
    """The environment of `make rasa`; whatever runs in it runs in folder and finds its home there."""

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """The environment's variables, without any of this process that could change what Rasa does."""
        return {"PATH": f"{ENVIRONMENT / 'bin'}:{os.environ['PATH']}", "HOME": str(self.folder), "OMP_NUM_THREADS": "1"}

    def run(self, *command: str, cwd: Path | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a command of the environment, to its end."""
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=self.variables,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture(scope="session")
def rasa(tmp_path_factory: pytest.TempPathFactory) -> Rasa:
    """Rasa, in a folder that holds the repository's files with part of the examples: it trains in seconds."""
    if not (ENVIRONMENT / ".installed").exists():
        skip_or_fail("Rasa's environment is missing: make rasa")
    folder = tmp_path_factory.mktemp("rasa")
    copy_some_examples(Paths(root=folder), EXAMPLES_PER_INTENT)
    return Rasa(folder=folder)


@pytest.fixture(scope="session")
def archive(rasa: Rasa) -> Path:
    """The model archive of `rasa train nlu`."""
    done = rasa.run("rasa", "train", "nlu", "--nlu", "nlu/data", "--out", "models", "--fixed-model-name", "part")
    assert done.returncode == 0, done.stderr
    return rasa.folder / "models" / "part.tar.gz"
