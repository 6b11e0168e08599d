"""Photos and voice in the web chat: sent by the page, kept sealed, and given back to nobody but who sent them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, get_args
from uuid import UUID, uuid4

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.cases.evidence import find_own
from bot.channels.webchat import BOT
from bot.errors import MediaRefused
from bot.media import BYTES_MOST, KEPT_KINDS, VIEW_TYPE, inspect, view_of
from bot.model import Attachment, AttachmentKind
from bot.storage.engine import Storage
from bot.storage.media import MediaFiles
from bot.web.asgi import in_time
from bot.web.webchat import WebChatApi

_CONTENT_TYPE: Final = "application/octet-stream"
_STATUS: Final = {"too_big": 413, "too_many_pixels": 413}
_KINDS: Final[dict[str, AttachmentKind]] = {kind: kind for kind in get_args(AttachmentKind) if kind in KEPT_KINDS}


@dataclass(frozen=True, kw_only=True)
class WebMediaApi:
    """The endpoints for files, over the parts they need."""

    chat: WebChatApi
    storage: Storage
    files: MediaFiles
    new_name: Callable[[], UUID] = uuid4

    def routes(self) -> list[Route]:
        """The routes below /chat/api/media."""
        return [
            Route("/chat/api/media", self.post, methods=["POST"]),
            Route("/chat/api/media/{name:uuid}", self.give, methods=["GET"]),
        ]

    async def post(self, request: Request) -> Response:
        """Takes one file, as the body; `id` is the page's name of the message, `kind` one of KEPT_KINDS.

        202 with the message's number; the same id again: 200 with the same number. 413 where it is too big, 415 where
        it is nothing that we keep, 400 where id or kind are wrong.
        """
        async with in_time():
            contact_ref = await self.chat.contact(request)
        name, kind = _asked(request)
        self.chat.refuse_flood(contact_ref)
        content = await _body(request)
        try:
            seen = await asyncio.to_thread(inspect, content, kind)
        except MediaRefused as error:
            raise HTTPException(_STATUS.get(error.reason, 415), f"This can not be kept: {error.reason}.") from error
        media_id = self.new_name()
        await asyncio.to_thread(self.files.write, media_id, content)
        sent = Attachment(kind=kind, size=seen.size, mime=seen.type, stored=media_id.hex)
        handled = await self.chat.handle(contact_ref, name, sent)
        if handled.duplicate:
            await asyncio.to_thread(self.files.delete, media_id)
        return JSONResponse({"seq": handled.seq}, status_code=200 if handled.duplicate else 202)

    async def give(self, request: Request) -> Response:
        """The file, to who sent it: of a picture, its pixels alone. Foreign and absent look alike."""
        contact_ref = await self.chat.contact(request)
        name: UUID = request.path_params["name"]
        own = partial(find_own, media_id=name, channel="web", bot=BOT, contact_ref=contact_ref)
        row = await self.storage.read(own)
        if row is None or row.type is None:
            raise HTTPException(404, "There is no such file.")
        content = await asyncio.to_thread(self.files.read, name)
        view = await asyncio.to_thread(view_of, content, row.type)
        type = row.type if view is None else VIEW_TYPE
        headers = {"Content-Disposition": "attachment", "Content-Type": type}
        return Response(content if view is None else view, headers=headers)


def _asked(request: Request) -> tuple[UUID, AttachmentKind]:
    try:
        return UUID(request.query_params.get("id", "")), _KINDS[request.query_params.get("kind", "")]
    except (ValueError, KeyError) as error:
        raise HTTPException(400, f"Send id=<uuid> and kind, one of {', '.join(sorted(_KINDS))}.") from error


async def _body(request: Request) -> bytes:
    if request.headers.get("content-type", "") != _CONTENT_TYPE:  # which another site's page may not send
        raise HTTPException(415, f"Send {_CONTENT_TYPE}, whatever the file is.")
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > BYTES_MOST:
        raise HTTPException(413, f"A file has at most {BYTES_MOST} bytes.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BYTES_MOST:
            raise HTTPException(413, f"A file has at most {BYTES_MOST} bytes.")
    return bytes(body)
