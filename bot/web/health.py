"""Whether the service works, for whoever watches it."""

from dataclasses import dataclass

from sqlalchemy import Connection, text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.content.store import ContentStore
from bot.nlu.live import LiveEngine
from bot.storage.engine import Storage


@dataclass(frozen=True, kw_only=True)
class Health:
    """GET /healthz: 200 while the database answers; it also says whether the newest files are those that serve."""

    storage: Storage
    content: ContentStore
    live: LiveEngine

    def routes(self) -> list[Route]:
        """The one route."""
        return [Route("/healthz", self.check, methods=["GET"])]

    async def check(self, request: Request) -> Response:
        """Asks the database; an error of it becomes 503."""
        await self.storage.read(_answers)
        return JSONResponse(
            {
                "status": "ok",
                "content": self.content.current.version[:12],
                "content_problems": len(self.content.last_problems),
                "examples": self.live.version[:12],
                "examples_problems": len(self.live.last_problems),
            }
        )


def _answers(tx: Connection) -> None:
    tx.execute(text("SELECT 1"))
