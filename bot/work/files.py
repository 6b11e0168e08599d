"""Fetches the files that contacts sent, after their messages are kept, and tells them when one is not kept."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol, runtime_checkable
from uuid import UUID

from sqlalchemy import Connection

from bot.errors import MediaRefused, SendRejected, SendRetryable
from bot.logs import open_log
from bot.media import BYTES_MOST, inspect
from bot.model import Attachment, ChannelName
from bot.storage import attachments, media, messages
from bot.storage.engine import Storage
from bot.storage.keys import KeyStore
from bot.storage.media import MediaFiles, MediaRow
from bot.work.crash import Reached, nothing_happens
from bot.work.loops import unless_stopped, whenever
from bot.work.together import Processes

log = open_log(__name__)

AT_ONCE: Final = 4
SWEEPS_EVERY_S: Final = 60.0
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(hours=1)
GIVEN_UP_AFTER: Final = 12
"""Tries; with the waits between them about five hours."""
ORPHAN_AFTER: Final = timedelta(hours=1)


@runtime_checkable
class Downloads(Protocol):
    """The part of a channel that gives files."""

    name: ChannelName

    async def download(self, file_id: str, *, most_bytes: int) -> bytes:
        """The content of a file; raises SendRetryable or SendRejected."""


class TellRefused(Protocol):
    """Tells the contact that a file is not kept."""

    async def __call__(self, message_id: UUID) -> None:
        """Returns when that is kept as a message."""


def wait_before(attempts: int) -> timedelta:
    """How long to wait before the next try, after so many that failed."""
    return min(FIRST_WAIT * (1 << attempts), LONGEST_WAIT)


@dataclass(frozen=True, kw_only=True)
class FileFetcher:
    """Fetches when it is called, and every minute, in the process that leads the channel."""

    storage: Storage
    keys: KeyStore
    files: MediaFiles
    channels: Mapping[ChannelName, Downloads]
    processes: Processes
    tell_refused: TellRefused
    now: Callable[[], datetime]
    reached: Reached = nothing_happens
    _called: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self) -> None:
        """Says that a file may have come; returns at once."""
        self._called.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Fetches until stop is set."""
        await unless_stopped(whenever(self._called, self._work, every_s=SWEEPS_EVERY_S), stop)

    async def fetch_wanted(self) -> int:
        """Tries each file that may be fetched now once; gives their number.

        Raises:
            StorageDown: some are left; the next time finds them.
        """
        number = 0
        while rows := await self.storage.read(partial(media.wanted, now=self.now(), limit=AT_ONCE)):
            tried = await asyncio.gather(*map(self._fetch, rows))
            number += sum(tried)
            if not any(tried):
                break
        return number

    async def forget_orphans(self) -> int:
        """Deletes files that no message has, with their keys: what was deleted, or was never finished."""
        old = await asyncio.to_thread(self.files.older_than, self.now() - ORPHAN_AFTER)
        orphans = await self.storage.read(partial(media.unknown, names=old))
        for name in orphans:
            await asyncio.to_thread(self.keys.destroy, str(name))
            await asyncio.to_thread(self.files.delete, name)
        return len(orphans)

    async def _fetch(self, row: MediaRow) -> bool:
        """Whether the file was tried."""
        found = await self.storage.read(partial(_sent, row=row))
        if found is None:
            return False
        channel_name, attachment = found
        channel = self.channels.get(channel_name)
        if channel is None or not self.processes.leads(channel_name):
            return False
        try:
            content = await channel.download(attachment.file_id, most_bytes=BYTES_MOST)
            await self._keep(row, content)
        except SendRetryable as error:
            await self._again(row, error)
        except SendRejected as error:
            await self._refuse(row, error.reason)
        except MediaRefused as error:
            await self._refuse(row, error.reason)
        return True

    async def _keep(self, row: MediaRow, content: bytes) -> None:
        seen = await asyncio.to_thread(inspect, content, row.kind)
        await asyncio.to_thread(self.files.write, row.id, content)
        self.reached("files.written")
        mark = partial(media.mark_stored, media_id=row.id, type=seen.type, size=seen.size, now=self.now())
        await self.storage.run(mark)

    async def _again(self, row: MediaRow, error: SendRetryable) -> None:
        if row.attempts + 1 >= GIVEN_UP_AFTER:
            await self._refuse(row, error.reason)
            return
        now = self.now()
        wait = max(wait_before(row.attempts), timedelta(seconds=error.retry_after_s or 0))
        mark = partial(media.mark_retry, row=row, reason=error.reason, not_before=now + wait, now=now)
        await self.storage.run(mark)

    async def _refuse(self, row: MediaRow, reason: str) -> None:
        log.warning("file_refused", message_id=row.message_id, code=reason)
        await self.storage.run(partial(media.mark_refused, media_id=row.id, reason=reason, now=self.now()))
        await self.tell_refused(row.message_id)

    async def _work(self) -> None:
        try:
            await self.fetch_wanted()
        except Exception as error:  # noqa: BLE001 - the top of a worker: whatever fails is tried again
            log.error("files_not_fetched", error=error)


def _sent(tx: Connection, *, row: MediaRow) -> tuple[ChannelName, Attachment] | None:
    message = messages.get(tx, row.message_id)
    sent = attachments.of(tx, message) if message else None
    return (message.channel, sent) if message and sent else None
