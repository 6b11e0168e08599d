"""Every update one to five times, shuffled within a minute: the end is that of a run where each came once, in order.

What a chat hears first decides what is said beside it, so that the first message of each chat comes first in both runs.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.torture.application import fresh, inbox, raw_of, text_update
from tests.torture.record import rows_of
from tests.torture.words import ANSWERED, CRISIS, GREETINGS

AT_ONCE: Final = 16
WITHIN_S: Final = 60.0
FIRST_USER: Final = 10_000
Json = dict[str, Any]
State = dict[str, Counter[tuple[str, str, str | None]]]


@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """How the two runs compare."""

    updates: int
    deliveries: int
    different: list[str]

    def __str__(self) -> str:
        return f"{self.updates} updates in {self.deliveries} deliveries, {len(self.different)} chats differ"


def shuffle(folder: Path, *, updates: int, chats: int, seed: int) -> Shuffled:
    """Runs both. The end state of a chat is all that was kept and said in it; of a crisis, its case."""
    chance = random.Random(seed)
    first = [text_update(user, FIRST_USER + user, ANSWERED[0]) for user in range(1, chats + 1)]
    plan = []
    for number in range(updates):
        words = CRISIS if chance.random() < 0.02 else chance.choice([*ANSWERED, *GREETINGS])
        plan.append(text_update(chats + number + 1, FIRST_USER + chance.randint(1, chats), words))
    # as if 50 came in a second, and each copy up to a minute later
    copies = sorted(
        (number / 50 + chance.uniform(0, WITHIN_S), number)
        for number in range(updates)
        for _ in range(chance.randint(1, 5))
    )
    clean, mixed = fresh(folder, "clean"), fresh(folder, "mixed")
    asyncio.run(_deliver(clean, folder, first, plan, at_once=1))
    asyncio.run(_deliver(mixed, folder, first, [plan[number] for _, number in copies], at_once=AT_ONCE))
    one, other = _state(clean, folder), _state(mixed, folder)
    different = [chat for chat in one.keys() | other.keys() if one.get(chat) != other.get(chat)]
    return Shuffled(updates=updates, deliveries=len(copies), different=different)


async def _deliver(database_url: str, keys: Path, first: list[Json], then: list[Json], *, at_once: int) -> None:
    async with inbox(database_url, keys) as box:
        for updates in (first, then):
            waiting = iter(updates)

            async def work(waiting: Iterator[Json] = waiting) -> None:
                for update in waiting:
                    await box.deliver(update["update_id"], raw_of(update))

            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(work())


def _state(database_url: str, keys: Path) -> State:
    state: State = {}
    for row in rows_of(database_url, keys):
        state.setdefault(row.chat, Counter())[row.author, row.body, row.external_id] += 1
    return state
