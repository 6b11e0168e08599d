"""Master keys are rotated, and the rotation is killed again and again, while people write: every message opens."""

import asyncio
import os
import random
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from bot.errors import ReturneeBotError
from bot.storage import messages
from bot.storage.tables import conversations
from tests.serving import REPOSITORY
from tests.torture.application import Inbox, inbox, raw_of, text_update
from tests.torture.words import ANSWERED

FIRST_USER: Final = 40_001
LIVES_S: Final = (0.05, 1.2)
"""How long a rotation lives before it is killed: it takes about a second to begin."""


@dataclass(frozen=True, kw_only=True)
class Rotated:
    """What came of it: kills that hit, messages meanwhile, those that failed, conversations that do not open."""

    kills: int
    rotations: int
    written: int
    failed: int
    unreadable: int
    versions: int

    def __str__(self) -> str:
        return (
            f"{self.kills} kills in {self.rotations} rotations, {self.written} messages meanwhile:"
            f" {self.failed} failed, {self.unreadable} unreadable, {self.versions} version of the master key left"
        )


def rotate(folder: Path, *, rotations: int, conversations: int, seed: int = 1) -> Rotated:
    """Begins so many conversations, and rotates so often while they go on."""
    folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_rotate(folder, rotations, conversations, random.Random(seed)))


async def _rotate(folder: Path, rotations: int, people: int, chance: random.Random) -> Rotated:
    async with inbox(f"sqlite:///{folder / 'returnee-bot.db'}", folder) as box:
        for number in range(people):
            await _write(box, number + 1, FIRST_USER + number)
        writer = Writer(box=box, people=people, number=people)
        writing = asyncio.create_task(writer.run())
        kills = 0
        for _ in range(rotations):
            kills += await asyncio.to_thread(_rotate_and_kill, folder, chance.uniform(*LIVES_S))
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        for command in ("rotate", "drop-old"):
            await asyncio.to_thread(_keys(folder, command).wait)
        unreadable = await box.application.storage.read(_unreadable)
        versions = len(box.application.vault.keys.count_by_master())
    return Rotated(
        kills=kills,
        rotations=rotations,
        written=writer.number,
        failed=writer.failed,
        unreadable=unreadable,
        versions=versions,
    )


@dataclass(kw_only=True)
class Writer:
    """Writes without a pause."""

    box: Inbox
    people: int
    number: int
    failed: int = 0

    async def run(self) -> None:
        """Writes until it is cancelled."""
        while True:
            self.number += 1
            try:
                await _write(self.box, self.number, FIRST_USER + self.number % self.people)
            except ReturneeBotError:
                self.failed += 1


async def _write(box: Inbox, number: int, user: int) -> None:
    await box.deliver(number, raw_of(text_update(number, user, ANSWERED[number % len(ANSWERED)])))


def _keys(folder: Path, command: str) -> "subprocess.Popen[bytes]":
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "FILES_DIR": str(REPOSITORY)}
    command_line = [sys.executable, "-m", "bot", "keys", command]
    return subprocess.Popen(command_line, env=environment, cwd=folder, stdout=subprocess.DEVNULL)


def _rotate_and_kill(folder: Path, after_s: float) -> bool:
    """Whether the rotation was still at work when it was killed."""
    process = _keys(folder, "rotate")
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def _unreadable(tx: sa.Connection) -> int:
    failed = 0
    for one in tx.scalars(sa.select(conversations.c.id)).all():
        try:
            messages.after(tx, one, 0, 100_000)
        except ReturneeBotError:
            failed += 1
    return failed
