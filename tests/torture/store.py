"""The database is down, full or frozen, or its disk fails, while people write: what was acknowledged stays."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from uuid import uuid4

import httpx
import psutil

from tests.postgres import NotHere, Postgres
from tests.torture.bot import Bot
from tests.torture.words import ANSWERED

Fault = Literal["fsync", "full", "frozen", "stopped"]
LETTERS: Final = {"fsync": "f", "full": "s", "frozen": "h"}
ANSWER_WITHIN_S: Final = 5.0
RECOVERS_WITHIN_S: Final = 60.0
CONTACTS_MOST: Final = 60
"""So many that what each posts again at the end is no flood."""
BEFORE_S: Final = 8.0
"""Until timers run too: they begin five seconds after the rest."""
EXIT_OF_A_FAILED_DISK: Final = os.EX_IOERR


@dataclass(kw_only=True)
class Written:
    """What was posted, and what became of it: ids by whether they were acknowledged, and the slowest refusal."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    slowest_refusal_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one fault went."""

    fault: str
    refused: int
    slowest_s: float
    recovered_s: float
    acknowledged: int
    lost: int
    doubled: int
    exit_code: int | None

    def __str__(self) -> str:
        ended = "" if self.exit_code is None else f", the process ended with {self.exit_code} and was started again"
        return (
            f"{self.fault}: {self.refused} refused, the slowest after {self.slowest_s:.1f} s{ended}; well again after"
            f" {self.recovered_s:.1f} s; {self.lost} of {self.acknowledged} acknowledged lost, {self.doubled} doubled"
        )


@dataclass(kw_only=True)
class Store:
    """One run: people write before, during and after a fault of so many seconds."""

    folder: Path
    seconds: float
    per_s: float = 5.0

    def on_sqlite(self, fault: Fault) -> Outcome:
        """On SQLite, with a disk that fails by a library put before the system's own."""
        switch = self.folder / "switch"
        more = {"LD_PRELOAD": str(build_failing_disk(self.folder)), "FAILING_DISK": str(switch)}
        bot = Bot(folder=self.folder / fault, api_url="http://127.0.0.1:9", token="")

        @contextmanager
        def failing() -> Iterator[None]:
            switch.write_text(LETTERS[fault])
            try:
                yield
            finally:
                switch.unlink()

        return self._run(bot, fault, failing, more)

    def on_postgres(self, fault: Fault, server: Postgres, database_url: str) -> Outcome:
        """On PostgreSQL, whose server is stopped, or stands still."""
        keys = f"sqlite:///{self.folder / fault / 'keys.db'}"
        bot = Bot(folder=self.folder / fault, api_url="http://127.0.0.1:9", token="", database_url=database_url)

        @contextmanager
        def failing() -> Iterator[None]:
            postmaster = psutil.Process(server.server.get_pid())
            if fault == "stopped":
                postmaster.send_signal(signal.SIGQUIT)
                postmaster.wait(20)
                yield
                server.server.ensure_postgres_running()
                return
            still = [postmaster, *postmaster.children()]
            for process in still:
                process.suspend()
            try:
                yield
            finally:
                for process in still:
                    with suppress(psutil.NoSuchProcess):
                        process.resume()

        return self._run(bot, fault, failing, {"KEYS_URL": keys})

    def _run(self, bot: Bot, fault: Fault, failing: Callable[[], Any], more: dict[str, str]) -> Outcome:
        bot.start(more)
        exit_code = None
        people: list[Person] = []
        try:
            bot.wait_until_up()
            people += [Person(bot.address) for _ in range(min(5 + round(self.seconds / 5), CONTACTS_MOST))]
            written = Written()
            self._write(people, written, BEFORE_S)
            with failing():
                self._write(people, written, self.seconds)
            began = time.monotonic()
            if not bot.is_alive and bot.process:
                exit_code = bot.process.returncode
                bot.start(more)
                bot.wait_until_up()
            recovered_s = self._recover(people, written, began)
            found = [text for person in people for text in person.read()]
        finally:
            for person in people:
                person.close()
            bot.kill()
        return Outcome(
            fault=fault,
            refused=len(written.refused),
            slowest_s=written.slowest_refusal_s,
            recovered_s=recovered_s,
            acknowledged=len(written.acknowledged),
            lost=sum(text not in found for text in written.acknowledged.values()),
            doubled=len(found) - len(set(found)),
            exit_code=exit_code,
        )

    def _write(self, people: list["Person"], written: Written, seconds: float) -> None:
        began, count = time.monotonic(), 0
        while time.monotonic() < began + seconds:
            person = people[count % len(people)]
            person.post(str(uuid4()), f"{ANSWERED[count % len(ANSWERED)]} {uuid4().hex}", written)
            count += 1
            time.sleep(max(began + count / self.per_s - time.monotonic(), 0))

    def _recover(self, people: list["Person"], written: Written, began: float) -> float:
        """Posts again what was refused, as the page does, until all of it is taken; gives the seconds to the first."""
        first_s = 0.0
        waiting = dict(written.refused)
        while waiting and time.monotonic() < began + RECOVERS_WITHIN_S:
            for name, text in list(waiting.items()):
                again = Written()
                _owner(people, name).post(name, text, again)
                if again.acknowledged:
                    first_s = first_s or time.monotonic() - began
                    written.acknowledged[name] = waiting.pop(name)
            time.sleep(0.05)
        if waiting:
            raise TimeoutError(f"{len(waiting)} messages were not taken {RECOVERS_WITHIN_S:.0f} s after the fault")
        return first_s


class Person:
    """One browser with its cookie."""

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, timeout=30, trust_env=False)
        self._http.get("/chat").raise_for_status()
        self.names: set[str] = set()

    def post(self, name: str, text: str, written: Written) -> None:
        """Posts one message."""
        self.names.add(name)
        began = time.monotonic()
        try:
            is_taken = self._http.post("/chat/api/messages", json={"id": name, "text": text}).is_success
        except httpx.TransportError:
            is_taken = False
        if is_taken:
            written.acknowledged[name] = text
            return
        written.refused[name] = text
        written.slowest_refusal_s = max(written.slowest_refusal_s, time.monotonic() - began)

    def close(self) -> None:
        """Closes the browser."""
        self._http.close()

    def read(self) -> list[str]:
        """All that this person wrote, as the page shows it."""
        found: list[dict[str, Any]] = []
        while some := self._http.get(f"/chat/api/messages?after={found[-1]['seq'] if found else 0}").json()["messages"]:
            found += some
        return [message["text"] for message in found if message["author"] == "contact"]


def _owner(people: list[Person], name: str) -> Person:
    return next(person for person in people if name in person.names)


def build_failing_disk(folder: Path) -> Path:
    """The library that fails in the system's place.

    Raises:
        NotHere: there is no compiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NotHere("there is no C compiler")
    library = folder / "failing_disk.so"
    source = Path(__file__).with_name("failing_disk.c")
    folder.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library
