"""Takes what a platform delivers: kept as it came, then handled; what can not be handled is set aside, not lost.

web.webhooks and work.poll are given it by app.py, and acknowledge an update when it returns.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol, runtime_checkable

from bot.cases.retention import RAW_UPDATES
from bot.conversation import Handled
from bot.errors import StorageDown
from bot.logs import open_log
from bot.metrics import Metrics
from bot.model import ChannelName, Inbound
from bot.storage import updates
from bot.storage.engine import Storage
from bot.storage.updates import UpdateRow
from bot.work.crash import Reached, nothing_happens

log = open_log(__name__)

TRIES: Final = 3
MOST_BEGINNINGS: Final = 10
"""An update whose handling began so often and never ended takes the process down with it: it is set aside."""
PURGED_AT_ONCE: Final = 500
RESUMED_AT_ONCE: Final = 200


@runtime_checkable
class Parser(Protocol):
    """The part of a channel that reads its platform's updates."""

    def parse(self, raw: bytes) -> Sequence[Inbound]:
        """The messages in an update; none where it is of another kind."""


class Handle(Protocol):
    """Handles one message of a contact, as Conversations.handle does."""

    async def __call__(self, inbound: Inbound) -> Handled:
        """Returns when the message and its replies are committed."""


@dataclass(frozen=True, kw_only=True)
class Ingestor:
    """Takes updates of every channel that has a parser; called with one, it returns when that one is done with.

    Raises:
        StorageDown: the update is not done with, and the platform must deliver it again.
    """

    storage: Storage
    parsers: Mapping[ChannelName, Parser]
    handle: Handle
    metrics: Metrics
    now: Callable[[], datetime]
    reached: Reached = nothing_happens

    async def __call__(self, channel_name: ChannelName, bot: str, external_id: str, raw: bytes) -> None:
        """Keeps and handles one update; the same one again does nothing, unless the first time did not end."""
        receive = partial(
            updates.receive, channel=channel_name, bot=bot, external_id=external_id, raw=raw, now=self.now()
        )
        try:
            update = await self.storage.run(receive)
            self.reached("ingest.stored")
            if update.status == "received":
                await self._finish(update)
        except StorageDown:
            self.metrics.ingest_failed(channel_name, "storage_down")
            raise

    async def resume(self, *, older_than: timedelta = timedelta(0)) -> None:
        """Handles updates that were kept and never done with: a platform drops some before it delivers them again."""
        received_until = self.now() - older_than
        unfinished = partial(updates.list_open, status="received", received_until=received_until, limit=RESUMED_AT_ONCE)
        for update in await self.storage.read(unfinished):
            if update.channel in self.parsers:
                await self(update.channel, update.bot, update.external_id, update.raw)

    async def purge(self) -> int:
        """Deletes updates that are older than they are kept; gives their number."""
        purge = partial(updates.purge, received_before=self.now() - RAW_UPDATES, limit=PURGED_AT_ONCE)
        deleted = 0
        while number := await self.storage.run(purge):
            deleted += number
        return deleted

    async def _finish(self, update: UpdateRow) -> None:
        error = "dies" if update.tries > MOST_BEGINNINGS else await self._try(update)
        if error is None:
            self.reached("ingest.handled")
            await self.storage.run(partial(updates.mark_handled, update_id=update.id))
            self.reached("ingest.marked")
            return
        await self.storage.run(partial(updates.quarantine, update_id=update.id, error=error))
        self.metrics.ingest_failed(update.channel, "quarantined")
        log.error("update_quarantined", update_id=update.id, channel=update.channel, error=error)

    async def _try(self, update: UpdateRow) -> str | None:
        """Handles what is in the update, trying what fails again; the code of the error that stayed."""
        try:
            inbounds = self.parsers[update.channel].parse(update.raw)
        except Exception as failure:  # noqa: BLE001 - whatever an update holds; it would fail again, so once is enough
            self.metrics.ingest_failed(update.channel, "parse")
            return type(failure).__name__
        error: str | None = None
        for _ in range(TRIES):
            try:
                for inbound in inbounds:
                    await self.handle(inbound)
            except StorageDown:
                raise
            except Exception as failure:  # noqa: BLE001 - the top of a worker: whatever fails is set aside
                error = type(failure).__name__
                self.metrics.ingest_failed(update.channel, "handler")
                await asyncio.sleep(0)
            else:
                return None
        return error
