"""Takes what a platform delivers: kept as it came, then handled; what can not be handled is set aside, not lost.

web.webhooks and work.poll are given it by app.py, and acknowledge an update when it returns.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol, runtime_checkable

from bot.cases.retention import RAW_UPDATES
from bot.channels.base import Finish
from bot.conversation import Also, Handled, nothing_more
from bot.errors import StorageDown
from bot.logs import open_log
from bot.metrics import Metrics
from bot.model import ChannelName, Inbound
from bot.storage import updates
from bot.storage.engine import Storage
from bot.storage.updates import UpdateRow
from bot.work.crash import Reached, nothing_happens

log = open_log(__name__)

Name = tuple[ChannelName, str, str]
"""The channel, the bot and the external id of an update."""

TRIES: Final = 3
MOST_BEGINNINGS: Final = 10
"""An update that so many processes began with and none ended takes each down with it: it is set aside."""
PURGED_AT_ONCE: Final = 500
RESUMED_AT_ONCE: Final = 200


@runtime_checkable
class Parser(Protocol):
    """The part of a channel that reads its platform's updates."""

    def parse(self, raw: bytes) -> Sequence[Inbound]:
        """The messages in an update; none where it is of another kind."""


class Handle(Protocol):
    """Handles one message of a contact, as Conversations.handle does."""

    async def __call__(self, inbound: Inbound, *, also: Also) -> Handled:
        """Returns when the message, its replies and what also writes are committed, in one transaction."""


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
    _begun: set[Name] = field(default_factory=set)

    async def __call__(self, channel_name: ChannelName, bot: str, external_id: str, raw: bytes) -> None:
        """Keeps and handles one update; the same one again does nothing, unless the first time did not end."""
        receive = partial(
            updates.receive,
            channel=channel_name,
            bot=bot,
            external_id=external_id,
            raw=raw,
            now=self.now(),
            counts=(channel_name, bot, external_id) not in self._begun,
        )
        with self._counting(channel_name):
            update = await self.storage.run(receive)
        self.reached("ingest.stored")
        if update.status == "received":
            await self._finish(update)
        else:  # also by another process
            self._begun.discard((channel_name, bot, external_id))

    async def keep(self, channel_name: ChannelName, bot: str, raw_of: Mapping[str, bytes]) -> Mapping[str, Finish]:
        """Keeps those of the updates, by external_id, that are new, in one transaction; gives what handles each.

        What another process had begun counts one more beginning when it is handled: it may be what took that down.
        """
        receive = partial(updates.receive_new, channel=channel_name, bot=bot, raw_of=raw_of, now=self.now())
        with self._counting(channel_name):
            new = await self.storage.run(receive)
        self.reached("ingest.stored")
        return {
            external_id: partial(self._finish, new[external_id])
            if external_id in new
            else partial(self, channel_name, bot, external_id, raw)
            for external_id, raw in raw_of.items()
        }

    @contextmanager
    def _counting(self, channel_name: ChannelName) -> Iterator[None]:
        try:
            yield
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
        name = (update.channel, update.bot, update.external_id)
        self._begun.add(name)  # stays where the database is down: this process lives, and counts only once
        with self._counting(update.channel):
            error = "dies" if update.tries > MOST_BEGINNINGS else await self._try(update)
            if error is not None:
                await self.storage.run(partial(updates.quarantine, update_id=update.id, error=error))
        self._begun.discard(name)
        if error is None:
            self.reached("ingest.handled")
            return
        self.metrics.ingest_failed(update.channel, "quarantined")
        log.error("update_quarantined", update_id=update.id, channel=update.channel, error=error)

    async def _try(self, update: UpdateRow) -> str | None:
        """Handles what is in the update, trying what fails again; the code of the error that stayed.

        The update is marked in the transaction of its last message: one commit, and no moment between the two.
        """
        try:
            inbounds = self.parsers[update.channel].parse(update.raw)
        except Exception as failure:  # noqa: BLE001 - whatever an update holds; it would fail again, so once is enough
            self.metrics.ingest_failed(update.channel, "parse")
            return type(failure).__name__
        mark, error = partial(updates.mark_handled, update_id=update.id), None
        for _ in range(TRIES):
            try:
                for place, inbound in enumerate(inbounds, start=1):
                    await self.handle(inbound, also=mark if place == len(inbounds) else nothing_more)
                if not inbounds:
                    await self.storage.run(mark)
            except StorageDown:
                raise
            except Exception as failure:  # noqa: BLE001 - the top of a worker: whatever fails is set aside
                error = type(failure).__name__
                self.metrics.ingest_failed(update.channel, "handler")
                await asyncio.sleep(0)
            else:
                return None
        return error
