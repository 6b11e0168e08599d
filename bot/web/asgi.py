"""The web application: routes, the headers that protect its pages, and errors as short JSON."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.errors import ReturneeBotError
from bot.logs import open_log

log = open_log(__name__)

_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
)


class Lifespan(Protocol):
    """What runs beside the application while it serves."""

    def __call__(self, app: Starlette) -> AbstractAsyncContextManager[None]:
        """Starts it and ends it."""


class SecurityHeaders:
    """Adds to every response what browsers need to know; pages are never kept, static files are."""

    def __init__(self, app: ASGIApp, *, embed_origins: Sequence[str]) -> None:
        self._app = app
        self._embeddable = _CSP.format(ancestors=" ".join(embed_origins) or "'none'")
        self._alone = _CSP.format(ancestors="'none'")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, and writes the headers when the response starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self._embeddable if path == "/chat" else self._alone
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                static = path.startswith("/chat/static/")
                headers["Cache-Control"] = "no-cache" if static else "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)


def build_asgi(routes: Sequence[BaseRoute], lifespan: Lifespan, *, embed_origins: Sequence[str]) -> Starlette:
    """The application over these routes."""
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(SecurityHeaders, embed_origins=embed_origins)],
        exception_handlers={HTTPException: _refused, ReturneeBotError: _failed},
    )


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    """Nothing was written: the page keeps the message and sends it again."""
    log.error("request_failed", error=error)
    return JSONResponse({"error": "Try again."}, status_code=503, headers={"Retry-After": "1"})
