"""Several processes over one folder of content and examples: how soon all serve what an editor changed."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import httpx

from tests.edited import copy_of_edited_files
from tests.fakes.telegram import fake_telegram_process
from tests.torture.bot import Bot

PATIENCE_S: Final = 240.0
LOOK_EVERY_S: Final = 0.005
BETWEEN_S: Final = (1.2, 1.5, 1.8, 1.3, 1.6)
ANSWER: Final = Path("content/km/wages_thailand/unpaid_wages.md")
EXAMPLES: Final = Path("nlu/data/wages_thailand.yml")
What = Literal["content", "examples"]


@dataclass(frozen=True, kw_only=True)
class Swaps:
    """Of each change: after how many seconds the first and the last process served it."""

    processes: int
    content: Sequence[tuple[float, float]]
    examples: Sequence[tuple[float, float]]

    def __str__(self) -> str:
        words = f"{len(self.content)} changes of an answer: {self.processes} processes served each after"
        latest, apart = max(last for _, last in self.content), max(last - first for first, last in self.content)
        words += f" {latest:.1f} s at the latest, at most {apart:.2f} s after each other"
        for first, last in self.examples:
            words += f"; a new example was learnt by the first after {first:.0f} s, by the last after {last:.0f} s"
        return words


def swap(folder: Path, *, database_url: str, processes: int, changes: int, learns: bool) -> Swaps:
    """Changes an answer so many times, then, where it learns, an example; the database is PostgreSQL's."""
    files = copy_of_edited_files(folder / "files")
    answer, examples = files / ANSWER, files / EXAMPLES
    said, known = answer.read_text(encoding="utf-8"), examples.read_text(encoding="utf-8")
    content, learnt = [], []
    with _serving(folder / "bot", files, database_url, processes) as clients:
        for number in range(changes):
            time.sleep(BETWEEN_S[number % len(BETWEEN_S)])
            content.append(_change(clients, "content", answer, f"{said}\n{number}\n"))
        if learns:
            learnt.append(_change(clients, "examples", examples, f"{known}    - ot berk luy te bong\n"))
    return Swaps(processes=processes, content=content, examples=learnt)


@contextmanager
def _serving(folder: Path, files: Path, database_url: str, processes: int) -> Iterator[list[httpx.Client]]:
    """So many processes over these files; what asks each of them."""
    with ExitStack() as stack:
        fake = stack.enter_context(fake_telegram_process())
        clients = []
        for place in range(processes):
            bot = Bot(folder=folder, api_url=fake.address, database_url=database_url)
            stack.callback(bot.kill)
            bot.start({"FILES_DIR": str(files), "EXECUTOR_ID": f"bot-{place}"})
            bot.wait_until_up()
            clients.append(stack.enter_context(httpx.Client(base_url=bot.address, trust_env=False)))
        yield clients


def _change(clients: Sequence[httpx.Client], what: What, file: Path, words: str) -> tuple[float, float]:
    """When the first and the last served what changed: s after it."""
    before = _version(clients[0], what)
    file.write_text(words, encoding="utf-8")
    began = time.monotonic()
    served: dict[int, float] = {}
    while len(served) < len(clients):
        for place, client in enumerate(clients):
            if place not in served and _version(client, what) != before:
                served[place] = time.monotonic() - began
        if time.monotonic() > began + PATIENCE_S:
            raise TimeoutError(f"only {sorted(served)} serve what changed in {what}")
        time.sleep(LOOK_EVERY_S)
    return min(served.values()), max(served.values())


def _version(client: httpx.Client, what: What) -> str:
    version: str = client.get("/healthz").json()[what]
    return version
