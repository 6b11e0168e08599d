"""Serves a built application: the web in front of it, and what works beside it, until it is told to stop."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Protocol
from uuid import UUID

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from bot.app import WAKE, Application, open_application, utc_now
from bot.channels.base import Channel
from bot.channels.telegram import open_channel
from bot.channels.webchat import WebChannel
from bot.errors import SettingsError, StorageError
from bot.logs import open_log
from bot.settings import Settings
from bot.storage.alone import alone
from bot.web.asgi import build_asgi
from bot.web.chatpage import ChatPage
from bot.web.health import Health
from bot.web.webchat import WebChatApi
from bot.web.webhooks import TELEGRAM_PATH, TelegramWebhook
from bot.web.webmedia import WebMediaApi
from bot.work.auditing import AuditHeads
from bot.work.deliver import Deliverer
from bot.work.files import FileFetcher
from bot.work.ingest import Ingestor
from bot.work.introduce import Introduction, profiles_of
from bot.work.poll import Poller
from bot.work.retention import Retention
from bot.work.signals import Signals
from bot.work.timers import Regular
from bot.work.together import Processes
from bot.work.votes import ASK_VOTE

log = open_log(__name__)

RESUME_AFTER = timedelta(minutes=5)


def hearer(deliverer: Deliverer, signals: Signals, processes: Processes) -> Callable[[str], None]:
    """Does what another process told: a wake concerns only who sends for the others."""

    def heard(signal: str) -> None:
        if signal.startswith(WAKE):
            if any(map(processes.leads, deliverer.channels)):
                deliverer.wake(UUID(signal.removeprefix(WAKE)))
        else:
            signals.heard(signal)

    return heard


def channels_of(settings: Settings) -> list[Channel]:
    """The channels that `serve` speaks on: the web, and what there is a token for."""
    channels: list[Channel] = [WebChannel()]
    if token := settings.telegram_token.get_secret_value():
        telegram = open_channel(
            token=token, api_url=settings.telegram_api_url, staff_group=settings.telegram_staff_group
        )
        channels.append(telegram)
    return channels


def build_web(application: Application) -> Starlette:
    """The web application: pages and API, delivery and the watches on content and examples beside them."""
    settings = application.settings
    page = ChatPage(
        storage=application.storage,
        content=application.content,
        demo=settings.mode == "demo",
        secure=settings.public_url.startswith("https://"),
        embed_origins=settings.webchat_embed_origins,
        now=utc_now,
    )
    api = WebChatApi(
        conversations=application.conversations,
        storage=application.storage,
        listen=application.signals.listen,
    )
    media = WebMediaApi(chat=api, storage=application.storage, files=application.files)
    health = Health(
        storage=application.storage,
        content=application.content,
        live=application.live,
        metrics=application.metrics,
        now=utc_now,
    )
    beside, webhooks = _telegram(application)
    return build_asgi(
        [*page.routes(), *api.routes(), *media.routes(), *health.routes(), *webhooks],
        partial(_beside, application, beside),
        embed_origins=settings.webchat_embed_origins,
    )


class Worker(Protocol):
    """What works beside the web application."""

    async def run(self, stop: asyncio.Event) -> None:
        """Works until stop is set."""


def _telegram(application: Application) -> tuple[list[Worker], list[Route]]:
    """What Telegram needs beside the web application, and the route that it posts to."""
    settings, channel = application.settings, application.telegram
    if channel is None:
        return [], []
    ingest = application.ingest
    secret = settings.telegram_webhook_secret.get_secret_value()
    by_webhook = settings.telegram_mode == "webhook"
    introduction = Introduction(
        channel=channel,
        profiles=profiles_of(application.content.current, staffed=settings.mode == "production"),
        chance=random.random,
        webhook_url=f"{settings.public_url.rstrip('/')}{TELEGRAM_PATH}" if by_webhook else "",
        webhook_secret=secret,
    )
    if by_webhook:
        return [introduction], TelegramWebhook(channel=channel, ingest=ingest, secret=secret).routes()
    return [
        introduction,
        Poller(channel=channel, keep=ingest.keep, chance=random.random, processes=application.processes),
    ], []


@asynccontextmanager
async def _beside(application: Application, workers: Sequence[Worker], app: Starlette) -> AsyncIterator[None]:
    """Runs what works beside the web application, and ends it in order."""
    stop = asyncio.Event()
    heard = hearer(application.deliverer, application.signals, application.processes)
    async with _errors_said(), asyncio.TaskGroup() as group:
        group.create_task(application.processes.run(stop, heard))
        await application.processes.joined()
        group.create_task(application.deliverer.run(stop))
        group.create_task(application.content.watch(stop))
        group.create_task(application.votes.run(stop))
        group.create_task(application.eraser.run(stop))
        group.create_task(application.fetcher.run(stop))
        group.create_task(application.watchman.run(stop))
        regular = regular_jobs(application.ingest, application.retention, application.audit_heads, application.fetcher)
        group.create_task(application.timers.run(stop, {ASK_VOTE: application.followups.ask_vote}, regular))
        if application.processes.can_tell_who_is_dead():  # else a living one may have them in hand
            await application.ingest.resume()
        for worker in workers:
            group.create_task(worker.run(stop))
        group.create_task(application.live.watch(stop))
        yield
        stop.set()
    if application.telegram:
        await application.telegram.close()
    await application.aclose()


@asynccontextmanager
async def _errors_said() -> AsyncIterator[None]:
    """Writes down why serving ends: uvicorn says it in words, which the log drops."""
    try:
        yield
    except Exception as error:
        log.critical("serving_ends", error=error)
        raise


def regular_jobs(
    ingest: Ingestor, retention: Retention, audit_heads: AuditHeads, fetcher: FileFetcher
) -> dict[str, Regular]:
    """What is done again and again, by name."""
    return {
        "purge_updates": Regular(cron="7 * * * *", job=retention.purge_updates),
        "purge_records": Regular(cron="17 * * * *", job=retention.purge_records),
        "forget_orphans": Regular(cron="37 * * * *", job=fetcher.forget_orphans),
        "keep_audit_head": Regular(cron="47 17 * * *", job=audit_heads.keep),  # past midnight in Cambodia
        "resume_updates": Regular(cron="*/5 * * * *", job=partial(ingest.resume, older_than=RESUME_AFTER)),
    }


def serve(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Serves the web chat until it is told to stop.

    Raises:
        SettingsError: the address is taken or not ours.
        StorageError: a restore did not end.
        ReturneeBotError: as open_application.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if settings.restoring.exists():
        raise StorageError(
            "A restore did not end. Move the database away, type restore again, and then serve; only if you want to"
            f" begin with nothing, delete {settings.restoring}."
        )
    with alone(settings.database, settings.executor_id):
        _serve(settings, say)


def _serve(settings: Settings, say: Callable[[str], None]) -> None:
    listener = _listen(settings)
    web = build_web(open_application(settings, *channels_of(settings)))
    config = uvicorn.Config(web, log_config=None, access_log=False, timeout_graceful_shutdown=5, lifespan="on")
    if settings.mode == "demo":
        say(f"Keys: what people write is sealed with {settings.master_keys}")
    say(f"Web chat: http://{settings.host}:{settings.port}/chat   (stop with Ctrl-C)")
    uvicorn.Server(config).run(sockets=[listener])


def _listen(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.host, settings.port), backlog=512)
    except OSError as error:
        problem = (
            f"HOST={settings.host} PORT={settings.port}: {error.strerror}. Stop what runs there, or set another PORT."
        )
        raise SettingsError([problem]) from error
