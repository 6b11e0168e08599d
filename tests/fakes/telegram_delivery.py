"""The two ways in which updates reach the bot: it asks (getUpdates), or they are posted to it (a webhook)."""

import asyncio
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from tests.fakes.telegram_checks import decode
from tests.fakes.telegram_errors import ApiError, bad, conflict
from tests.fakes.telegram_queue import Lane, Pending
from tests.fakes.telegram_world import Json, World

FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 60.0
POST_TIMEOUT_S: Final = 60.0
POLL_MAX_S: Final = 50
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")


@dataclass(frozen=True, kw_only=True)
class Hook:
    """Where updates are posted to."""

    url: str
    secret: str = ""
    max_connections: int = 40


@dataclass(kw_only=True)
class Delivery:
    """Hands pending updates to the bot. call runs a method that a webhook's response asks for.

    lost is the share of acknowledgements that do not arrive, so that the bot gets the same again.
    """

    world: World
    call: Callable[[str, Json], Any]
    first_retry_s: float = FIRST_RETRY_S
    hook: Hook | None = None
    last_error: tuple[int, str] | None = None
    posts: int = 0
    lost: float = 0.0
    again: int = 0
    _chance: random.Random = field(default_factory=lambda: random.Random(1))
    _polls: int = 0
    _polling: bool = False
    _poll_ended_by: str = ""
    _tasks: dict[Lane, asyncio.Task[None]] = field(default_factory=dict)
    _runner: asyncio.Task[None] | None = None

    async def get_updates(self, params: Json) -> list[Json]:
        """What waits from offset on; lower numbers are acknowledged by it. A newer call ends an older one."""
        if self.hook:
            raise conflict("can't use getUpdates method while webhook is active; use deleteWebhook to delete it first")
        self._end_poll("other getUpdates request; make sure that only one bot instance is running")
        mine = self._polls
        self._allow(params)
        limit = min(max(int(params.get("limit") or 100), 1), 100)
        until = self.world.clock.now() + min(int(params.get("timeout") or 0), POLL_MAX_S)
        if params.get("offset") not in (None, ""):
            self._confirm_below(int(params["offset"]))
        self._polling = True
        try:
            while True:
                found = self.world.updates.first(limit, self.world.clock.now())
                if found or self.world.clock.now() >= until:
                    return found
                await self.world.clock.wait(until)
                if self._polls != mine:
                    raise conflict(f"terminated by {self._poll_ended_by}")
        finally:
            if self._polls == mine:
                self._polling = False

    def _end_poll(self, by: str) -> None:
        self._polls += 1
        self._poll_ended_by = by
        self.world.clock.wake()

    def _allow(self, params: Json) -> None:
        allowed = decode(params.get("allowed_updates"), "allowed_updates")
        if allowed is not None:
            self.world.updates.allowed = tuple(allowed)

    async def set_webhook(self, params: Json) -> bool:
        """Posts updates to a URL from now on; an empty one ends it."""
        url = str(params.get("url") or "")
        if not url:
            return await self.delete_webhook(params)
        secret = str(params.get("secret_token") or "")
        where = urlsplit(url)
        if where.scheme != "https" and where.hostname not in ("127.0.0.1", "localhost"):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        if secret and not _SECRET.fullmatch(secret):
            raise bad("secret token contains unallowed characters")
        connections = int(params.get("max_connections") or 40)
        if not 1 <= connections <= 100:
            raise bad("max_connections is out of range")
        self._allow(params)
        self._drop(params)
        await self.stop()
        self._end_poll("setWebhook request")
        self.hook = Hook(url=url, secret=secret, max_connections=connections)
        self.last_error = None
        self._runner = asyncio.create_task(self._run(self.hook))
        return True

    async def delete_webhook(self, params: Json) -> bool:
        """Ends posting; what waits, waits for getUpdates."""
        self._drop(params)
        await self.stop()
        self.hook = None
        return True

    def _drop(self, params: Json) -> None:
        if str(params.get("drop_pending_updates")).lower() == "true":
            self.world.updates.drop_all()

    async def stop(self) -> None:
        """Ends what is under way."""
        tasks = [*self._tasks.values(), *([self._runner] if self._runner else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._runner = None

    def webhook_info(self) -> Json:
        """How it goes."""
        info: Json = {
            "url": self.hook.url if self.hook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self.world.updates),
        }
        if self.hook:
            info["max_connections"] = self.hook.max_connections
        if self.last_error:
            info["last_error_date"], info["last_error_message"] = self.last_error
        if self.world.updates.allowed:
            info["allowed_updates"] = list(self.world.updates.allowed)
        return info

    async def _run(self, hook: Hook) -> None:
        """Keeps one task for each lane in which something waits."""
        limits = httpx.Limits(max_connections=hook.max_connections)
        open_connections = asyncio.Semaphore(hook.max_connections)
        async with httpx.AsyncClient(limits=limits, timeout=POST_TIMEOUT_S, trust_env=False) as client:
            while True:
                for lane in self.world.updates.lanes():
                    if lane not in self._tasks:
                        self._tasks[lane] = asyncio.create_task(self._empty(lane, hook, client, open_connections))
                await self.world.clock.wait(self.world.clock.now() + 3600)

    def _confirm_below(self, offset: int) -> None:
        acknowledged = sum(1 for _ in self.world.updates.below(offset))
        if acknowledged and self._chance.random() < self.lost:
            self.again += acknowledged
        else:
            self.world.updates.confirm_below(offset)

    async def _empty(
        self, lane: Lane, hook: Hook, client: httpx.AsyncClient, open_connections: asyncio.Semaphore
    ) -> None:
        """Posts what waits in the lane, one after the other; a failing update holds back those behind it."""
        delay_s = self.first_retry_s
        while pending := self.world.updates.head(lane, self.world.clock.now()):
            async with open_connections:
                done = await self._post(pending, hook, client)
            if done and self._chance.random() < self.lost:
                self.again += 1
            elif done:
                self.world.updates.done(pending)
                delay_s = self.first_retry_s
            else:
                await self.world.clock.sleep(delay_s)
                delay_s = min(delay_s * 2, LONGEST_RETRY_S)
        if self._tasks.get(lane) is asyncio.current_task():  # a bot that came back has begun the lane anew
            del self._tasks[lane]

    async def _post(self, pending: Pending, hook: Hook, client: httpx.AsyncClient) -> bool:
        headers = {"Content-Type": "application/json"}
        if hook.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = hook.secret
        self.posts += 1
        try:
            response = await client.post(hook.url, content=json.dumps(pending.update).encode(), headers=headers)
        except httpx.HTTPError as error:
            self.last_error = (self.world.now(), f"Connection failed: {type(error).__name__}")
            return False
        if not response.is_success:
            self.last_error = (self.world.now(), f"Wrong response from the webhook: {response.status_code}")
            return False
        self._obey(response)
        return True

    def _obey(self, response: httpx.Response) -> None:
        """A response may be a call; whether it fails, nobody learns."""
        try:
            asked = response.json()
            if isinstance(asked, dict) and "method" in asked:
                self.call(asked.pop("method"), asked)
        except (ValueError, ApiError):
            return
