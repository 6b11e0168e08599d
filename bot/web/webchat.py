"""The web chat's API: write, read and follow one's own conversation. Its contract stands in docs/architecture.md."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from sqlalchemy import Connection
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.channels.webchat import BOT
from bot.conversation import Conversations, Handled
from bot.hearing import buttons_of
from bot.model import Inbound, Payload, Press, Text
from bot.storage import contacts, conversations, media, messages
from bot.storage.engine import Storage
from bot.storage.media import MediaRow
from bot.storage.messages import MessageRow
from bot.web.asgi import in_time
from bot.web.contact_cookie import read_contact_ref

TEXT_MAX_CHARS: Final = 20_000
BODY_MAX_BYTES: Final = 12 * TEXT_MAX_CHARS + 1_000  # one character can be written as 12 escaped bytes
BUTTON_MAX_CHARS: Final = 64
READ_AT_ONCE: Final = 200
LOOK_AGAIN_S: Final = 15
FLOOD: Final = RateLimitItemPerMinute(100)


class Listen(Protocol):
    """Gives an event that is set when there is something new for a contact."""

    def __call__(self, name: str) -> AbstractContextManager[asyncio.Event]:
        """Listens until the context ends."""


class IncomingMessage(BaseModel):
    """What a page posts: its own id for the message, and either words or a button."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: UUID
    text: str | None = None
    button: str | None = None

    @model_validator(mode="after")
    def _either_words_or_a_button(self) -> "IncomingMessage":
        if (self.text is None) == (self.button is None):
            raise ValueError("send either “text” or “button”")
        return self

    @property
    def payload(self) -> Payload:
        """The message as the conversation knows it."""
        return Text(text=self.text) if self.text is not None else Press(button=self.button or "")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What there is to read, and up to which number everything is hidden."""

    messages: tuple[MessageRow, ...]
    hidden_through: int
    files: Mapping[UUID, MediaRow] = field(default_factory=dict)

    def to_json(self) -> list[dict[str, Any]]:
        """The messages as pages read them."""
        return [to_json(message, self.files.get(message.id)) for message in self.messages]


@dataclass(frozen=True, kw_only=True)
class WebChatApi:
    """The API's endpoints, over the parts they need."""

    conversations: Conversations
    storage: Storage
    listen: Listen
    _limiter: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))

    def routes(self) -> list[Route]:
        """The routes below /chat/api."""
        return [
            Route("/chat/api/messages", self.post, methods=["POST"]),
            Route("/chat/api/messages", self.read, methods=["GET"]),
            Route("/chat/api/events", self.follow, methods=["GET"]),
        ]

    async def post(self, request: Request) -> Response:
        """Takes one message: 202 with its number; the same id again: 200 with the same number."""
        async with in_time():
            contact_ref = await self.contact(request)
        incoming = parse_message(await _body(request))
        self.refuse_flood(contact_ref)
        handled = await self.handle(contact_ref, incoming.id, incoming.payload)
        return JSONResponse({"seq": handled.seq}, status_code=200 if handled.duplicate else 202)

    async def handle(self, contact_ref: str, name: UUID, payload: Payload) -> Handled:
        """Handles what the page calls by this name.

        Raises:
            StorageDown: it is not kept, or not in time.
        """
        message = Inbound(
            channel="web",
            bot=BOT,
            external_id=f"{contact_ref[:16]}:{name}",
            contact_ref=contact_ref,
            payload=payload,
        )
        async with in_time():
            return await self.conversations.handle(message)

    def refuse_flood(self, contact_ref: str) -> None:
        """Counts one more message of the contact; 429 where these are too many."""
        if not self._limiter.hit(FLOOD, contact_ref):
            reset, _ = self._limiter.get_window_stats(FLOOD, contact_ref)
            wait_s = max(1, round(reset - time.time()))
            raise HTTPException(429, "Too many messages.", headers={"Retry-After": str(wait_s)})

    async def read(self, request: Request) -> Response:
        """The messages after a number."""
        async with in_time():
            contact_ref = await self.contact(request)
            found = await self._find(contact_ref, _number(request.query_params.get("after", "0")))
        return JSONResponse({"messages": found.to_json(), "hidden_through": found.hidden_through})

    async def follow(self, request: Request) -> Response:
        """The messages after a number as server-sent events, and every later one when it comes."""
        contact_ref = await self.contact(request)
        after = request.headers.get("Last-Event-ID") or request.query_params.get("after", "0")
        return EventSourceResponse(self._events(contact_ref, _number(after)), ping=LOOK_AGAIN_S)

    async def _events(self, contact_ref: str, after: int) -> AsyncIterator[ServerSentEvent]:
        hidden_through = 0
        with self.listen(contact_ref) as news:
            while True:
                news.clear()
                found = await self._find(contact_ref, after)
                if found.hidden_through > hidden_through:
                    hidden_through = found.hidden_through
                    yield ServerSentEvent(event="hidden", data=str(hidden_through))
                for plain in found.to_json():
                    after = plain["seq"]
                    yield ServerSentEvent(id=str(after), data=json.dumps(plain, ensure_ascii=False))
                if len(found.messages) < READ_AT_ONCE:
                    await _wait(news)

    async def contact(self, request: Request) -> str:
        """The contact who asks; 401 without a cookie that may still be used."""
        contact_ref = read_contact_ref(request)
        if contact_ref is None or await self.storage.read(partial(_is_closed, contact_ref=contact_ref)):
            raise HTTPException(401, "Open /chat first.")
        return contact_ref

    async def _find(self, contact_ref: str, after: int) -> Found:
        return await self.storage.read(partial(_find, contact_ref=contact_ref, after=after))


def parse_message(raw: bytes) -> IncomingMessage:
    """The posted message.

    Raises:
        HTTPException: 400 where it is not one, 413 where it is too long.
    """
    try:
        incoming = IncomingMessage.model_validate_json(raw)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}".lstrip(": ") for e in error.errors())
        raise HTTPException(400, problems) from error
    if len(incoming.text or "") > TEXT_MAX_CHARS:
        raise HTTPException(413, f"A message has at most {TEXT_MAX_CHARS} characters.")
    if len(incoming.button or "") > BUTTON_MAX_CHARS:
        raise HTTPException(400, "This is no button.")
    return incoming


def to_json(message: MessageRow, file: MediaRow | None = None) -> dict[str, Any]:
    """A message as pages read it; `media` is the kind of what came with it, and the name of its file."""
    sent = {"kind": file.kind, "id": str(file.id) if file.status == "stored" else None} if file else None
    return {
        "seq": message.seq,
        "author": message.author,
        "text": message.body,
        "buttons": [{"id": button.id, "title": button.title} for button in buttons_of(message)],
        "answer": message.answer,
        "at": message.created_at.isoformat(),
        "lang": message.language,
    } | ({"media": sent} if sent else {})


async def _body(request: Request) -> bytes:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise HTTPException(415, "Send application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise HTTPException(413, f"A message has at most {TEXT_MAX_CHARS} characters.")
    return bytes(body)


async def _wait(news: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(news.wait(), LOOK_AGAIN_S)
    except TimeoutError:
        return


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 12):
        raise HTTPException(400, "“after” is the number of a message.")
    return int(word)


def _is_closed(tx: Connection, *, contact_ref: str) -> bool:
    return contacts.is_closed(tx, channel="web", bot=BOT, contact_ref=contact_ref)


def _find(tx: Connection, *, contact_ref: str, after: int) -> Found:
    conversation = conversations.find(tx, channel="web", bot=BOT, contact_ref=contact_ref)
    if conversation is None:
        return Found(messages=(), hidden_through=0)
    found = messages.visible_after(tx, conversation.id, after, READ_AT_ONCE)
    sent = [message.id for message in found if message.kind == "attachment"]
    files = media.of_messages(tx, sent)
    return Found(messages=tuple(found), hidden_through=conversation.hidden_seq, files=files)
