"""Whether the service works, and its figures, for whoever watches it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.content.store import ContentStore
from bot.metrics import CONTENT_TYPE, Metrics, QueueFigures
from bot.nlu.live import LiveEngine
from bot.storage import outbound, updates
from bot.storage.engine import Storage


@dataclass(frozen=True, kw_only=True)
class Health:
    """GET /healthz: 200 while the database answers; it also says whether the newest files are those that serve.

    GET /metrics: figures for Prometheus. Neither names a contact or what was said.
    """

    storage: Storage
    content: ContentStore
    live: LiveEngine
    metrics: Metrics
    now: Callable[[], datetime]

    def routes(self) -> list[Route]:
        """Both routes."""
        return [
            Route("/healthz", self.check, methods=["GET"]),
            Route("/metrics", self.figures, methods=["GET"]),
        ]

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

    async def figures(self, request: Request) -> Response:
        """Counts of this process, and the queues of the database."""
        queue = await self.storage.read(partial(_queues, now=self.now()))
        return Response(self.metrics.render(queue), media_type=CONTENT_TYPE)


def _queues(tx: Connection, *, now: datetime) -> QueueFigures:
    queue = outbound.queue_state(tx, now)
    return QueueFigures(
        outbound=queue.length,
        oldest_s=(now - queue.oldest_at).total_seconds() if queue.oldest_at else 0.0,
        quarantined=updates.count_quarantined(tx),
        undelivered=len(outbound.count_undelivered(tx)),
    )


def _answers(tx: Connection) -> None:
    tx.execute(text("SELECT 1"))
