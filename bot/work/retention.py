"""Lets go of what is kept for a time only: rows deleted, keys destroyed, and no page of them left beside the file."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from bot.logs import open_log
from bot.storage.engine import Storage
from bot.storage.keys import KeyStore
from bot.storage.updates import OWNER, key_owner
from bot.work.ingest import KEPT_FOR

log = open_log(__name__)

OLDEST_NOW: Final = date(2026, 1, 1)
"""A clock that says an earlier day is wrong, and nothing is deleted by it."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Lets go of raw updates after 72 hours: safety.md, rule 20.

    purge_rows deletes the rows and gives their number. The key of a day goes once every update of it is too old,
    so that backups of the data show nothing of them either.
    """

    storage: Storage
    keys: KeyStore
    purge_rows: Callable[[], Awaitable[int]]
    now: Callable[[], datetime]

    async def purge_updates(self) -> int:
        """Deletes old updates and destroys the keys of their days; gives the number of keys.

        Raises:
            StorageDown: some are left; the next time finds them.
        """
        now = self.now()
        if now.date() < OLDEST_NOW:
            log.error("clock_not_believed", day=now.date())
            return 0
        deleted = await self.purge_rows()
        first_kept = key_owner(now - KEPT_FOR)
        old = [owner for owner in await asyncio.to_thread(self.keys.owners, OWNER) if owner < first_kept]
        if old:
            await asyncio.to_thread(self.keys.destroy, *old)
        if deleted or old:
            await self.storage.forget_deleted()
        return len(old)
