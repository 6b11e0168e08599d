"""The files of Rasa's side that are written by commands are up to date, and fit what they serve."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot.settings import REPOSITORY

HOST = REPOSITORY / "nlu" / "rasa_host"
LOCKS = (REPOSITORY / "requirements.lock", REPOSITORY / "requirements-dev.lock", HOST / "requirements.lock")


def test_the_domain_is_what_topics_yml_says() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/rasa_domain.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert (HOST / "domain.yml").read_text(encoding="utf-8") == done.stdout, "run `make rasa-domain`"


def test_rasas_lock_holds_what_khmer_nlu_needs() -> None:
    project = tomllib.loads((REPOSITORY / "nlu/khmer_nlu/pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["train"]]
    locked = set(
        re.findall(r"^([a-z0-9.-]+)==", (HOST / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    )

    assert {re.split(r"[<>=! ]", one)[0] for one in needed} <= locked, "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_lock_holds_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")

    assert "://" not in text
    assert re.findall(r"^\w.*", text, re.MULTILINE) == re.findall(
        r"^\w.* \\(?=\n    --hash=sha256:)", text, re.MULTILINE
    )
