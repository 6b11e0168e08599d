"""A server that speaks the Telegram Bot API on this machine, and lets tests act as the people in its chats.

    python -m tests.fakes.telegram_server --port 8081 --token 42:secret

The bot uses `/bot{token}/{method}` and `/file/bot{token}/{path}`; tests post to `/control/{action}` (the methods of
People, and those of Control below). Everything accepted is kept in order: `/control/record`.
"""

import argparse
import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.telegram_delivery import Delivery
from tests.fakes.telegram_errors import ApiError
from tests.fakes.telegram_limits import Limits
from tests.fakes.telegram_methods import Methods
from tests.fakes.telegram_people import People, WrongUse
from tests.fakes.telegram_world import Json, World

TOKEN: Final = "42:AAFakeTokenOfTheFakeServerOnThisMachine"
QUIET: Final = frozenset({"getupdates", "getme", "getwebhookinfo"})
"""Methods that change nothing and are asked all the time: not in the record."""


@dataclass(kw_only=True)
class Failure:
    """An answer that the next calls of a method get instead of their own."""

    method: str
    code: int
    description: str
    parameters: dict[str, int] | None = None
    times: int = 1
    after: bool = False
    """Whether the call is carried out all the same, as when an answer is lost on its way."""
    hang_s: float = 0.0


@dataclass(kw_only=True)
class TelegramServer:
    """The fake: one bot, its chats, and the people in them."""

    token: str = TOKEN
    world: World = field(init=False)
    methods: Methods = field(init=False)
    delivery: Delivery = field(init=False)
    people: People = field(init=False)
    failures: list[Failure] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = World(token=self.token)
        self.methods = Methods(world=self.world)
        self.delivery = Delivery(world=self.world, call=self.call)
        self.people = People(world=self.world)

    def asgi(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                Route("/bot{token}/{method}", self.bot_api, methods=["GET", "POST"]),
                Route("/file/bot{token}/{path:path}", self.download),
                Route("/control/{action}", self.control, methods=["GET", "POST"]),
            ],
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        yield
        await self.delivery.stop()

    async def bot_api(self, request: Request) -> Response:
        """One call of the bot."""
        method, params = str(request.path_params["method"]).lower(), {}
        try:
            if request.path_params["token"] != self.token:
                raise ApiError(401, "Unauthorized")
            params = await _params(request)
            failure = self._failure(method)
            if failure and not failure.after:
                await asyncio.sleep(failure.hang_s)
                raise ApiError(failure.code, failure.description, failure.parameters)
            result = await self._async_call(method, params)
            if failure:
                await asyncio.sleep(failure.hang_s)
                raise ApiError(failure.code, failure.description, failure.parameters)
        except ApiError as error:
            self.world.refused.append({"method": method, "at": self.world.clock.now(), **error.to_json()})
            return JSONResponse(error.to_json(), status_code=error.code)
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse({"ok": True, "result": result})

    def _failure(self, method: str) -> Failure | None:
        for failure in self.failures:
            if failure.method.lower() in (method, "*"):
                failure.times -= 1
                if failure.times <= 0:
                    self.failures.remove(failure)
                return failure
        return None

    async def _async_call(self, method: str, params: Json) -> Any:
        waiting: dict[str, Callable[[Json], Any]] = {
            "getupdates": self.delivery.get_updates,
            "setwebhook": self.delivery.set_webhook,
            "deletewebhook": self.delivery.delete_webhook,
        }
        if method == "getwebhookinfo":
            return self.delivery.webhook_info()
        if method not in waiting:
            return self.call(method, params)
        result = await waiting[method](params)
        if method not in QUIET:
            self.world.write_down(method, {key: params[key] for key in params if key != "secret_token"}, result)
        return result

    def call(self, method: str, params: Json) -> Any:
        """Carries out a method and keeps it in the record.

        Raises:
            ApiError: it is refused.
        """
        found = self.methods.find(method)
        if found is None:
            raise ApiError(404, "Not Found")
        try:
            result = found(params)
        except (TypeError, ValueError) as error:
            raise ApiError(400, f"Bad Request: {method}: {error}") from error
        if method.lower() not in QUIET:
            self.world.write_down(method.lower(), params, result)
        return result

    async def download(self, request: Request) -> Response:
        """A file's content."""
        if request.path_params["token"] != self.token:
            return JSONResponse(ApiError(401, "Unauthorized").to_json(), status_code=401)
        for file in self.world.files.values():
            if file.path == request.path_params["path"]:
                return Response(file.content, media_type="application/octet-stream")
        return JSONResponse(ApiError(404, "Not Found").to_json(), status_code=404)

    async def control(self, request: Request) -> Response:
        """One action of a test: JSON arguments in, its result out; wrong use is a 400 in words."""
        action = request.path_params["action"]
        found = getattr(Control(server=self), action, None) or getattr(self.people, action, None)
        if action.startswith("_") or not inspect.ismethod(found):
            return JSONResponse({"error": f"there is no action {action}"}, status_code=404)
        body = await request.body()
        try:
            result = found(**(json.loads(body) if body else {}))
            return JSONResponse(await result if inspect.isawaitable(result) else result)
        except (WrongUse, TypeError, KeyError, ValueError) as error:
            return JSONResponse({"error": f"{action}: {error}"}, status_code=400)


@dataclass(frozen=True, kw_only=True)
class Control:
    """What tests ask of the server besides acting as people."""

    server: TelegramServer

    def record(self, after: int = 0) -> list[Json]:
        """Accepted calls, from number after + 1 on."""
        return self.server.world.record[after:]

    def refused(self) -> list[Json]:
        """Calls that were refused, with the answer they got."""
        return self.server.world.refused

    def state(self) -> Json:
        """How much waits, what was dropped, how many presses have no answer."""
        world = self.server.world
        return {
            "now": world.clock.now(),
            "pending": len(world.updates),
            "next_update_id": world.updates.next_id,
            "dropped": world.updates.dropped,
            "posts": self.server.delivery.posts,
            "again": self.server.delivery.again,
            "unanswered_presses": sum(query.answered_with is None for query in world.queries.values()),
            "settings": world.settings,
            "webhook": self.server.delivery.webhook_info(),
            "polling": self.server.delivery._polling,
        }

    def messages(self, chat: int) -> list[Json]:
        """All messages of a chat, people's and the bot's."""
        return list(self.server.world.chats[chat].messages.values()) if chat in self.server.world.chats else []

    def advance(self, seconds: float) -> float:
        """Lets time pass, and gives the new one."""
        self.server.world.clock.advance(seconds)
        return self.server.world.clock.now()

    def limits(self, **figures: int) -> Json:
        """Sets limits, 0 for none, and gives all."""
        limits = self.server.world.rates.limits
        self.server.world.rates.limits = Limits(**(asdict(limits) | figures))
        return asdict(self.server.world.rates.limits)

    def retry(self, first_s: float, lost: float = 0.0) -> None:
        """Sets how long a failing webhook first waits, and the share of acknowledgements that are lost."""
        self.server.delivery.first_retry_s, self.server.delivery.lost = first_s, lost

    def fail(self, **failure: Any) -> None:
        """Answers the next calls of a method with an error: method, code, description, and what Failure has besides."""
        self.server.failures.append(Failure(**failure))


async def _params(request: Request) -> Json:
    params: Json = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("application/json"):
        found = json.loads(await request.body() or b"{}")
        return params | (found if isinstance(found, dict) else {})
    async with request.form(max_part_size=60 * 2**20) as form:
        for key, value in form.items():
            params[key] = await value.read() if isinstance(value, UploadFile) else value
    return params


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--no-limits", action="store_true", help="take messages at any rate")
    args = parser.parse_args()
    server = TelegramServer(token=args.token)
    if args.no_limits:
        server.world.rates.limits = Limits(overall_per_s=0, chat_per_s=0, group_per_min=0)
    uvicorn.run(server.asgi(), host=args.host, port=args.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
