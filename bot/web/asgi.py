"""The web application: routes, the headers that protect its pages, and errors as short JSON."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.errors import ReturneeBotError, StorageDown
from bot.logs import open_log

log = open_log(__name__)

_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
)


ANSWER_WITHIN_S: Final = 4.5
"""Platforms and pages deliver again what was not acknowledged; what they wait for in vain, they stop to deliver."""


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
        exception_handlers={HTTPException: _refused, ReturneeBotError: _failed, ClientDisconnect: _gone},
    )


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Ends what takes too long, such as a database that is frozen; it may be done all the same, and is then known.

    Raises:
        StorageDown: it took too long.
    """
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            yield
    except TimeoutError as error:
        raise StorageDown("The database does not answer in time.") from error


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody reads this any more."""
    return Response(status_code=400)


async def _failed(request: Request, error: Exception) -> Response:
    """Nothing was written: the page keeps the message and sends it again."""
    log.error("request_failed", error=error)
    return JSONResponse({"error": "Try again."}, status_code=503, headers={"Retry-After": "1"})
