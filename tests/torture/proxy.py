"""A network that lies, between the bot and the platform: HTTP/1.1 over TCP, with faults by seeded chance.

Faults, by the share of requests that get them: latency, reset, truncate, stall, too_many (429), error (5xx), duplicate,
reorder. What was done to each request is kept in `log`.
"""

import asyncio
import json
import random
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.serving import free_port

Fault = Literal["", "latency", "reset", "truncate", "stall", "too_many", "error", "duplicate", "reorder"]
LATENCY_S: Final = (0.05, 0.8)
STALL_S: Final = 40.0
REORDER_S: Final = (0.0, 1.0)
DOUBLED_AFTER_S: Final = 1.1  # sooner the platform refuses it, as the second of that chat within a second
RETRY_AFTER_S: Final = (1, 2, 3, 5)
HEAD_MAX: Final = 65_536


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def serving_in_thread(serve: Serve, port: int) -> Iterator[None]:
    """A server on this machine, in a thread with a loop of its own, while the context is open."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", port, limit=2**22))
    thread = threading.Thread(target=loop.run_forever, name=f"server-{port}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request: when it came, what it asked for, what was done to it, and until when the bot was told to wait."""

    at: float
    path: str
    fault: Fault
    passed: bool
    wait_s: float = 0.0
    wait_until: float = 0.0
    doubled: tuple[str, str] | None = None
    """The chat and the message that the platform took a second time, of which the bot can not know."""


@dataclass(kw_only=True)
class Proxy:
    """Passes requests to a port of this machine; only paths with `only` get faults. shares may change at any time."""

    upstream_port: int
    seed: int
    only: str = ""
    port: int = field(default_factory=free_port)
    shares: Mapping[Fault, float] = field(default_factory=dict)
    log: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Works in a thread of its own while the context is open."""
        with serving_in_thread(self._serve, self.port):
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
                while request := await _read(reader):
                    if not await self._answer(request, writer):
                        break
        finally:  # also at the end, when it is cancelled
            writer.close()

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection may go on."""
        path = request.split(b" ", 2)[1].decode("ascii", "replace").rpartition("/")[2].partition("?")[0].lower()
        fault = self._choose() if self.only in path else ""
        early = self._chance.random() < 0.5  # whether a fault strikes before the platform has the request
        wait_s = self._chance.choice(RETRY_AFTER_S) if fault == "too_many" else 0
        passed = not (fault == "too_many" or (early and fault in ("reset", "stall", "error")))
        began = time.monotonic()
        if fault in ("latency", "reorder"):
            await asyncio.sleep(self._chance.uniform(*(LATENCY_S if fault == "latency" else REORDER_S)))
        response = await self._pass(request) if passed else b""
        doubled = await self._pass_again(request) if fault == "duplicate" else None
        self.log.append(
            Seen(
                at=began,
                path=path,
                fault=fault,
                passed=passed,
                wait_s=wait_s,
                wait_until=time.monotonic() + wait_s if wait_s else 0.0,
                doubled=doubled,
            )
        )
        return await self._reply(fault, response, wait_s, writer)

    async def _reply(self, fault: Fault, response: bytes, wait_s: int, writer: asyncio.StreamWriter) -> bool:
        match fault:
            case "reset":
                _reset(writer)
                return False
            case "truncate":
                writer.write(response[: max(len(response) - self._chance.randint(1, 60), 1)])
                await writer.drain()
                return False
            case "stall":
                await asyncio.sleep(STALL_S)
                return False
            case "too_many":
                body = {"ok": False, "error_code": 429, "description": f"Too Many Requests: retry after {wait_s}"}
                response = _response("429 Too Many Requests", body | {"parameters": {"retry_after": wait_s}})
            case "error":
                response = _response(
                    self._chance.choice(("502 Bad Gateway", "500 Internal Server Error")), {"ok": False}
                )
            case "" | "latency" | "duplicate" | "reorder":
                pass
        writer.write(response)
        await writer.drain()
        return True

    def _choose(self) -> Fault:
        drawn = self._chance.random()
        for fault, share in self.shares.items():
            drawn -= share
            if drawn < 0:
                return fault
        return ""

    async def _pass_again(self, request: bytes) -> tuple[str, str] | None:
        """The chat and id of the message that the platform took a second time; nothing if it refused it."""
        await asyncio.sleep(DOUBLED_AFTER_S)
        answer = json.loads((await self._pass(request)).partition(b"\r\n\r\n")[2])
        return (str(answer["result"]["chat"]["id"]), str(answer["result"]["message_id"])) if answer["ok"] else None

    async def _pass(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream_port, limit=2**22)
        try:
            writer.write(request)
            await writer.drain()
            return await _read(reader)
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """One request or response; nothing at the end of the stream."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    lines = head.lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
    return head + (await reader.readexactly(length) if length else b"")


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _response(status: str, body: Mapping[str, object]) -> bytes:
    raw = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    return head.encode() + raw


async def _end(server: asyncio.Server) -> None:
    server.close()
    for task in asyncio.all_tasks():
        if task is not asyncio.current_task():
            task.cancel()
    await asyncio.sleep(0.05)
