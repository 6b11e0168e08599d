"""Erases what is put aside and due: noted outside of the database, its keys destroyed, then its rows deleted.

Each step may be done again, so that a kill between two of them loses nothing and leaves nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from bot.logs import open_log
from bot.storage import audit, erased_list, erasures
from bot.storage.engine import Storage
from bot.storage.erasures import ErasureRow
from bot.storage.keys import KeyStore
from bot.storage.media import MediaFiles
from bot.work.crash import Reached, nothing_happens
from bot.work.loops import unless_stopped, whenever

log = open_log(__name__)

AT_ONCE: Final = 100
LOOKS_AGAIN_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Eraser:
    """Erases when it is called, and every minute. erased is the list outside of the database."""

    storage: Storage
    keys: KeyStore
    files: MediaFiles
    erased: Path
    now: Callable[[], datetime]
    reached: Reached = nothing_happens
    _called: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self) -> None:
        """Says that something is due; returns at once."""
        self._called.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Erases until stop is set."""
        await unless_stopped(whenever(self._called, self._work, every_s=LOOKS_AGAIN_S), stop)

    async def erase_due(self) -> int:
        """Erases all that is due; gives the number of conversations and cases.

        Raises:
            StorageError: some are left; the next time finds them.
        """
        number = 0
        while rows := await self.storage.read(partial(erasures.due, now=self.now(), limit=AT_ONCE)):
            for row in rows:
                await self._erase(row)
            number += len(rows)
        if number:
            await self.storage.forget_deleted()
        return number

    async def _erase(self, row: ErasureRow) -> None:
        owners = await self.storage.read(partial(erasures.owners_in, erasure=row))
        files = await self.storage.read(partial(erasures.files_in, erasure=row))
        await asyncio.to_thread(erased_list.add, self.erased, owners, self.now())
        self.reached("erase.noted")
        await asyncio.to_thread(self.keys.destroy, *owners)
        self.reached("erase.destroyed")
        for name in files:
            await asyncio.to_thread(self.files.delete, name)
        await self.storage.run(partial(_finish, row=row, keys=len(owners), now=self.now()))

    async def _work(self) -> None:
        try:
            await self.erase_due()
        except Exception as error:  # noqa: BLE001 - the top of a worker: whatever fails is tried again
            log.error("not_erased", error=error)


def _finish(tx: sa.Connection, *, row: ErasureRow, keys: int, now: datetime) -> None:
    if not erasures.finish(tx, row.owner, row.kind):
        return
    deed: dict[str, str | int] = {"reason": row.reason, "keys": keys}
    audit.append(tx, actor="returnee-bot", action="erased", object=f"{row.kind} {row.owner}", now=now, details=deed)
