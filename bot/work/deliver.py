"""Sends what conversations have to say: woken at once, and sweeping every second for what a wake missed."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import Connection

from bot.channels.base import Channel
from bot.errors import ReturneeBotError, SendRejected, SendRetryable, StorageDown
from bot.hearing import buttons_of
from bot.metrics import Metrics
from bot.model import ChannelName, OutboundMessage, SendClass
from bot.storage import holds, outbound
from bot.storage.engine import Storage
from bot.storage.outbound import Destination, OutboundRow
from bot.work.crash import Reached, nothing_happens
from bot.work.pace import Line
from bot.work.retry import delay_before_retry, gives_up

log = logging.getLogger(__name__)

SWEEP_EVERY_S: Final = 1.0
SWEEP_MOST: Final = 500
RECLAIM_EVERY_SWEEPS: Final = 60
RECLAIM_AFTER: Final = timedelta(minutes=5)
"""Longer than any channel takes for one message: what still counts as being sent was claimed by nobody alive."""
WRITE_DOWN_AGAIN_S: Final = 0.5


@dataclass(kw_only=True)
class Deliverer:
    """Delivers the outbound rows of every conversation in their order; one conversation never waits for another.

    notify is told the contact's name on the channel after each message is written down. clock gives seconds that only
    grow, chance a number from 0 to 1.
    """

    storage: Storage
    channels: Mapping[ChannelName, Channel]
    notify: Callable[[str], None]
    now: Callable[[], datetime]
    clock: Callable[[], float]
    chance: Callable[[], float]
    metrics: Metrics
    reached: Reached = nothing_happens
    _woken: set[UUID] = field(default_factory=set)
    _busy: set[UUID] = field(default_factory=set)
    _signal: asyncio.Event = field(default_factory=asyncio.Event)
    _lines: dict[tuple[ChannelName, str], Line] = field(default_factory=dict)
    _is_stopping: bool = False
    _dispatchers: dict[tuple[ChannelName, str], "asyncio.Task[None]"] = field(default_factory=dict)

    def wake(self, conversation_id: UUID) -> None:
        """Asks for a conversation to be looked at soon; returns at once."""
        self._woken.add(conversation_id)
        self._signal.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Delivers until stop is set, and finishes what is under way."""
        await self.storage.run(partial(outbound.recover, now=self.now()))
        await self._load_holds()
        async with asyncio.TaskGroup() as group:
            stopping = group.create_task(stop.wait())
            sweep_at, sweeps = self.clock(), 0
            while not stop.is_set():
                if self.clock() >= sweep_at:
                    await self._sweep(reclaim=sweeps % RECLAIM_EVERY_SWEEPS == RECLAIM_EVERY_SWEEPS - 1)
                    sweep_at, sweeps = self.clock() + SWEEP_EVERY_S, sweeps + 1
                self._start_woken(group)
                waiting = asyncio.create_task(self._signal.wait())
                left_s = max(sweep_at - self.clock(), 0.0)
                await asyncio.wait((waiting, stopping), timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                self._signal.clear()
            self._is_stopping = True
            for dispatcher in self._dispatchers.values():
                dispatcher.cancel()
            stopping.cancel()

    async def drain(self, conversation_id: UUID) -> None:
        """Sends everything that a conversation has due now, in its order."""
        while to := await self._destination(conversation_id):
            line = self._line_of(to.channel, to.bot)
            if line.chat_wait_s(to) or line.held_s():
                return
            line.begin()
            await self._send_next(to, line)

    async def _load_holds(self) -> None:
        found = await self.storage.read(partial(holds.all_after, now=self.now()))
        for (channel, bot), until in found.items():
            if channel in self.channels:
                self._line_of(channel, bot).hold((until - self.now()).total_seconds())

    async def _sweep(self, *, reclaim: bool) -> None:
        try:
            if reclaim:
                await self.storage.run(partial(outbound.recover, now=self.now(), claimed_for=RECLAIM_AFTER))
            due = await self.storage.read(partial(outbound.conversations_with_work, now=self.now(), limit=SWEEP_MOST))
            self._woken.update(due)
        except ReturneeBotError as error:
            log.error("sweep failed: %s", error)

    def _start_woken(self, group: asyncio.TaskGroup) -> None:
        for conversation_id in self._woken - self._busy:
            self._woken.discard(conversation_id)
            self._busy.add(conversation_id)
            group.create_task(self._look(group, conversation_id))

    async def _look(self, group: asyncio.TaskGroup, conversation_id: UUID) -> None:
        """Lets the conversation stand in line if it has something to send now."""
        try:
            to = await self._destination(conversation_id)
        except ReturneeBotError as error:
            log.error("delivery waits for the next sweep: %s", error)
            to = None
        if to is None or self._is_stopping:
            self._free(conversation_id)
            return
        line = self._line_of(to.channel, to.bot)
        wait_s = line.chat_wait_s(to)
        if wait_s:
            self._free(conversation_id)
            asyncio.get_running_loop().call_later(wait_s, self.wake, conversation_id)
            return
        line.put(to)
        if (to.channel, to.bot) not in self._dispatchers:
            self._dispatchers[to.channel, to.bot] = group.create_task(self._dispatch(group, line))

    async def _dispatch(self, group: asyncio.TaskGroup, line: Line) -> None:
        while True:
            to = await line.take()
            group.create_task(self._send_in_turn(to, line))

    async def _send_in_turn(self, to: Destination, line: Line) -> None:
        try:
            await self._send_next(to, line)
        except ReturneeBotError as error:
            log.error("delivery waits for the next sweep: %s", error)
        finally:
            self._free(to.conversation_id)
            self.wake(to.conversation_id)  # there may be more to say

    def _free(self, conversation_id: UUID) -> None:
        self._busy.discard(conversation_id)
        if conversation_id in self._woken:
            self._signal.set()

    async def _destination(self, conversation_id: UUID) -> Destination | None:
        to = await self.storage.read(partial(outbound.destination, conversation_id=conversation_id, now=self.now()))
        return to if to and to.channel in self.channels else None

    def _line_of(self, channel: ChannelName, bot: str) -> Line:
        line = self._lines.get((channel, bot))
        if line is None:
            line = self._lines[channel, bot] = Line(
                capabilities=self.channels[channel].capabilities, clock=self.clock, chance=self.chance
            )
        return line

    async def _send_next(self, to: Destination, line: Line) -> None:
        """Sends the next message there; where the platform has no rate, all that follow as well."""
        answered: bool | None = None
        try:
            row = await self.storage.run(partial(outbound.claim, conversation_id=to.conversation_id, now=self.now()))
            self.reached("deliver.claimed")
            while row is not None:
                outcome = self._held(line) or await self._send(row)
                self.reached("deliver.sent")
                answered = outcome.answered
                self._hold(to, line, outcome)
                go_on = not line.is_paced and outcome.status != "queued"
                row = await self._write_down(to, row, outcome, claim_next=go_on)
                self.notify(to.contact_ref)
        finally:
            line.done(to, answered=answered)

    def _held(self, line: Line) -> "_Outcome | None":
        """That the message waits, if the platform asked for silence while it was being claimed."""
        wait_s = line.held_s()
        if not wait_s:
            return None
        return _Outcome(status="queued", error="held", not_before=self.now() + timedelta(seconds=wait_s), answered=None)

    def _hold(self, to: Destination, line: Line, outcome: "_Outcome") -> None:
        if outcome.hold_s and outcome.chat_only:
            line.hold_chat(to, outcome.hold_s)
        elif outcome.hold_s:
            line.hold(outcome.hold_s)

    async def _write_down(
        self, to: Destination, row: OutboundRow, outcome: "_Outcome", *, claim_next: bool
    ) -> OutboundRow | None:
        """Keeps what became of the message, however long the database is down: else nobody would know."""
        self.metrics.sent(to.channel, "retry" if outcome.status == "queued" else outcome.status)
        write = partial(_mark, to=to, row=row, outcome=outcome, now=self.now(), claim_next=claim_next)
        while True:
            try:
                following = await self.storage.run(write)
            except StorageDown as error:
                log.error("a send can not be written down yet: %s", error)
                if self.storage.is_closed:
                    raise
                await asyncio.sleep(WRITE_DOWN_AGAIN_S)
            else:
                self.reached("deliver.marked")
                return following

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
            return self._later(row, error)
        return _Outcome(status="sent", platform_id=platform_id)

    def _later(self, row: OutboundRow, error: SendRetryable) -> "_Outcome":
        now = self.now()
        outcome = _Outcome(
            status="queued",
            error=error.reason,
            not_before=now + delay_before_retry(row.attempts, error.retry_after_s, chance=self.chance()),
            hold_s=error.retry_after_s or 0.0,
            chat_only=error.chat_only,
            answered=error.retry_after_s is not None,
        )
        if error.maybe_sent and row.send_class is SendClass.B:
            return replace(outcome, status="maybe_sent")
        if gives_up(row.attempts, age=now - row.message.created_at):
            log.error("message %s is given up after %d attempts", row.message.id, row.attempts)
            return replace(outcome, status="failed")
        return outcome


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What became of one send; queued: to be tried again at not_before.

    answered says whether the platform did its part, None where it was not asked; hold_s, how long it wants to hear
    nothing, of this contact only or of anybody.
    """

    status: Literal["sent", "maybe_sent", "rejected", "failed", "queued"]
    platform_id: str | None = None
    error: str = ""
    not_before: datetime | None = None
    hold_s: float = 0.0
    chat_only: bool = False
    answered: bool | None = True


def _mark(
    tx: Connection, *, to: Destination, row: OutboundRow, outcome: _Outcome, now: datetime, claim_next: bool
) -> OutboundRow | None:
    message_id = row.message.id
    match outcome.status:
        case "sent":
            outbound.mark_sent(tx, message_id, platform_id=outcome.platform_id, now=now)
        case "maybe_sent":
            outbound.mark_maybe_sent(tx, message_id, error=outcome.error, now=now)
        case "rejected":
            outbound.mark_rejected(tx, message_id, error=outcome.error, now=now)
        case "failed":
            outbound.mark_failed(tx, message_id, error=outcome.error, now=now)
        case "queued":
            outbound.mark_retry(tx, message_id, not_before=outcome.not_before or now, error=outcome.error, now=now)
    if outcome.hold_s and not outcome.chat_only:
        holds.hold(tx, channel=to.channel, bot=to.bot, until=now + timedelta(seconds=outcome.hold_s))
    return outbound.claim(tx, to.conversation_id, now) if claim_next else None
