"""The web chat's page, and the way to close it so that nothing of it is left on the phone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from bot.channels.webchat import BOT
from bot.content.render import texts_of
from bot.content.store import ContentStore
from bot.model import LANGUAGES, Language
from bot.storage import contacts, conversations
from bot.storage.engine import Storage
from bot.web.contact_cookie import end_cookie, new_token, read_contact_ref, set_cookie

_HERE: Final = Path(__file__).parent
_TEMPLATES: Final = Jinja2Templates(_HERE / "templates")


@dataclass(frozen=True, kw_only=True)
class ChatPage:
    """The page's endpoints, over the parts they need."""

    storage: Storage
    content: ContentStore
    demo: bool
    secure: bool
    embed_origins: tuple[str, ...]
    now: Callable[[], datetime]

    def routes(self) -> list[Route | Mount]:
        """/chat, what it loads, and /chat/close."""
        return [
            Route("/", self.front_door),
            Route("/chat", self.open, methods=["GET"]),
            Route("/chat/close", self.close, methods=["POST"]),
            Route("/chat/closed", self.closed, methods=["GET"]),
            Mount("/chat/static", StaticFiles(directory=_HERE / "static")),
        ]

    async def front_door(self, request: Request) -> Response:
        """There is nothing at / but the way to the chat."""
        return RedirectResponse("/chat")

    async def open(self, request: Request) -> Response:
        """The page; whoever has no cookie, or a closed one, gets a new one."""
        contact_ref = read_contact_ref(request)
        door = await self.storage.read(partial(_door, contact_ref=contact_ref)) if contact_ref else _Door(usable=False)
        response = self._page(request, "chat.html", door.language)
        if not door.usable:
            set_cookie(response, new_token(), secure=self.secure, embedded=bool(self.embed_origins))
        return response

    async def close(self, request: Request) -> Response:
        """Ends the cookie on this phone and for ever; the page then goes to a dull one."""
        contact_ref = read_contact_ref(request)
        if contact_ref:
            await self.storage.run(partial(_close, contact_ref=contact_ref, now=self.now()))
        response = Response(status_code=204, headers={"Clear-Site-Data": '"cache", "storage"'})
        end_cookie(response)
        return response

    async def closed(self, request: Request) -> Response:
        """The dull page."""
        return self._page(request, "closed.html", "km")

    def _page(self, request: Request, template: str, language: Language) -> Response:
        content = self.content.current
        words = {name: texts_of(content, name, "web") for name in LANGUAGES}
        phones = sorted({fact.value["km"] for fact in content.facts.values() if fact.kind == "phone" and fact.verified})
        values = {
            "language": language,
            "words": words[language],
            "demo": self.demo,
            "page_data": {"words": words, "phones": phones},
        }
        return _TEMPLATES.TemplateResponse(request, template, values)


@dataclass(frozen=True, kw_only=True)
class _Door:
    """Whether a cookie may still be used, and the language of its conversation."""

    usable: bool
    language: Language = "km"


def _door(tx: Connection, *, contact_ref: str) -> _Door:
    if contacts.is_closed(tx, channel="web", bot=BOT, contact_ref=contact_ref):
        return _Door(usable=False)
    conversation = conversations.find(tx, channel="web", bot=BOT, contact_ref=contact_ref)
    return _Door(usable=True, language=conversation.language if conversation else "km")


def _close(tx: Connection, *, contact_ref: str, now: datetime) -> None:
    conversation = conversations.find(tx, channel="web", bot=BOT, contact_ref=contact_ref)
    if conversation:
        contacts.close(tx, conversation.contact_id, now=now)
