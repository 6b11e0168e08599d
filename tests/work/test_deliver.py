"""Delivery: in order, at the platform's pace, again when it must be, given up in the end, never lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from bot.channels.base import Capabilities
from bot.errors import SendError, SendRejected, SendRetryable, StorageDown
from bot.metrics import Metrics, QueueFigures
from bot.model import ChannelName, OutboundMessage, SendClass
from bot.storage import holds, outbound, tables
from bot.storage.engine import Storage
from bot.storage.messages import MessageRow
from bot.storage.vault import Vault
from bot.work.crash import nothing_happens
from bot.work.deliver import CLAIM_FORGOTTEN_AFTER, Deliverer
from bot.work.together import Alone
from tests.fakes import RecordingChannel, deliverer_of
from tests.storage.rows import NOW, say, status

PATIENCE_S = 10


@dataclass(kw_only=True)
class Post:
    """A deliverer, its channel, and the time."""

    storage: Storage
    channel: RecordingChannel
    time: list[Any] = field(default_factory=lambda: [NOW])
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.deliverer = self.new_deliverer()

    def new_deliverer(self) -> Deliverer:
        return deliverer_of(self.storage, self.channel, now=lambda: self.time[0], metrics=self.metrics)

    async def say(self, contact_ref: str = "someone", **more: Any) -> MessageRow:
        return await self.storage.run(partial(say, contact_ref=contact_ref, created_at=self.time[0], **more))

    async def drain(self, row: MessageRow) -> str:
        await self.deliverer.drain(row.conversation_id)
        return await self.storage.read(partial(status, row=row))

    def pass_time(self, **units: float) -> None:
        self.time[0] += timedelta(**units)

    async def until(self, condition: Callable[[], Any], *, passing: float = 0.05) -> None:
        """Lets time pass, by so many seconds at a step of 5 ms, until the condition is true."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.005)
                self.pass_time(seconds=passing)

    @property
    def sent(self) -> list[tuple[str, int]]:
        return [(message.contact_ref, message.seq) for message in self.channel.sent]

    def figure(self, result: str) -> float:
        nothing = QueueFigures(outbound=0, oldest_s=0, quarantined=0, undelivered=0)
        name = f'returnee_bot_sends_total{{channel="web",result="{result}"}}'
        lines = self.metrics.render(nothing).decode().splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


class SlowChannel(RecordingChannel):
    """Takes a message when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def send(self, message: OutboundMessage) -> str | None:
        self.asked.set()
        await self.go_on.wait()
        return await super().send(message)


@dataclass(frozen=True)
class Follower(Alone):
    """A process that leads no channel."""

    def leads(self, channel: ChannelName) -> bool:
        return False


@pytest.fixture
def post(storage: Storage) -> Post:
    return Post(storage=storage, channel=RecordingChannel())


@asynccontextmanager
async def running(deliverer: Deliverer) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(deliverer.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE_S)


async def test_messages_go_in_order(post: Post) -> None:
    for _ in range(3):
        row = await post.say()

    assert await post.drain(row) == "sent"
    assert [seq for _, seq in post.sent] == [1, 2, 3]
    assert post.figure("sent") == 3


@pytest.mark.parametrize(
    ("error", "send_class", "becomes", "counted"),
    [
        (SendRejected("blocked"), SendClass.A, "rejected", "rejected"),
        (SendRetryable("busy"), SendClass.A, "queued", "retry"),
        (SendRetryable("busy"), SendClass.B, "queued", "retry"),
        (SendRetryable("cut off", maybe_sent=True), SendClass.A, "queued", "retry"),
        (SendRetryable("cut off", maybe_sent=True), SendClass.B, "maybe_sent", "maybe_sent"),
    ],
)
async def test_what_becomes_of_a_message_that_does_not_go(
    post: Post, error: SendError, send_class: SendClass, becomes: str, counted: str
) -> None:
    post.channel.errors.append(error)
    row = await post.say(send_class=send_class)

    assert await post.drain(row) == becomes
    assert post.figure(counted) == 1


async def test_a_message_is_tried_again_after_its_wait(post: Post) -> None:
    post.channel.errors.extend([SendRetryable("busy"), SendRetryable("busy")])
    row = await post.say()

    assert await post.drain(row) == "queued"
    post.pass_time(seconds=0.9)
    assert await post.drain(row) == "queued"
    post.pass_time(seconds=0.2)
    assert await post.drain(row) == "queued"
    post.pass_time(seconds=1.9)
    assert len(post.channel.errors) == 0
    assert await post.drain(row) == "queued"
    post.pass_time(seconds=0.2)
    assert await post.drain(row) == "sent"


async def test_after_a_retry_after_the_bot_sends_nothing_to_anybody(post: Post) -> None:
    post.channel.errors.append(SendRetryable("429", retry_after_s=30))
    one, other = await post.say("one"), await post.say("other")

    assert await post.drain(one) == "queued"
    assert await post.drain(other) == "queued"
    post.pass_time(seconds=29.9)
    assert await post.drain(other) == "queued"
    post.pass_time(seconds=0.2)
    assert (await post.drain(other), await post.drain(one)) == ("sent", "sent")


async def test_what_is_being_claimed_when_the_platform_asks_for_silence_waits_too(post: Post) -> None:
    row = await post.say()

    def refused_meanwhile(place: str) -> None:
        if place == "deliver.claimed":
            post.deliverer._line_of(row.channel, row.bot).hold(30)

    post.deliverer.reached = refused_meanwhile
    assert await post.drain(row) == "queued"
    assert post.sent == []
    post.deliverer.reached = nothing_happens
    post.pass_time(seconds=29.9)
    assert await post.drain(row) == "queued"
    post.pass_time(seconds=0.2)
    assert await post.drain(row) == "sent"


async def test_a_retry_after_is_obeyed_after_a_restart(post: Post) -> None:
    await post.storage.run(partial(holds.hold, channel="web", bot="test", until=NOW + timedelta(seconds=30)))
    row = await post.say(bot="test")

    async with running(post.deliverer):
        await asyncio.sleep(0.05)
    assert post.sent == []
    post.pass_time(seconds=31)
    async with running(post.new_deliverer()):
        await post.until(lambda: post.sent)
    assert await post.drain(row) == "sent"


async def test_a_retry_after_is_kept_for_the_restart(post: Post) -> None:
    post.channel.errors.append(SendRetryable("429", retry_after_s=30))
    row = await post.say()
    await post.drain(row)

    held = await post.storage.read(partial(holds.all_after, now=NOW))
    assert held == {(row.channel, row.bot): NOW + timedelta(seconds=30)}


async def test_a_wait_for_one_contact_holds_up_nobody_else(post: Post) -> None:
    post.channel.errors.append(SendRetryable("429", retry_after_s=30, chat_only=True))
    one, other = await post.say("one"), await post.say("other")

    assert await post.drain(one) == "queued"
    assert await post.drain(other) == "sent"
    post.pass_time(seconds=31)
    assert await post.drain(one) == "sent"


async def test_a_message_is_given_up_after_a_day(post: Post) -> None:
    post.channel.errors.extend([SendRetryable("busy") for _ in range(2000)])
    row = await post.say()
    behind = await post.say()

    found = await post.drain(row)
    while found == "queued":
        post.pass_time(minutes=2)
        found = await post.drain(row)

    assert found == "failed"
    assert timedelta(hours=24) <= post.time[0] - NOW < timedelta(hours=24, minutes=5)
    assert post.figure("failed") == 1
    (listed,) = await post.storage.read(partial(outbound.list_undelivered, limit=10))
    assert (listed.message_id, listed.error) == (row.id, "busy")
    post.channel.errors.clear()
    post.pass_time(minutes=2)
    assert await post.drain(behind) == "sent"


class DownOnce:
    """A database that does not take the first so many transactions after it is told to fail."""

    def __init__(self, storage: Storage) -> None:
        self._storage, self.fails = storage, 0
        self.is_closed = False
        self.read = storage.read

    async def run(self, fn: Callable[[Any], Any]) -> Any:
        if self.fails:
            self.fails -= 1
            raise StorageDown("down")
        return await self._storage.run(fn)


async def test_a_send_is_written_down_however_long_the_database_is_down(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.work.deliver.WRITE_DOWN_AGAIN_S", 0.01)
    down = DownOnce(post.storage)
    post.deliverer.storage = down  # type: ignore[assignment]
    row = await post.say()

    class Breaking(RecordingChannel):
        async def send(self, message: OutboundMessage) -> str | None:
            down.fails = 3
            return await super().send(message)

    post.deliverer.channels = {"web": (channel := Breaking())}

    assert await post.drain(row) == "sent"
    assert len(channel.sent) == 1


@dataclass(kw_only=True)
class SlowFor(RecordingChannel):
    """Lets one contact wait until it is told to go on."""

    contact_ref: str
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: OutboundMessage) -> str | None:
        if message.contact_ref == self.contact_ref:
            await self.go_on.wait()
        return await super().send(message)


async def test_a_slow_contact_holds_up_nobody_else(storage: Storage) -> None:
    channel = SlowFor(contact_ref="slow")
    post = Post(storage=storage, channel=channel)
    await post.say("slow")
    for n in range(20):
        await post.say(f"fast {n}")

    async with running(post.deliverer):
        await post.until(lambda: len(post.sent) == 20)
        assert ("slow", 1) not in post.sent
        channel.go_on.set()
        await post.until(lambda: ("slow", 1) in post.sent)


async def test_a_contact_gets_a_message_a_second_and_others_do_not_wait_for_that(storage: Storage) -> None:
    limits = Capabilities(buttons=True, chat_sends_per_s=1)
    post = Post(storage=storage, channel=RecordingChannel(capabilities=limits))
    for _ in range(2):
        await post.say("one")
    await post.say("other")

    async with running(post.deliverer):
        await post.until(lambda: len(post.sent) == 2)
        assert sorted(post.sent) == [("one", 1), ("other", 1)]
        since = post.time[0]
        await post.until(lambda: len(post.sent) == 3)
    assert post.sent[-1] == ("one", 2)
    assert post.time[0] - since > timedelta(seconds=0.8)


async def test_what_a_dead_process_was_sending_goes_again_if_it_must(post: Post) -> None:
    must, may = await post.say("must"), await post.say("may", send_class=SendClass.B)
    for row in (must, may):
        await post.storage.run(partial(outbound.claim, conversation_id=row.conversation_id, now=NOW, by="test"))

    async with running(post.deliverer):
        await post.until(lambda: post.sent)
    assert post.sent == [("must", 1)]
    assert await post.storage.read(partial(status, row=may)) == "maybe_sent"


async def test_a_conversation_that_nobody_wakes_is_found(post: Post) -> None:
    async with running(post.deliverer):
        await asyncio.sleep(0.02)
        await post.say()
        await post.until(lambda: post.sent)


async def test_one_whose_destination_is_known_is_not_looked_up(post: Post) -> None:
    late = LateReader(post.storage)
    post.deliverer.storage = late  # type: ignore[assignment]
    row = await post.say()
    to = await post.storage.read(partial(outbound.destination, conversation_id=row.conversation_id, now=post.time[0]))
    stop = asyncio.Event()
    post.deliverer.wake(row.conversation_id, to)
    task = asyncio.create_task(post.deliverer.run(stop))

    await post.until(lambda: post.sent)
    stop.set()
    late.go_on.set()
    await asyncio.wait_for(task, PATIENCE_S)


async def test_where_another_process_sends_nothing_is_sent_though_the_destination_is_known(storage: Storage) -> None:
    post = Post(storage=storage, channel=RecordingChannel(capabilities=Capabilities(buttons=True, sends_per_s=30)))
    post.deliverer.processes = Follower()
    row = await post.say()
    to = await post.storage.read(partial(outbound.destination, conversation_id=row.conversation_id, now=post.time[0]))
    async with running(post.deliverer):
        post.deliverer.wake(row.conversation_id, to)
        await asyncio.sleep(0.1)

    assert post.sent == []
    assert await post.storage.read(partial(status, row=row)) == "queued"


async def test_one_that_has_nothing_to_say_is_freed(post: Post) -> None:
    row = await post.say()
    to = await post.storage.read(partial(outbound.destination, conversation_id=row.conversation_id, now=post.time[0]))
    await post.deliverer.drain(row.conversation_id)
    async with running(post.deliverer):
        post.deliverer.wake(row.conversation_id, to)
        await asyncio.sleep(0.05)
        await post.say()
        await post.until(lambda: len(post.sent) == 2)


class FailingWriter:
    """A database that can be read, and takes nothing."""

    def __init__(self, storage: Storage) -> None:
        self.read, self.is_closed, self.tries = storage.read, False, 0

    async def run(self, fn: Callable[[Any], Any]) -> Any:
        self.tries += 1
        raise StorageDown("full")


async def test_while_a_claim_fails_it_is_tried_at_each_sweep_and_no_oftener(post: Post) -> None:
    await post.say()
    async with running(post.deliverer):
        await post.until(lambda: post.sent)
        failing = FailingWriter(post.storage)
        await post.say()
        post.deliverer.storage = failing  # type: ignore[assignment]
        await post.until(lambda: failing.tries >= 3)
        tries = failing.tries
        await asyncio.sleep(0.1)  # no time passes
        assert failing.tries == tries
        post.deliverer.storage = post.storage
        await post.until(lambda: len(post.sent) == 2)


@pytest.mark.parametrize("spoilt", ["body", "buttons"])
async def test_a_message_that_can_not_be_opened_fails_and_the_next_goes(post: Post, spoilt: str) -> None:
    buttons = json.dumps([{"title": "Yes", "action": "menu"}])
    first = await post.say(buttons=buttons)
    second = await post.say(buttons=buttons)
    change = sa.update(tables.messages).where(tables.messages.c.id == first.id).values({spoilt: b"\x01" + bytes(40)})
    await post.storage.run(lambda tx: tx.execute(change))

    assert await post.drain(second) == "sent"
    assert await post.storage.read(partial(status, row=first)) == "failed"
    (missed,) = await post.storage.read(partial(outbound.list_undelivered, limit=10))
    assert (missed.message_id, missed.error) == (first.id, "SealBroken")


async def test_of_a_contact_whose_key_is_gone_everything_fails(post: Post, vault: Vault) -> None:
    rows = [await post.say() for _ in range(2)]
    other = await post.say("other")
    vault.keys.destroy(str(rows[0].conversation_id))
    async with running(post.deliverer):
        await post.until(lambda: post.sent)
        assert await post.storage.read(partial(status, row=other)) in ("sending", "sent")
        await asyncio.sleep(0.05)

    assert [await post.storage.read(partial(status, row=row)) for row in rows] == ["failed"] * 2


@pytest.mark.parametrize("send_class", [SendClass.A, SendClass.B])
async def test_a_message_whose_sending_is_a_fault_of_ours_holds_up_nobody_and_is_given_up(
    post: Post, caplog: pytest.LogCaptureFixture, send_class: SendClass
) -> None:
    poison = await post.say("one", send_class=send_class, buttons=json.dumps([{"no": "title", "words": "secret"}]))
    await post.say("one")
    await post.say("other")
    async with running(post.deliverer):
        await post.until(lambda: len(post.sent) == 2)

    assert sorted(ref for ref, _ in post.sent) == ["one", "other"]
    becomes = "failed" if send_class is SendClass.A else "maybe_sent"
    assert await post.storage.read(partial(status, row=poison)) == becomes
    assert "send_crashed" in caplog.text
    assert "secret" not in caplog.text


async def test_a_claim_that_nobody_knows_of_is_freed_after_a_minute(post: Post) -> None:
    async with running(post.deliverer):
        await post.say("other")
        await post.until(lambda: post.sent)
        claimed_at = post.time[0]
        row = await post.say()
        assert await post.storage.run(
            partial(outbound.claim, conversation_id=row.conversation_id, now=claimed_at, by="test")
        )
        await post.until(lambda: len(post.sent) == 2, passing=1)

    assert post.time[0] - claimed_at > CLAIM_FORGOTTEN_AFTER


async def test_what_is_being_sent_for_long_is_not_freed(post: Post) -> None:
    slow = SlowChannel()
    post.deliverer.channels = {"web": slow}
    row = await post.say()
    async with running(post.deliverer):
        await slow.asked.wait()
        post.pass_time(minutes=10)
        await post.deliverer._sweep(reclaim=True)
        assert await post.storage.read(partial(status, row=row)) == "sending"
        slow.go_on.set()
        await post.until(lambda: slow.sent)

    assert len(slow.sent) == 1


class LateReader:
    """A database that says where messages go only when it is told to."""

    def __init__(self, storage: Storage) -> None:
        self._storage, self.asked, self.go_on = storage, asyncio.Event(), asyncio.Event()
        self.run, self.is_closed = storage.run, False

    async def read(self, fn: Callable[[Any], Any]) -> Any:
        found = await self._storage.read(fn)
        if isinstance(fn, partial) and fn.func is outbound.destination:
            self.asked.set()
            await self.go_on.wait()
        return found


async def test_what_is_said_while_it_is_looked_whether_there_is_something_is_sent_at_once(post: Post) -> None:
    late = LateReader(post.storage)
    row = await post.say()
    await post.drain(row)
    post.deliverer.storage = late  # type: ignore[assignment]
    async with running(post.deliverer):  # no time passes, so nothing is swept
        post.deliverer.wake(row.conversation_id)
        await late.asked.wait()
        await post.say()
        post.deliverer.wake(row.conversation_id)
        late.go_on.set()
        await post.until(lambda: len(post.sent) == 2, passing=0)


async def test_delivery_ends_though_a_conversation_is_looked_at_in_that_moment(post: Post) -> None:
    late = LateReader(post.storage)
    post.deliverer.storage = late  # type: ignore[assignment]
    await post.say()
    stop = asyncio.Event()
    task = asyncio.create_task(post.deliverer.run(stop))
    await late.asked.wait()

    stop.set()
    await asyncio.sleep(0.01)
    late.go_on.set()

    await asyncio.wait_for(task, PATIENCE_S)


async def test_a_woken_conversation_is_sent_at_once(post: Post) -> None:
    async with running(post.deliverer):
        await asyncio.sleep(0.02)
        row = await post.say()
        post.deliverer.wake(row.conversation_id)
        await post.until(lambda: post.sent)
