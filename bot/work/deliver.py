"""Sends what conversations have to say: woken at once, and sweeping every second for what a wake missed."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from bot.channels.base import Channel
from bot.errors import KeyDestroyed, ReturneeBotError, SealBroken, SendError, StorageDown
from bot.hearing import buttons_of
from bot.logs import open_log
from bot.metrics import Metrics
from bot.model import ChannelName, OutboundMessage
from bot.storage import holds, outbound
from bot.storage.engine import Storage
from bot.storage.outbound import Destination, OutboundRow
from bot.storage.processes import dead
from bot.work.crash import Reached, nothing_happens
from bot.work.outcome import Outcome, outcome_of, outcome_of_crash, write_down
from bot.work.pace import Line, is_paced
from bot.work.together import Processes

log = open_log(__name__)

SWEEP_EVERY_S: Final = 1.0
SWEEP_MOST: Final = 500
RECLAIM_EVERY_SWEEPS: Final = 5
CLAIM_FORGOTTEN_AFTER: Final = timedelta(minutes=1)
"""PostgreSQL's answer to the commit of a claim may be lost: then a message is claimed, and nobody sends it."""
WRITE_DOWN_AGAIN_S: Final = 0.5


@dataclass(kw_only=True)
class Deliverer:
    """Delivers the outbound rows of every conversation in their order; one conversation never waits for another.

    notify is told the contact's name on the channel after each message is written down. clock gives seconds that only
    grow, chance a number from 0 to 1. executor_id names this process among the others: one that leads a channel whose
    platform has a rate is the only one to send on it.
    """

    storage: Storage
    channels: Mapping[ChannelName, Channel]
    notify: Callable[[str], None]
    now: Callable[[], datetime]
    clock: Callable[[], float]
    chance: Callable[[], float]
    metrics: Metrics
    executor_id: str
    processes: Processes
    reached: Reached = nothing_happens
    _woken: dict[UUID, Destination | None] = field(default_factory=dict)
    _busy: dict[UUID, bool] = field(default_factory=dict)  # those in hand, and whether they were woken meanwhile
    _sending: set[UUID] = field(default_factory=set)  # messages; one that can not be marked stays, not to go again
    _signal: asyncio.Event = field(default_factory=asyncio.Event)
    _lines: dict[tuple[ChannelName, str], Line] = field(default_factory=dict)
    _led: frozenset[ChannelName] = frozenset()
    _is_stopping: bool = False
    _dispatchers: dict[tuple[ChannelName, str], "asyncio.Task[None]"] = field(default_factory=dict)

    def wake(self, conversation_id: UUID, to: Destination | None = None) -> None:
        """Asks for a conversation to be looked at soon; returns at once.

        to: where its messages go, if that is known; else it is looked up.
        """
        if conversation_id in self._busy:
            self._busy[conversation_id] = True
            return
        self._woken[conversation_id] = to or self._woken.get(conversation_id)
        self._signal.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Delivers until stop is set, and finishes what is under way."""
        await self.storage.run(partial(outbound.recover, now=self.now(), claimers=[self.executor_id]))
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
        await self._take_over()
        while to := await self._destination(conversation_id):
            line = self._line_of(to.channel, to.bot)
            if line.chat_wait_s(to) or line.held_s():
                return
            line.begin()
            await self._send_next(to, line)

    async def _take_over(self) -> None:
        """Begins to send on the channels that this process leads now; what the platform asked for is kept."""
        led = frozenset(filter(self.processes.leads, self.channels))
        if led - self._led:
            found = await self.storage.read(partial(holds.all_after, now=self.now()))
            for (channel, bot), until in found.items():
                if channel in led - self._led:
                    self._line_of(channel, bot).hold((until - self.now()).total_seconds())
        self._led = led

    def _may_send(self, channel: ChannelName) -> bool:
        return channel in self.channels and (not is_paced(self.channels[channel].capabilities) or channel in self._led)

    async def _sweep(self, *, reclaim: bool) -> None:
        try:
            await self._take_over()
            if reclaim:
                await self._reclaim()
            ours = list(filter(self._may_send, self.channels))
            due = await self.storage.read(
                partial(outbound.conversations_with_work, now=self.now(), limit=SWEEP_MOST, channels=ours)
            )
            for conversation_id in due:
                self.wake(conversation_id)
        except ReturneeBotError as error:
            log.error("sweep_failed", error=error)

    async def _reclaim(self) -> None:
        """Frees what is claimed and will not be sent."""
        if self.processes.can_tell_who_is_dead():
            await self.storage.run(partial(_recover, now=self.now(), but=self.executor_id))
        until, by = self.now() - CLAIM_FORGOTTEN_AFTER, self.executor_id
        old = await self.storage.read(partial(outbound.old_claims, by=by, until=until))
        if forgotten := set(old) - self._sending:
            await self.storage.run(
                partial(outbound.free_old_claims, now=self.now(), by=by, until=until, message_ids=forgotten)
            )

    def _start_woken(self, group: asyncio.TaskGroup) -> None:
        woken, self._woken = self._woken, {}
        for conversation_id, to in woken.items():
            self._busy[conversation_id] = False
            group.create_task(self._look(group, conversation_id, to))

    async def _look(self, group: asyncio.TaskGroup, conversation_id: UUID, to: Destination | None) -> None:
        """Lets the conversation stand in line if it has, or may have, something to send now."""
        try:
            to = self._if_ours(to) if to else await self._destination(conversation_id)
        except Exception as error:  # noqa: BLE001 - the top of a worker: one conversation must not end the others
            log.error("delivery_waits", error=error)
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
        except Exception as error:  # noqa: BLE001 - the top of a worker: one conversation must not end the others
            log.error("delivery_waits", error=error)
            self._free(to.conversation_id)
        else:
            self._free(to.conversation_id)
            self.wake(to.conversation_id)  # there may be more to say

    def _free(self, conversation_id: UUID) -> None:
        if self._busy.pop(conversation_id):
            self.wake(conversation_id)

    async def _destination(self, conversation_id: UUID) -> Destination | None:
        try:
            to = await self.storage.read(partial(outbound.destination, conversation_id=conversation_id, now=self.now()))
        except (SealBroken, KeyDestroyed):
            to = None
            await self.storage.run(partial(outbound.first_readable, conversation_id=conversation_id, now=self.now()))
        return self._if_ours(to)

    def _if_ours(self, to: Destination | None) -> Destination | None:
        return to if to and self._may_send(to.channel) else None

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
            row = await self.storage.run(self._claim_of(to))
            self.reached("deliver.claimed")
            while row is not None:
                self._sending.add(row.message.id)
                outcome = self._held(line) or await self._send(row)
                self.reached("deliver.sent")
                answered = outcome.answered
                self._hold(to, line, outcome)
                go_on = not is_paced(line.capabilities) and outcome.status != "queued"
                following = await self._write_down(to, row, outcome, claim_next=go_on)
                self._sending.discard(row.message.id)
                row = following
                self.notify(to.contact_ref)
        finally:
            line.done(to, answered=answered)

    def _claim_of(self, to: Destination) -> Callable[[Connection], OutboundRow | None]:
        return partial(outbound.claim, conversation_id=to.conversation_id, now=self.now(), by=self.executor_id)

    def _held(self, line: Line) -> Outcome | None:
        """That the message waits, if the platform asked for silence while it was being claimed."""
        wait_s = line.held_s()
        if not wait_s:
            return None
        return Outcome(status="queued", error="held", not_before=self.now() + timedelta(seconds=wait_s), answered=None)

    def _hold(self, to: Destination, line: Line, outcome: Outcome) -> None:
        if outcome.hold_s and outcome.chat_only:
            line.hold_chat(to, outcome.hold_s)
        elif outcome.hold_s:
            line.hold(outcome.hold_s)

    async def _write_down(
        self, to: Destination, row: OutboundRow, outcome: Outcome, *, claim_next: bool
    ) -> OutboundRow | None:
        """Keeps what became of the message, however long the database is down: else nobody would know."""
        self.metrics.sent(to.channel, "retry" if outcome.status == "queued" else outcome.status)
        claim = self._claim_of(to) if claim_next else None
        write = partial(write_down, to=to, row=row, outcome=outcome, now=self.now(), claim=claim)
        while True:
            try:
                following = await self.storage.run(write)
            except StorageDown as error:
                log.error("send_not_written_down", error=error)
                if self.storage.is_closed:
                    raise
                await asyncio.sleep(WRITE_DOWN_AGAIN_S)
            else:
                self.reached("deliver.marked")
                return following

    async def _send(self, row: OutboundRow) -> Outcome:
        try:
            platform_id = await self.channels[row.message.channel].send(_message_of(row))
        except SendError as error:
            return outcome_of(row, error, now=self.now(), chance=self.chance())
        except Exception as error:  # noqa: BLE001 - whatever fails, the others go on
            return outcome_of_crash(row, error, now=self.now(), chance=self.chance())
        return Outcome(status="sent", platform_id=platform_id)


def _message_of(row: OutboundRow) -> OutboundMessage:
    return OutboundMessage(
        id=row.message.id,
        seq=row.message.seq,
        contact_ref=row.contact_ref,
        language=row.message.language,
        text=row.message.body,
        buttons=buttons_of(row.message),
        answer=row.message.answer,
        created_at=row.message.created_at,
    )


def _recover(tx: Connection, *, now: datetime, but: str) -> None:
    """Frees what other processes were sending that are dead."""
    if others := [name for name in outbound.claimers(tx) if name != but]:
        outbound.recover(tx, now, claimers=dead(tx, others))
