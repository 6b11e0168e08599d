"""What is to happen later, kept on disk: timers and regular jobs, by DBOS behind a port of two methods.

Only ids are stored there. DBOS keeps its registry in one global of its own, so a process has one DbosTimers at a time.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import Engine

from bot.errors import ReturneeBotError
from bot.logs import open_log
from bot.work.loops import pause

log = open_log(__name__)

QUEUE: Final = "timers"
WORKFLOWS_OF_ONE_KIND: Final = 4
POLL_S: Final = 1.0
STEP_TRIES: Final = 8  # from 1 s, doubling: two minutes of a database that is down
KEPT_FOR: Final = timedelta(days=3)
DELETED_AT_ONCE: Final = 200
END_WITHIN_S: Final = 20
VERSION: Final = "1"
"""DBOS runs a workflow only in the version that began it, by default a hash of the code: timers must outlive that."""
BEGIN_AFTER_S: Final = 5.0
LAUNCH_AGAIN_S: Final = 5.0
CLEAN_EVERY_S: Final = 3600.0
TAKE_OVER_EVERY_S: Final = 10.0

OnTime = Callable[[UUID], Awaitable[object]]
Job = Callable[[], Awaitable[object]]


DeadOf = Callable[[Sequence[str]], Awaitable[Sequence[str]]]
"""Of some names of processes, those under which none lives."""


async def _nobody(executor_ids: Sequence[str]) -> Sequence[str]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Regular:
    """A job for every moment that the cron expression names, in UTC."""

    cron: str
    job: Job


class Timers(Protocol):
    """Remembers what is to happen, over restarts and kill -9."""

    async def set(self, kind: str, about: UUID, *, key: str, after: timedelta) -> None:
        """Once that time has passed, calls what belongs to the kind, with about; a key set before changes nothing.

        What is called may be called again after a kill in the middle of it.
        """

    async def run(self, stop: asyncio.Event, on_time: Mapping[str, OnTime], regular: Mapping[str, Regular]) -> None:
        """Works until stop is set; what was set for a kind that on_time does not hold waits until one does."""


@dataclass(frozen=True, kw_only=True)
class DbosTimers:
    """Timers in the application's own database, on the tables of DBOS."""

    database_url: str
    open_engine: Callable[[], Engine]
    executor_id: str
    now: Callable[[], datetime]
    dead_of: DeadOf = _nobody
    poll_s: float = POLL_S
    begin_after_s: float = BEGIN_AFTER_S
    take_over_every_s: float = TAKE_OVER_EVERY_S
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def set(self, kind: str, about: UUID, *, key: str, after: timedelta) -> None:
        """As Timers.set; waits until DBOS runs."""
        await self._ready.wait()
        dbos = importlib.import_module("dbos")
        options = {
            "workflow_name": kind,
            "queue_name": QUEUE,
            "workflow_id": f"{kind}:{about}:{key}",
            "delay_seconds": after.total_seconds(),
            "app_version": VERSION,
        }
        await dbos.DBOS.enqueue_workflow_with_options_async(options, str(about))

    async def run(self, stop: asyncio.Event, on_time: Mapping[str, OnTime], regular: Mapping[str, Regular]) -> None:
        """As Timers.run. It begins a little later than the rest: DBOS costs half a second, which nobody must wait."""
        await pause(self.begin_after_s, stop)
        dbos = await asyncio.to_thread(importlib.import_module, "dbos")
        while not stop.is_set():
            try:
                await self._launch(dbos, on_time, regular)
            except Exception as error:  # noqa: BLE001 - the top of a worker: DBOS raises whatever its database does
                log.error("timers_not_running", error=error)
                await asyncio.to_thread(dbos.DBOS.destroy)
                await pause(LAUNCH_AGAIN_S, stop)
            else:
                self._ready.set()
                await asyncio.gather(self._clean(dbos, stop), self._take_over(dbos, stop))
        self._ready.clear()
        await asyncio.to_thread(dbos.DBOS.destroy, destroy_registry=True, workflow_completion_timeout_sec=END_WITHIN_S)

    async def _clean(self, dbos: Any, stop: asyncio.Event) -> None:
        """Deletes workflows that ended days ago, which DBOS keeps; not in a workflow, which would keep their list."""
        while not stop.is_set():
            try:
                await _delete_ended(dbos, before=self.now() - KEPT_FOR)
            except Exception as error:  # noqa: BLE001 - as above
                log.error("old_timers_stay", error=error)
            await pause(CLEAN_EVERY_S, stop)

    async def _take_over(self, dbos: Any, stop: asyncio.Event) -> None:
        """Goes on with what processes had begun that are dead: DBOS itself only does so in one of the same name."""
        while not stop.is_set():
            await pause(self.take_over_every_s, stop)
            try:
                begun = await dbos.DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
                others = sorted({one.executor_id for one in begun} - {self.executor_id, None})
                gone = set(await self.dead_of(others)) if others else set()
                if ids := [one.workflow_id for one in begun if one.executor_id in gone]:
                    await dbos.DBOS.resume_workflows_async(ids, queue_name=QUEUE)
                    log.warning("timers_taken_over", count=len(ids))
            except Exception as error:  # noqa: BLE001 - as above
                log.error("timers_not_looked_at", error=error)

    async def _launch(self, dbos: Any, on_time: Mapping[str, OnTime], regular: Mapping[str, Regular]) -> None:
        dbos.DBOS(
            config={
                "name": "returnee-bot",
                "system_database_url": self.database_url,
                "system_database_engine": self.open_engine(),
                "serializer": dbos.DBOSPortableJSONSerializer(),
                "executor_id": self.executor_id,
                "application_version": VERSION,
                "max_executor_threads": 8,
                "log_level": "WARNING",
            }
        )
        for kind, call in on_time.items():
            dbos.DBOS.workflow(name=kind)(_workflow(dbos, kind, call))
        schedules = [
            {"schedule_name": name, "workflow_fn": _scheduled(dbos, name, one.job), "schedule": one.cron}
            for name, one in regular.items()
        ]
        dbos.DBOS.launch()  # in the running loop, so that workflows run in it too
        await dbos.DBOS.register_queue_async(
            QUEUE, worker_concurrency=WORKFLOWS_OF_ONE_KIND, polling_interval_sec=self.poll_s
        )
        await dbos.DBOS.apply_schedules_async(schedules)


def _workflow(dbos: Any, kind: str, on_time: OnTime) -> Callable[[str], Awaitable[None]]:
    options = {"name": f"{kind}.step", "retries_allowed": True, "max_attempts": STEP_TRIES}

    async def step(about: str) -> None:
        await on_time(UUID(about))

    async def workflow(about: str) -> None:
        await dbos.DBOS.run_step_async(options, step, about)

    return workflow


def _scheduled(dbos: Any, name: str, job: Job) -> Callable[[object, object], Awaitable[None]]:
    async def workflow(scheduled_at: object, context: object) -> None:
        try:
            await job()
        except ReturneeBotError as error:
            log.error("job_waits", what=name, error=error)

    named: Callable[[object, object], Awaitable[None]] = dbos.DBOS.workflow(name=name)(workflow)
    return named


async def _delete_ended(dbos: Any, *, before: datetime) -> None:
    while True:
        ended = await dbos.DBOS.list_workflows_async(
            completed_before=before.isoformat(),
            limit=DELETED_AT_ONCE,
            load_input=False,
            load_output=False,
        )
        if not ended:
            return
        await dbos.DBOS.delete_workflows_async([workflow.workflow_id for workflow in ended])
