"""Updates of a platform: kept first, handled once, set aside when they can not be handled."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from bot.cases.retention import RAW_UPDATES
from bot.conversation import Also, Handled
from bot.errors import StorageDown
from bot.metrics import Metrics, QueueFigures
from bot.model import Inbound, Text
from bot.storage import updates
from bot.storage.engine import Storage
from bot.storage.messages import MessageRow
from bot.storage.tables import UpdateStatus
from bot.storage.updates import UpdateRow
from bot.work.ingest import MOST_BEGINNINGS, Ingestor
from tests.storage.rows import NOW, count, hear


class JsonParser:
    """Reads updates that list texts: {"texts": [[contact, words], …]}."""

    def parse(self, raw: bytes) -> Sequence[Inbound]:
        return [
            Inbound(
                channel="telegram",
                bot="b",
                external_id=f"{contact}:{words}",
                contact_ref=contact,
                payload=Text(text=words),
            )
            for contact, words in json.loads(raw)["texts"]
        ]


@dataclass(kw_only=True)
class Handler:
    """Writes a row for each message, as the real one does; fails for the words it is told to fail for."""

    storage: Storage
    fails: dict[str, list[Exception]] = field(default_factory=dict)
    handled: list[str] = field(default_factory=list)

    async def __call__(self, inbound: Inbound, *, also: Also) -> Handled:
        assert isinstance(inbound.payload, Text)
        words = inbound.payload.text
        if self.fails.get(words):
            raise self.fails[words].pop(0)

        def both(tx: sa.Connection) -> MessageRow:
            row = hear(tx, contact_ref=inbound.contact_ref, external_id=inbound.external_id)
            also(tx)
            return row

        row = await self.storage.run(both)
        self.handled.append(words)
        return Handled(conversation_id=row.conversation_id, seq=row.seq, duplicate=False)


@dataclass(kw_only=True)
class Desk:
    """An ingestor, and what its parts saw."""

    ingest: Ingestor
    handler: Handler
    storage: Storage
    time: list[Any]

    async def send(self, external_id: str, *texts: tuple[str, str], raw: bytes | None = None) -> None:
        await self.ingest("telegram", "b", external_id, raw or json.dumps({"texts": texts}).encode())

    async def listed(self, status: UpdateStatus) -> list[UpdateRow]:
        until = self.time[0] + timedelta(seconds=1)
        return await self.storage.read(partial(updates.list_open, status=status, received_until=until, limit=10))

    def die(self) -> None:
        """Another process goes on."""
        self.ingest = replace(self.ingest, _begun=set())

    def figure(self, line: str) -> float:
        nothing = QueueFigures(outbound=0, oldest_s=0, quarantined=0, undelivered=0)
        lines = self.ingest.metrics.render(nothing).decode().splitlines()
        return next((float(one.rpartition(" ")[2]) for one in lines if one.startswith(line)), 0.0)


@pytest.fixture
def desk(storage: Storage) -> Desk:
    handler, time = Handler(storage=storage), [NOW]
    ingest = Ingestor(
        storage=storage,
        parsers={"telegram": JsonParser()},
        handle=handler,
        metrics=Metrics(),
        now=lambda: time[0],
    )
    return Desk(ingest=ingest, handler=handler, storage=storage, time=time)


async def test_every_message_of_an_update_is_handled_in_order(desk: Desk) -> None:
    await desk.send("1", ("a", "one"), ("b", "two"), ("a", "three"))

    assert desk.handler.handled == ["one", "two", "three"]
    assert await desk.listed("received") == []


async def test_an_update_that_is_handled_does_nothing_when_it_comes_again(desk: Desk) -> None:
    for _ in range(3):
        await desk.send("1", ("a", "one"))

    assert desk.handler.handled == ["one"]


async def test_a_handler_that_fails_twice_is_tried_a_third_time(desk: Desk) -> None:
    desk.handler.fails["one"] = [ValueError(), KeyError()]

    await desk.send("1", ("a", "one"))

    assert desk.handler.handled == ["one"]
    assert desk.figure('returnee_bot_ingest_failures_total{channel="telegram",reason="handler"}') == 2


async def test_after_three_tries_it_is_set_aside_and_the_next_message_is_handled(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.handler.fails["poison"] = [ValueError("secret words")] * 9

    await desk.send("1", ("a", "poison"))
    await desk.send("2", ("a", "next"))

    assert len(desk.handler.fails["poison"]) == 6
    assert desk.handler.handled == ["next"]
    (aside,) = await desk.listed("quarantined")
    assert (aside.external_id, aside.error) == ("1", "ValueError")
    assert desk.figure('returnee_bot_ingest_failures_total{channel="telegram",reason="quarantined"}') == 1
    assert all(word in caplog.text for word in ("update_quarantined", str(aside.id), "ValueError"))
    assert "secret" not in caplog.text


async def test_what_is_set_aside_is_not_tried_when_it_comes_again(desk: Desk) -> None:
    desk.handler.fails["poison"] = [ValueError()] * 9
    for _ in range(2):
        await desk.send("1", ("a", "poison"))

    assert len(desk.handler.fails["poison"]) == 6


async def test_an_update_that_can_not_be_read_is_set_aside(desk: Desk) -> None:
    await desk.send("1", raw=b"\xff")

    (aside,) = await desk.listed("quarantined")
    assert aside.raw == b"\xff"
    assert desk.figure('returnee_bot_ingest_failures_total{channel="telegram",reason="parse"}') == 1


async def test_messages_before_one_that_fails_are_handled_once(desk: Desk) -> None:
    desk.handler.fails["poison"] = [ValueError()] * 9

    await desk.send("1", ("a", "one"), ("b", "poison"))

    assert [row.external_id for row in await desk.listed("quarantined")] == ["1"]
    assert await desk.storage.read(lambda tx: count(tx, "messages")) == 1


async def test_an_update_without_a_message_is_done_with(desk: Desk) -> None:
    await desk.send("1")

    assert await desk.listed("received") == []


async def test_updates_that_came_together_are_kept_before_one_is_handled(desk: Desk) -> None:
    raw_of = {name: json.dumps({"texts": [["a", name]]}).encode() for name in ("1", "2", "3")}
    await desk.send("2", ("a", "2"))

    finish_of = await desk.ingest.keep("telegram", "b", raw_of)
    assert desk.handler.handled == ["2"]
    assert {row.external_id for row in await desk.listed("received")} == {"1", "3"}
    for name in raw_of:
        await finish_of[name]()

    assert desk.handler.handled == ["2", "1", "3"]
    assert await desk.listed("received") == []


async def test_one_that_takes_the_process_down_takes_none_with_it_that_came_together(desk: Desk) -> None:
    raw_of = {name: json.dumps({"texts": [["a", name]]}).encode() for name in ("poison", "two")}
    for _ in range(MOST_BEGINNINGS):  # as often the process dies before it comes to the second
        finish_of = await desk.ingest.keep("telegram", "b", raw_of)
        desk.handler.fails["poison"] = [StorageDown("as near to death as a test may come")]
        with pytest.raises(StorageDown):
            await finish_of["poison"]()
        desk.die()

    for finish in (await desk.ingest.keep("telegram", "b", raw_of)).values():
        await finish()

    assert desk.handler.handled == ["two"]
    assert [row.error for row in await desk.listed("quarantined")] == ["dies"]


async def test_a_database_that_is_down_counts_no_try_and_the_platform_is_told(desk: Desk) -> None:
    outages = MOST_BEGINNINGS + 5
    desk.handler.fails["one"] = [StorageDown("x")] * outages

    for _ in range(outages):
        with pytest.raises(StorageDown):
            await desk.send("1", ("a", "one"))
    assert [(row.status, row.tries) for row in await desk.listed("received")] == [("received", 1)]
    await desk.send("1", ("a", "one"))

    assert desk.handler.handled == ["one"]
    assert await desk.listed("received") == []
    assert desk.figure('returnee_bot_ingest_failures_total{channel="telegram",reason="storage_down"}') == outages
    assert desk.figure('returnee_bot_ingest_failures_total{channel="telegram",reason="handler"}') == 0


async def test_nothing_is_taken_while_nothing_can_be_kept(desk: Desk) -> None:
    desk.storage.close()

    with pytest.raises(StorageDown):
        await desk.send("1", ("a", "one"))
    assert desk.handler.handled == []


async def test_an_update_that_takes_the_process_down_each_time_is_set_aside(desk: Desk) -> None:
    receive = partial(
        updates.receive, channel="telegram", bot="b", external_id="1", raw=b'{"texts": [["a", "one"]]}', now=NOW
    )
    for _ in range(MOST_BEGINNINGS):
        await desk.storage.run(receive)

    await desk.send("1", ("a", "one"))

    assert desk.handler.handled == []
    assert [row.error for row in await desk.listed("quarantined")] == ["dies"]


async def test_what_a_dead_process_had_begun_is_resumed(desk: Desk) -> None:
    for external_id, channel in (("1", "telegram"), ("2", "messenger")):
        raw = json.dumps({"texts": [["a", external_id]]}).encode()
        await desk.storage.run(
            partial(updates.receive, channel=channel, bot="b", external_id=external_id, raw=raw, now=NOW)  # type: ignore[arg-type]
        )

    await desk.ingest.resume(older_than=timedelta(minutes=5))
    assert desk.handler.handled == []
    await desk.ingest.resume()

    assert desk.handler.handled == ["1"]


async def test_updates_are_deleted_after_72_hours(desk: Desk) -> None:
    await desk.send("old", ("a", "one"))
    desk.time[0] += timedelta(hours=1)
    await desk.send("new", ("a", "two"))
    desk.time[0] = NOW + RAW_UPDATES + timedelta(seconds=1)

    assert timedelta(hours=72) == RAW_UPDATES
    assert await desk.ingest.purge() == 1
    assert await desk.storage.read(lambda tx: count(tx, "raw_updates")) == 1
