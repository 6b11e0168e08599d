"""Runs what is measured in processes of its own: how long they take, and how much memory they need."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.settings import REPOSITORY

MB = 2**20


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a process cost from its start to its end: seconds, and the most memory that it held."""

    seconds: float
    peak_mb: float


def run_to_end(command: Sequence[str], *, environment: Mapping[str, str], cwd: Path = REPOSITORY) -> Cost:
    """Runs the command.

    Raises:
        RuntimeError: it failed.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as complaints:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=complaints)
        _, status, used = os.wait4(process.pid, 0)
        if status:
            complaints.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed: {complaints.read()[-2000:]}")
    return Cost(seconds=time.perf_counter() - began, peak_mb=used.ru_maxrss / 1024)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a process that parses did: its answers, the seconds of each, those to the first answer, and its memory."""

    answers: list[Any]
    seconds: list[float]
    start_s: float
    rss_mb: float


def run_parser(command: Sequence[str], texts: Sequence[str], *, environment: Mapping[str, str]) -> Run:
    """Has every text parsed twice; the second time is timed, when everything is loaded and warm.

    The command reads a JSON string a line and writes {"answer", "seconds"} for each, last {"rss_bytes"}.

    Raises:
        RuntimeError: it failed.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as lines:
        lines.writelines(json.dumps(text) + "\n" for text in (*texts, *texts))
        lines.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdin=lines,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout
        first = process.stdout.readline()
        start_s = time.perf_counter() - began
        rest, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {process.returncode}")
    *parsed, last = map(json.loads, (first, *rest.splitlines()))
    timed = parsed[len(texts) :]
    return Run(
        answers=[line["answer"] for line in timed],
        seconds=[line["seconds"] for line in timed],
        start_s=start_s,
        rss_mb=last["rss_bytes"] / MB,
    )
