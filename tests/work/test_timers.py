"""Timers and regular jobs outlive kill -9, on both databases, and end in order."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.settings import REPOSITORY
from bot.storage.migrate import upgrade
from bot.storage.vault import Vault

END_S = 30


@contextmanager
def child(database_url: str, what: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has timers, once it is ready."""
    command = [sys.executable, "-m", "tests.work.timer_child", database_url, what]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        assert said_next(process, {"ready"}) == ["ready"], process.communicate()
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def said_next(process: subprocess.Popen[str], last: set[str]) -> list[str]:
    """What the process says up to the first of these lines, or to its end."""
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.strip())
        if lines[-1] in last:
            break
    return lines


@pytest.fixture
def own_database_url(empty_database_url: str, vault: Vault) -> str:
    upgrade(empty_database_url, vault)
    return empty_database_url


def test_a_timer_that_was_set_before_a_kill_fires_once_after_it(own_database_url: str) -> None:
    with child(own_database_url, "set") as process:
        process.kill()
        assert "fired 7" not in said_next(process, set())

    with child(own_database_url, "run") as process:
        before = said_next(process, {"fired 7"})
        after = said_next(process, {"tick"}) + said_next(process, {"tick"})

    assert [*before, *after].count("fired 7") == 1
    assert after.count("tick") == 2


def test_a_stop_waits_for_what_has_begun_and_leaves_nothing_behind(own_database_url: str) -> None:
    with child(own_database_url, "run") as process:
        said_next(process, {"tick"})
        _, errors = process.communicate(timeout=END_S)

    assert (process.returncode, errors) == (0, "")


def test_what_a_dead_process_had_begun_is_taken_over_by_one_of_another_name(own_database_url: str) -> None:
    with child(own_database_url, "hang") as hanging:
        assert said_next(hanging, {"fired 7"})[-1] == "fired 7"
        hanging.kill()
    with child(own_database_url, "heir") as heir:
        assert said_next(heir, {"fired 7"})[-1] == "fired 7"
