"""Sends what conversations have to say: woken at once, and sweeping every second for what a wake missed."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import Connection

from bot.channels.base import Channel
from bot.conversation import buttons_of
from bot.errors import ReturneeBotError, SendRejected, SendRetryable
from bot.model import ChannelName, OutboundMessage, SendClass
from bot.storage import outbound
from bot.storage.engine import Storage
from bot.storage.outbound import OutboundRow
from bot.work.retry import delay_before_retry

log = logging.getLogger(__name__)

SWEEP_EVERY_S: Final = 1.0
BATCH: Final = 50
CONVERSATIONS_AT_ONCE: Final = 32


@dataclass(kw_only=True)
class Deliverer:
    """Delivers the outbound rows of every conversation in their order; one conversation never waits for another.

    notify is told the contact's name on the channel after each batch is written down.
    """

    storage: Storage
    channels: Mapping[ChannelName, Channel]
    notify: Callable[[str], None]
    now: Callable[[], datetime]
    _woken: set[UUID] = field(default_factory=set)
    _busy: set[UUID] = field(default_factory=set)
    _signal: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self, conversation_id: UUID) -> None:
        """Asks for a conversation to be looked at soon; returns at once."""
        self._woken.add(conversation_id)
        self._signal.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Delivers until stop is set, and finishes what is under way."""
        await self.storage.run(partial(outbound.recover, now=self.now()))
        async with asyncio.TaskGroup() as group:
            stopping = group.create_task(stop.wait())
            while not stop.is_set():
                await self._sweep()
                self._start_woken(group)
                waiting = asyncio.create_task(self._signal.wait())
                await asyncio.wait((waiting, stopping), timeout=SWEEP_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                self._signal.clear()
                self._start_woken(group)
            stopping.cancel()

    async def drain(self, conversation_id: UUID) -> None:
        """Sends everything that a conversation has due now, in its order."""
        while await self._deliver_batch(conversation_id):
            pass

    async def _sweep(self) -> None:
        try:
            due = await self.storage.read(
                partial(outbound.conversations_with_work, now=self.now(), limit=CONVERSATIONS_AT_ONCE)
            )
            self._woken.update(due)
        except ReturneeBotError:
            log.exception("sweep failed")

    def _start_woken(self, group: asyncio.TaskGroup) -> None:
        for conversation_id in self._woken - self._busy:
            self._woken.discard(conversation_id)
            self._busy.add(conversation_id)
            group.create_task(self._drain_one(conversation_id))

    async def _drain_one(self, conversation_id: UUID) -> None:
        try:
            await self.drain(conversation_id)
        except ReturneeBotError:
            log.exception("delivery failed, the next sweep tries again")
        finally:
            self._busy.discard(conversation_id)
            if conversation_id in self._woken:
                self._signal.set()

    async def _deliver_batch(self, conversation_id: UUID) -> bool:
        rows = await self.storage.run(
            partial(outbound.claim, conversation_id=conversation_id, now=self.now(), limit=BATCH)
        )
        outcomes: list[_Outcome] = []
        for row in rows:
            outcomes.append(await self._send(row))
            if outcomes[-1].status == "queued":
                break  # later messages wait for this one
        if rows:
            await self.storage.run(partial(_write_down, rows=rows, outcomes=outcomes, now=self.now()))
            self.notify(rows[0].contact_ref)
        return bool(rows) and len(outcomes) == len(rows) and outcomes[-1].status != "queued"

    async def _send(self, row: OutboundRow) -> "_Outcome":
        message = OutboundMessage(
            id=row.message.id,
            seq=row.message.seq,
            contact_ref=row.contact_ref,
            language=row.message.language,
            text=row.message.body,
            buttons=buttons_of(row.message),
            answer=row.message.answer,
            created_at=row.message.created_at,
        )
        try:
            platform_id = await self.channels[row.message.channel].send(message)
        except SendRejected as error:
            return _Outcome(status="rejected", error=error.reason)
        except SendRetryable as error:
            if error.maybe_sent and row.send_class is SendClass.B:
                return _Outcome(status="maybe_sent", error=error.reason)
            due = self.now() + delay_before_retry(row.attempts, error.retry_after_s)
            return _Outcome(status="queued", error=error.reason, not_before=due)
        return _Outcome(status="sent", platform_id=platform_id)


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What became of one send; queued: to be tried again at not_before."""

    status: Literal["sent", "maybe_sent", "rejected", "queued"]
    platform_id: str | None = None
    error: str = ""
    not_before: datetime | None = None


def _write_down(tx: Connection, *, rows: Sequence[OutboundRow], outcomes: Sequence[_Outcome], now: datetime) -> None:
    for row, outcome in zip(rows, outcomes, strict=False):
        _mark(tx, row.message.id, outcome, now)
    outbound.release(tx, [row.message.id for row in rows[len(outcomes) :]], now=now)


def _mark(tx: Connection, message_id: UUID, outcome: _Outcome, now: datetime) -> None:
    match outcome.status:
        case "sent":
            outbound.mark_sent(tx, message_id, platform_id=outcome.platform_id, now=now)
        case "maybe_sent":
            outbound.mark_maybe_sent(tx, message_id, error=outcome.error, now=now)
        case "rejected":
            outbound.mark_rejected(tx, message_id, error=outcome.error, now=now)
        case "queued":
            outbound.mark_retry(tx, message_id, not_before=outcome.not_before or now, error=outcome.error, now=now)
