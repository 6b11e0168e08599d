"""The test's side of the fake Telegram: starts it, in a thread or as a process, and acts as people through it."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import uvicorn

from tests.fakes.telegram_server import TOKEN, TelegramServer
from tests.serving import REPOSITORY, free_port

Json = dict[str, Any]
START_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class FakeTelegram:
    """A running fake, wherever it runs. do() reaches every action; the methods below are those that tests use most."""

    address: str
    token: str = TOKEN
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=20))

    def do(self, action: str, **args: Any) -> Any:
        """Carries out an action of the control API and gives its result."""
        response = self.client.post(f"{self.address}/control/{action}", json=args)
        if response.is_error:
            raise AssertionError(response.text)
        return response.json()

    def text(self, user: int, text: str, **more: Any) -> Json:
        """Writes as this person; gives the update."""
        update: Json = self.do("text", user=user, text=text, **more)
        return update

    def press(self, user: int, message_id: int, **which: Any) -> Json:
        """Presses a button of a message, by title=, index= or data=."""
        update: Json = self.do("press", user=user, message_id=message_id, **which)
        return update

    def record(self, after: int = 0) -> list[Json]:
        """Accepted calls in their order."""
        found: list[Json] = self.do("record", after=after)
        return found

    def sent(self, chat: int | None = None) -> list[Json]:
        """What the bot sent, in its order: messages of a chat, or of all."""
        return [
            call
            for call in self.record()
            if call["method"].startswith("send")
            and call["method"] != "sendchataction"
            and chat in (None, call["chat_id"])
        ]

    def shown(self, chat: int) -> list[Json]:
        """The bot's messages that stand in a chat, in their order."""
        return [message for message in self.do("messages", chat=chat) if message["from"]["is_bot"]]

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 15.0) -> Any:
        """The first value of the condition that is true.

        Raises:
            AssertionError: there was none in time.
        """
        try:
            return wait_for(condition, timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.do('state')}, {self.do('refused')[-3:]}") from None

    def wait_for_sent(self, chat: int, count: int, timeout_s: float = 15.0) -> list[Json]:
        """The messages that the bot sent to a chat, once there are so many."""
        found: list[Json] = self.wait_for(
            lambda: sent if len(sent := self.sent(chat)) >= count else None, timeout_s=timeout_s
        )
        return found


def wait_for(condition: Callable[[], Any], timeout_s: float = 15.0) -> Any:
    """The first value of the condition that is true.

    Raises:
        AssertionError: there was none in time.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("nothing came")


@contextmanager
def fake_telegram(*, port: int | None = None, token: str = TOKEN) -> Iterator[FakeTelegram]:
    """A fake in a thread of this process."""
    port = port or free_port()
    config = uvicorn.Config(
        TelegramServer(token=token).asgi(),
        host="127.0.0.1",
        port=port,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="fake-telegram", daemon=True)
    thread.start()
    fake = FakeTelegram(address=f"http://127.0.0.1:{port}", token=token)
    try:
        _wait_until_up(fake)
        yield fake
    finally:
        fake.client.close()
        server.should_exit = True
        thread.join(timeout=10)


@contextmanager
def fake_telegram_process(*, port: int | None = None, token: str = TOKEN) -> Iterator[FakeTelegram]:
    """A fake in a process of its own, which outlives whoever is killed here."""
    port = port or free_port()
    command = [sys.executable, "-m", "tests.fakes.telegram_server", "--port", str(port), "--token", token]
    process = subprocess.Popen(command, cwd=REPOSITORY)
    fake = FakeTelegram(address=f"http://127.0.0.1:{port}", token=token)
    try:
        _wait_until_up(fake)
        yield fake
    finally:
        fake.client.close()
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_up(fake: FakeTelegram) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            fake.do("state")
            return
        except httpx.TransportError:
            time.sleep(0.02)
    raise TimeoutError("the fake did not come up")
