"""POST /webhooks/telegram: who may post, what is taken, and when 200 is said."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from bot.channels.telegram import TelegramChannel, open_channel
from bot.errors import StorageDown
from bot.model import ChannelName
from bot.web.asgi import build_asgi
from bot.web.webhooks import BODY_MAX_BYTES, TELEGRAM_PATH, TelegramWebhook

SECRET = "a-secret-for-tests-0123456789"
UPDATE = {"update_id": 7, "message": {"text": "hello"}}


@dataclass(kw_only=True)
class Kept:
    """An ingest that notes what it is given, or is down."""

    updates: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    down: bool = False

    async def __call__(self, channel_name: ChannelName, bot: str, external_id: str, raw: bytes) -> None:
        """Notes it."""
        if self.down:
            raise StorageDown("down")
        self.updates.append((channel_name, bot, external_id, raw))


@pytest.fixture
async def channel() -> AsyncIterator[TelegramChannel]:
    opened = open_channel(token="42:AASecretSecretSecretSecret", api_url="http://127.0.0.1:9", staff_group=None)
    yield opened
    await opened.close()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
async def client(channel: TelegramChannel, kept: Kept) -> AsyncIterator[httpx.AsyncClient]:
    @asynccontextmanager
    async def nothing_beside(app: Starlette) -> AsyncIterator[None]:
        yield

    routes = TelegramWebhook(channel=channel, ingest=kept, secret=SECRET).routes()
    transport = httpx.ASGITransport(app=build_asgi(routes, nothing_beside, embed_origins=()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


async def post(client: httpx.AsyncClient, content: bytes, secret: str | None = SECRET) -> httpx.Response:
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    return await client.post(TELEGRAM_PATH, content=content, headers=headers)


async def test_an_update_is_kept_as_it_came_and_then_acknowledged(client: httpx.AsyncClient, kept: Kept) -> None:
    raw = json.dumps(UPDATE, indent=3).encode()

    response = await post(client, raw)

    assert response.status_code == 200
    assert kept.updates == [("telegram", "42", "7", raw)]


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET[:-1], f"{SECRET}0", SECRET.upper()])
async def test_whoever_does_not_know_the_secret_is_refused(
    client: httpx.AsyncClient, kept: Kept, secret: str | None
) -> None:
    response = await post(client, json.dumps(UPDATE).encode(), secret)

    assert (response.status_code, kept.updates) == (403, [])


@pytest.mark.parametrize(
    "content", [b"", b"x", b"[]", b"{}", b'{"update_id": "7"}', b'{"update_id": true}', b"\xff\xfe", b"[" * 100_000]
)
async def test_what_is_no_update_is_refused_in_words(client: httpx.AsyncClient, kept: Kept, content: bytes) -> None:
    response = await post(client, content)

    assert (response.status_code, list(response.json()), kept.updates) == (400, ["error"], [])


async def test_what_is_too_long_is_refused(client: httpx.AsyncClient, kept: Kept) -> None:
    response = await post(client, b" " * (BODY_MAX_BYTES + 1))

    assert (response.status_code, kept.updates) == (413, [])


async def test_while_the_database_is_down_telegram_is_asked_to_come_again(
    client: httpx.AsyncClient, kept: Kept
) -> None:
    kept.down = True

    response = await post(client, json.dumps(UPDATE).encode())

    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")


async def test_nothing_of_the_secret_is_shown(channel: TelegramChannel, kept: Kept) -> None:
    shown: list[Any] = [channel, TelegramWebhook(channel=channel, ingest=kept, secret=SECRET)]

    assert not any(secret in f"{shown!r}" for secret in (SECRET, "AASecret"))


async def test_only_post_is_taken(client: httpx.AsyncClient) -> None:
    assert (await client.get(TELEGRAM_PATH)).status_code == 405
