"""The understanding in a process of its own: a long message holds up no other contact, and a second core is used.

Python runs one thread at a time, so that a parse and a transaction in one process wait for each other: ADR 0010. As a
program, `python -m bot.nlu.beside FOLDER`: writes the labels of the model, then for each line of JSON one.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, Self

from bot.logs import open_log, write_logs
from bot.nlu.embedded import load_engine
from khmer_nlu import Parsed, Slot, complete, parse
from khmer_nlu.parsed import NOT_UNDERSTOOD

TRIES: Final = 2
PATIENCE_S: Final = 3.0
"""So long one message waits for a child that is up: pages and platforms wait for us 4.5 s."""
SILENT_S: Final = 10.0
"""A child that owes an answer, or the end of its start, for so long hangs; the longest message takes a hundredth."""
_LINE_MAX: Final = 2**24

log = open_log(__name__)


class BesideEngine:
    """An Engine over a trained folder, in a child process that is started anew when it dies.

    A message for which the child dies twice or takes too long is read by the rules alone: danger and amounts, but no
    intent.
    """

    def __init__(self, folder: Path, *, patience_s: float = PATIENCE_S, silent_s: float = SILENT_S) -> None:
        """Starts the child, and does not wait for it."""
        self._folder, self._patience_s, self._silent_s = folder, patience_s, silent_s
        self._child = _Child.start(folder)

    async def labels(self) -> frozenset[str]:
        """Every id that the model knows, once it is loaded.

        Raises:
            ConnectionError: the child can not load it.
        """
        return frozenset(await self._child.labels())

    async def parse(self, text: str, *, today: date, slot: Slot | None = None) -> Parsed:
        """What the text means, on this day, as the answer to this question; never raises for any text."""
        question = {"text": text, "today": today.isoformat(), "slot": slot}
        for _ in range(TRIES):
            if self._child.owes_s() > self._silent_s:
                await self._replace(self._child)
            child = self._child
            try:
                async with asyncio.timeout(self._patience_s if child.is_up else self._silent_s):
                    return _parsed_of(await child.ask(question))
            except ConnectionError:
                await self._replace(child)
            except TimeoutError:
                break
        return complete(text, NOT_UNDERSTOOD, today=today, slot=slot)

    async def _replace(self, child: "_Child") -> None:
        if child is self._child:  # else another message has seen to it
            log.error("understanding_died")
            self._child = _Child.start(self._folder)
            child.process.kill()
            await child.aclose()

    async def aclose(self) -> None:
        """Ends the child after what it was asked."""
        await self._child.aclose()


@dataclass(kw_only=True)
class _Child:
    """A process that answers one line of JSON with one, in their order."""

    process: subprocess.Popen[bytes]
    ours: socket.socket
    _answers: deque["tuple[asyncio.Future[Any], float]"] = field(default_factory=deque)
    _opened_at: float = 0.0
    _opened: "asyncio.Task[asyncio.StreamWriter] | None" = None
    _reading: "asyncio.Task[None] | None" = None
    _labels: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, folder: Path) -> Self:
        """Starts it; it ends when its socket is closed, so also when this process is killed."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "bot.nlu.beside", str(folder)]
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command, stdin=theirs.fileno(), stdout=theirs.fileno(), env={**os.environ, "OMP_NUM_THREADS": "1"}
            )
        return cls(process=process, ours=ours)

    @property
    def is_up(self) -> bool:
        """Whether its model is loaded."""
        return self._reading is not None

    def owes_s(self) -> float:
        """For how long it has owed an answer, or the end of its start; 0 where it owes nothing."""
        if self._answers:
            return time.monotonic() - self._answers[0][1]
        return time.monotonic() - self._opened_at if self._opened and not self.is_up else 0.0

    async def labels(self) -> list[str]:
        """What it says first, when its model is loaded."""
        await self._writer()
        return self._labels

    async def ask(self, question: dict[str, Any]) -> Any:
        """Its answer.

        Raises:
            ConnectionError: it died.
        """
        writer = await self._writer()
        if self._reading is None or self._reading.done():
            raise ConnectionResetError
        answer = asyncio.get_running_loop().create_future()
        self._answers.append((answer, time.monotonic()))
        writer.write(json.dumps(question).encode() + b"\n")
        return await answer

    async def aclose(self) -> None:
        """Ends it after what it was asked; where it is dead, whoever waits for an answer gets ConnectionError."""
        with suppress(ConnectionError):
            writer = await self._writer()
            if not writer.is_closing():
                writer.write_eof()
            if self._reading:
                await self._reading
        self.ours.close()
        self.process.wait()  # it has closed its end, so it is gone or going

    async def _writer(self) -> asyncio.StreamWriter:
        if self._opened is None:
            self._opened, self._opened_at = asyncio.create_task(self._open()), time.monotonic()
        return await asyncio.shield(self._opened)

    async def _open(self) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection(sock=self.ours, limit=_LINE_MAX)
        first = await reader.readline()
        if not first:
            await _close(writer)
            raise ConnectionResetError
        self._labels = json.loads(first)
        self._reading = asyncio.create_task(self._read(reader, writer))
        return writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            async for line in reader:
                _settle(self._answers.popleft()[0], json.loads(line))
        while self._answers:
            _settle(self._answers.popleft()[0], ConnectionResetError())
        await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def _settle(answer: "asyncio.Future[Any]", value: Any) -> None:
    if answer.done():  # whoever asked went away
        return
    if isinstance(value, Exception):
        answer.set_exception(value)
    else:
        answer.set_result(value)


def _parsed_of(answer: dict[str, Any]) -> Parsed:
    return Parsed.from_json(answer["parsed"], idiom=answer["idiom"], key=answer["key"])


def main(folder: Path) -> None:
    """What the child does, until its standard input ends."""
    model = load_engine(folder).model
    _say(list(model.labels))
    with suppress(ConnectionError):  # whoever asks was killed
        for question in map(json.loads, sys.stdin.buffer):
            parsed = parse(
                model, question["text"], today=date.fromisoformat(question["today"]), slot=question["slot"] or None
            )
            _say({"parsed": parsed.to_json(), "idiom": parsed.idiom, "key": parsed.key})


def _say(value: Any) -> None:
    sys.stdout.buffer.write(json.dumps(value).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    write_logs(level="warning", as_json=not sys.stderr.isatty())
    main(Path(sys.argv[1]))
