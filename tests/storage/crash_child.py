"""A process that writes until it is killed: `python -m tests.storage.crash_child ADDRESS KEYS hold|go`."""

import asyncio
import os
import sys
from functools import partial
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from bot.settings import Settings
from bot.storage.engine import open_storage
from bot.storage.vault import open_vault
from tests.storage.rows import say


def write(tx: sa.Connection, *, contact_ref: str, hold: bool) -> None:
    """Two messages in a conversation of their own, with a stop between them."""
    say(tx, contact_ref)
    if hold:
        os.write(1, b"inside\n")  # whole, though several threads write
        sys.stdin.read()
    say(tx, contact_ref)


async def main(database_url: str, keys_dir: str, what: str) -> None:
    """Writes with eight tasks; prints each conversation when it is committed."""
    storage, numbers = open_storage(database_url, open_vault(Settings(data_dir=Path(keys_dir)))), count()

    async def work() -> None:
        for number in numbers:
            await storage.run(partial(write, contact_ref=str(number), hold=what == "hold"))
            print(number, flush=True)

    await asyncio.gather(*(work() for _ in range(8)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
