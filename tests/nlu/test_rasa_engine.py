"""The engine over Rasa's server, against a real small server that does everything a server should not."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest

from bot.metrics import RasaFailure
from bot.nlu.rasa import PAUSE_S, RasaEngine, open_client
from bot.settings import Settings
from khmer_nlu import complete, match_key
from khmer_nlu.classifier import Classified
from tests.fakes import ScriptedEngine, understood
from tests.serving import free_port

TEXT = "thaoke ot berk luy secretword"
TODAY = date(2026, 7, 24)
RASA_SAYS = complete(TEXT, Classified(decision="answer", ranking=(("unpaid_wages", 0.7),), crisis=None), today=TODAY)
INSIDE_SAYS = replace(understood("find_job"), text=TEXT, key=match_key(TEXT))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"


def answer_of(parsed: dict[str, Any]) -> bytes:
    return HEAD + json.dumps({"text": parsed["text"], "intent": {}, "parsed": parsed}).encode()


@dataclass(kw_only=True)
class FakeRasa:
    """A server on this machine that sends each caller these bytes; dribbles them for ever, or nothing at all."""

    port: int
    says: bytes = answer_of(RASA_SAYS.to_json())
    dribbles: bool = False
    asked: list[bytes] = field(default_factory=list)
    serving: list[asyncio.Task[None]] = field(default_factory=list)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.append(asyncio.create_task(self.serve_one(reader, writer)))

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        self.asked.append(head + await reader.readexactly(length))
        writer.write(self.says)
        with suppress(ConnectionError):
            while self.dribbles:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
            if not self.says:
                await reader.read()  # silent until the caller goes away
            writer.close()
            await writer.wait_closed()


@dataclass(kw_only=True)
class Clock:
    """Stands still until it is moved."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(kw_only=True)
class Bench:
    """An engine, its server, its clock, and the failures it told of."""

    engine: RasaEngine
    rasa: FakeRasa
    clock: Clock
    failures: list[RasaFailure]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running(FakeRasa(port=free_port())) as rasa:
        clock = Clock()
        inside = ScriptedEngine(script={TEXT: INSIDE_SAYS, "i want to die": INSIDE_SAYS})
        client = open_client(f"http://127.0.0.1:{rasa.port}")
        failures: list[RasaFailure] = []
        engine = RasaEngine(client=client, inside=inside, now=clock, failed=failures.append, timeout_s=0.3)
        yield Bench(engine=engine, rasa=rasa, clock=clock, failures=failures)
        await engine.aclose()


@asynccontextmanager
async def running(rasa: FakeRasa) -> AsyncIterator[FakeRasa]:
    server = await asyncio.start_server(rasa.accept, "127.0.0.1", rasa.port)
    async with server:
        yield rasa
    await asyncio.gather(*rasa.serving)


async def test_rasa_is_asked_and_its_answer_taken(bench: Bench) -> None:
    assert await bench.engine.parse(TEXT, today=TODAY) == RASA_SAYS

    head, _, body = bench.rasa.asked[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /model/parse HTTP/1.1")
    assert json.loads(body) == {"text": TEXT}
    assert not bench.failures


RASA_JSON = RASA_SAYS.to_json()
BAD = {
    "silence": ("timeout", b""),
    "an endless answer": ("timeout", HEAD),
    "an error": ("status", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"),
    "a redirect": ("status", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
    "no HTTP": ("unreachable", b"\x00\x01 garbage\r\n\r\n"),
    "no JSON": ("not_an_answer", HEAD + b"<html>"),
    "the JSON of another pipeline": ("not_an_answer", HEAD + b'{"intent": {"name": "greet"}}'),
    "a decision without an intent": ("not_an_answer", answer_of(RASA_JSON | {"ranking": []})),
    "wrong types": ("not_an_answer", answer_of(RASA_JSON | {"ranking": "x"})),
    "another message's answer": ("not_an_answer", answer_of(RASA_JSON | {"text": "other"})),
}


@pytest.mark.parametrize("name", BAD)
async def test_whatever_goes_wrong_this_process_answers_and_the_log_holds_no_word_of_it(
    bench: Bench, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    reason, bench.rasa.says = BAD[name]
    bench.rasa.dribbles = name == "an endless answer"

    with caplog.at_level(logging.DEBUG):
        assert await bench.engine.parse(TEXT, today=TODAY) == INSIDE_SAYS

    assert bench.failures == [reason]
    assert reason in caplog.text
    assert "secretword" not in caplog.text


async def test_a_server_that_is_not_there_is_left_alone_for_a_while(bench: Bench) -> None:
    bench.engine.client.base_url = f"http://127.0.0.1:{free_port()}"
    await bench.engine.parse(TEXT, today=TODAY)
    bench.engine.client.base_url = f"http://127.0.0.1:{bench.rasa.port}"

    bench.clock.seconds += PAUSE_S - 1
    assert await bench.engine.parse(TEXT, today=TODAY) == INSIDE_SAYS
    assert not bench.rasa.asked
    assert bench.failures == ["unreachable", "paused"]

    bench.clock.seconds += 1
    assert await bench.engine.parse(TEXT, today=TODAY) == RASA_SAYS
    assert await bench.engine.parse(TEXT, today=TODAY) == RASA_SAYS
    assert len(bench.rasa.asked) == 2


async def test_after_a_failure_one_message_tries_and_the_others_do_not_wait(bench: Bench) -> None:
    bench.rasa.says = b""
    await bench.engine.parse(TEXT, today=TODAY)
    bench.clock.seconds += PAUSE_S

    answers = await asyncio.gather(*(bench.engine.parse(TEXT, today=TODAY) for _ in range(5)))

    assert answers == [INSIDE_SAYS] * 5
    assert len(bench.rasa.asked) == 2
    assert bench.failures == ["timeout", *["paused"] * 4, "timeout"]


async def test_the_space_around_a_message_which_rasa_takes_off_stays(bench: Bench) -> None:
    text = f" {TEXT}\n"

    assert await bench.engine.parse(text, today=TODAY) == replace(RASA_SAYS, text=text)


async def test_the_day_and_what_was_asked_count_here_for_rasa_can_not_be_told(bench: Bench) -> None:
    bench.rasa.says = answer_of(RASA_JSON | {"text": "5000 baht yesterday"})

    parsed = await bench.engine.parse("  5000 baht yesterday", today=TODAY, slot="money")

    assert parsed.slot_value == {"amount": 5000, "currency": "THB", "per": None}
    money, day = parsed.entities
    assert (money.start, money.raw) == (2, "5000 baht")
    assert day.value == {"iso": "2026-07-23"}


async def test_phrases_of_danger_are_found_even_if_rasa_does_not_know_them(bench: Bench) -> None:
    bench.rasa.says = answer_of(RASA_JSON | {"text": "i want to die"})

    assert (await bench.engine.parse("i want to die", today=TODAY)).crisis == "crisis_self_harm"


async def test_no_proxy_of_the_environment_reads_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")

    async with running(FakeRasa(port=free_port())) as rasa, open_client(f"http://127.0.0.1:{rasa.port}") as client:
        engine = RasaEngine(client=client, inside=ScriptedEngine(script={}), now=Clock(), failed=pytest.fail)
        assert await engine.parse(TEXT, today=TODAY) == RASA_SAYS


@pytest.mark.parametrize(
    "url", ["https://rasa.example.org", "http://127.0.0.1:5005", "http://localhost:1", "http://[::1]"]
)
def test_rasa_may_be_on_this_machine_or_behind_https(url: str) -> None:
    assert Settings(nlu_engine="rasa", rasa_url=url).rasa_url == url


@pytest.mark.parametrize(
    "url", ["http://rasa.example.org", "http://10.0.0.1:5005", "ftp://127.0.0.1", "127.0.0.1:5005", ""]
)
def test_any_other_address_of_rasa_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="messages go to https"):
        Settings(nlu_engine="rasa", rasa_url=url)
