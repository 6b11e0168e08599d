"""Fetching updates: nothing is acknowledged before it is kept, and nothing ends the loop."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest

from bot.channels.base import Finish
from bot.channels.telegram import TelegramChannel, open_channel
from bot.errors import StorageDown
from bot.model import ChannelName
from bot.work.poll import Poller
from bot.work.together import Alone
from tests.fakes.telegram import FakeTelegram, wait_for
from tests.serving import free_port

ANA, BEN = 1001, 1002


@dataclass(frozen=True)
class Leading(Alone):
    """A process that leads these channels."""

    led: set[ChannelName]

    def leads(self, channel: ChannelName) -> bool:
        return channel in self.led


async def until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_for, condition)


@dataclass(kw_only=True)
class RecordingIngest:
    """Keeps texts; fails while it is told to, and waits where it is told to."""

    kept: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    waits: dict[str, asyncio.Event] = field(default_factory=dict)

    async def keep(self, channel_name: ChannelName, bot: str, raw_of: Mapping[str, bytes]) -> Mapping[str, Finish]:
        """What keeps each update's text."""
        return {external_id: partial(self._handle, raw) for external_id, raw in raw_of.items()}

    async def _handle(self, raw: bytes) -> None:
        text = json.loads(raw).get("message", {}).get("text", "odd")
        self.seen.append(text)
        if text in self.waits:
            await self.waits[text].wait()
        if text in self.down:
            raise StorageDown("down")
        self.kept.append(text)


@dataclass(kw_only=True)
class Running:
    """A poller at work."""

    ingest: RecordingIngest
    poller: Poller
    fake: FakeTelegram

    async def until(self, *texts: str) -> None:
        """Returns when these are kept."""
        await until(lambda: sorted(self.ingest.kept) == sorted(texts))

    def pending(self) -> int:
        """How much Telegram still keeps for us."""
        number: int = self.fake.do("state")["pending"]
        return number


@asynccontextmanager
async def running(fake: FakeTelegram, channel: TelegramChannel, ingest: RecordingIngest) -> AsyncIterator[Running]:
    """Polls while the context is open."""
    poller = Poller(channel=channel, keep=ingest.keep, chance=lambda: 0.5, processes=Alone(), first_wait_s=0.05)
    stop = asyncio.Event()
    task = asyncio.create_task(poller.run(stop))
    try:
        yield Running(ingest=ingest, poller=poller, fake=fake)
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def test_an_update_is_acknowledged_only_after_it_is_kept(fake: FakeTelegram, channel: TelegramChannel) -> None:
    ingest = RecordingIngest(waits={"hello": asyncio.Event()})
    fake.text(ANA, "hello")

    async with running(fake, channel, ingest) as polling:
        await until(lambda: bool(ingest.seen))
        assert polling.pending() == 1
    assert (ingest.kept, fake.do("state")["pending"]) == ([], 1)

    async with running(fake, channel, RecordingIngest()) as polling:
        await polling.until("hello")
        await until(lambda: polling.pending() == 0)


async def test_while_the_database_is_down_the_update_and_those_after_it_stay_with_telegram(
    fake: FakeTelegram, channel: TelegramChannel, caplog: pytest.LogCaptureFixture
) -> None:
    ingest = RecordingIngest(down={"two"})
    for text in ("one", "two", "three"):
        fake.text(ANA, text)

    async with running(fake, channel, ingest) as polling:
        await until(lambda: ingest.seen.count("two") >= 3)
        assert polling.pending() == 2
        assert "three" not in ingest.seen
        ingest.down.clear()
        await polling.until("one", "two", "three")

    assert "storage_down" in caplog.text


async def test_a_chat_that_can_not_be_handled_holds_back_no_other(fake: FakeTelegram, channel: TelegramChannel) -> None:
    ingest = RecordingIngest(down={"a1"})
    fake.text(ANA, "a1")
    fake.text(ANA, "a2")

    async with running(fake, channel, ingest) as polling:
        await until(lambda: ingest.seen.count("a1") >= 12)  # polling itself would have waited longer and longer
        for text in ("b1", "b2", "b3"):
            fake.text(BEN, text)
            await until(lambda text=text: text in ingest.kept)  # type: ignore[misc]
        assert "a2" not in ingest.seen
        ingest.down.clear()
        await polling.until("a1", "a2", "b1", "b2", "b3")


async def test_the_webhook_of_an_earlier_start_is_taken_away_first(
    fake: FakeTelegram, channel: TelegramChannel, caplog: pytest.LogCaptureFixture
) -> None:
    await channel.bot.set_webhook("http://127.0.0.1:9/x")
    fake.text(ANA, "hello")

    async with running(fake, channel, RecordingIngest()) as polling:
        await polling.until("hello")

    assert "telegram_409" not in caplog.text


async def test_a_slow_chat_holds_back_no_other(fake: FakeTelegram, channel: TelegramChannel) -> None:
    slow = asyncio.Event()
    ingest = RecordingIngest(waits={"a1": slow})
    for user, text in ((ANA, "a1"), (ANA, "a2"), (BEN, "b1"), (BEN, "b2")):
        fake.text(user, text)

    async with running(fake, channel, ingest) as polling:
        await polling.until("b1", "b2")
        slow.set()
        await polling.until("b1", "b2", "a1", "a2")

    assert ingest.kept == ["b1", "b2", "a1", "a2"]


async def test_what_others_write_while_a_chat_is_slow_is_fetched_beside_it(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    slow = asyncio.Event()
    ingest = RecordingIngest(waits={"a1": slow})
    fake.text(ANA, "a1")

    async with running(fake, channel, ingest) as polling:
        await until(lambda: "a1" in ingest.seen)
        fake.text(BEN, "b1")
        fake.text(ANA, "a2")
        await polling.until("b1")
        fake.text(BEN, "b2")
        await polling.until("b1", "b2")
        assert polling.pending() == 4  # nothing is acknowledged before what came earlier
        slow.set()
        await polling.until("b1", "b2", "a1", "a2")
        await until(lambda: polling.pending() == 0)

    assert ingest.seen == ["a1", "b1", "b2", "a2"]


async def test_what_is_in_hand_at_the_end_is_broken_off_and_comes_again(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    slow = asyncio.Event()
    fake.text(ANA, "a1")
    async with running(fake, channel, ingest := RecordingIngest(waits={"a1": slow})) as polling:
        await until(lambda: "a1" in ingest.seen)
        fake.text(BEN, "b1")
        await polling.until("b1")
    slow.set()
    await asyncio.sleep(0)
    assert ingest.kept == ["b1"]

    async with running(fake, channel, again := RecordingIngest()):
        await until(lambda: len(again.kept) == 2)


async def test_an_update_that_nobody_understands_stops_nothing(fake: FakeTelegram, channel: TelegramChannel) -> None:
    fake.do("raw", update={"chat": {"id": "?"}, "date": "yesterday"}, kind="message")
    fake.text(ANA, "hello")

    async with running(fake, channel, RecordingIngest()) as polling:
        await polling.until("odd", "hello")


async def test_another_that_polls_is_named_and_outlived(
    fake: FakeTelegram, channel: TelegramChannel, caplog: pytest.LogCaptureFixture
) -> None:
    other = open_channel(token=fake.token, api_url=fake.address, staff_group=None)
    async with running(fake, channel, RecordingIngest()) as polling:
        await until(lambda: fake.do("state")["polling"])
        await other.fetch(None, wait_s=0)
        await until(lambda: "telegram_409" in caplog.text)
        fake.text(ANA, "hello")
        await polling.until("hello")
    await other.close()


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ({"code": 401, "description": "Unauthorized"}, "telegram_401"),
        ({"code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 1}}, "telegram_429"),
        ({"code": 502, "description": "Bad Gateway"}, "telegram_unreachable"),
    ],
)
async def test_what_telegram_refuses_is_logged_with_a_code_and_tried_again(
    fake: FakeTelegram,
    channel: TelegramChannel,
    caplog: pytest.LogCaptureFixture,
    failure: dict[str, object],
    code: str,
) -> None:
    fake.do("fail", method="getUpdates", **failure)
    fake.text(ANA, "hello")

    async with running(fake, channel, RecordingIngest()) as polling:
        await polling.until("hello")

    assert code in caplog.text
    assert fake.token not in caplog.text


async def test_telegram_that_is_not_there_yet_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    channel = open_channel(
        token="42:AASecretSecretSecretSecret", api_url=f"http://127.0.0.1:{free_port()}", staff_group=None
    )
    poller = Poller(
        channel=channel, keep=RecordingIngest().keep, chance=lambda: 0.0, processes=Alone(), first_wait_s=0.01
    )
    stop = asyncio.Event()
    task = asyncio.create_task(poller.run(stop))
    await until(lambda: caplog.text.count("telegram_unreachable") >= 4)
    stop.set()
    await asyncio.wait_for(task, 5)
    await channel.close()

    assert "AASecret" not in caplog.text


async def test_only_the_process_whose_turn_it_is_polls(fake: FakeTelegram, channel: TelegramChannel) -> None:
    led: set[ChannelName] = set()
    ingest = RecordingIngest()
    poller = Poller(channel=channel, keep=ingest.keep, chance=lambda: 0.5, processes=Leading(led))
    stop = asyncio.Event()
    task = asyncio.create_task(poller.run(stop))
    fake.text(ANA, "hello")
    await asyncio.sleep(0)
    assert not fake.do("state")["polling"]

    led.add("telegram")
    await until(lambda: bool(ingest.kept))
    stop.set()
    await asyncio.wait_for(task, 10)
