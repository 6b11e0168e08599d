"""Where platforms post what contacts did. 200 is said only once that is kept: until then they deliver it again."""

import hmac
import json
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.channels.base import Ingest
from bot.channels.telegram import TelegramChannel
from bot.web.asgi import in_time

TELEGRAM_PATH: Final = "/webhooks/telegram"
BODY_MAX_BYTES: Final = 1_000_000
_SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header


@dataclass(frozen=True, kw_only=True)
class TelegramWebhook:
    """POST /webhooks/telegram. Whoever does not know the secret learns nothing and costs nothing."""

    channel: TelegramChannel
    ingest: Ingest
    secret: str = field(repr=False)

    def routes(self) -> list[Route]:
        """The one route."""
        return [Route(TELEGRAM_PATH, self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """Takes one update; while the database is down an error goes up and becomes 503."""
        given = request.headers.get(_SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode(), self.secret.encode()):
            raise HTTPException(403, "This is not for you.")
        raw = await _body(request)
        update = _update(raw)
        async with in_time(), self.channel.attending(update):
            await self.ingest(self.channel.name, self.channel.account, str(update["update_id"]), raw)
        return JSONResponse({"ok": True})


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise HTTPException(413, f"An update has at most {BODY_MAX_BYTES} bytes.")
    return bytes(body)


def _update(raw: bytes) -> dict[str, Any]:
    try:
        update = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "Send JSON.") from error
    if not isinstance(update, dict) or type(update.get("update_id")) is not int:
        raise HTTPException(400, "An update has an update_id.")
    return update
