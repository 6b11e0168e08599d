"""The composition root: settings in, running application out. Nothing else builds anything."""

import asyncio
import random
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from bot.channels.base import Channel
from bot.channels.telegram import TelegramChannel, open_channel
from bot.channels.webchat import WebChannel
from bot.content.store import ContentStore
from bot.content.texts import said_by_program
from bot.conversation import Conversations
from bot.errors import SettingsError
from bot.flows.loader import load_menu
from bot.flows.model import Choice
from bot.followups import Followups
from bot.metrics import Metrics
from bot.nlu.beside import BesideEngine
from bot.nlu.engine import Engine
from bot.nlu.hosts import open_engine
from bot.nlu.live import LiveEngine, open_live
from bot.settings import Settings
from bot.storage.alone import alone
from bot.storage.engine import Storage, open_foreign_engine, open_storage
from bot.storage.migrate import upgrade
from bot.storage.vault import Vault, open_vault
from bot.topics import Topics, load_topics
from bot.web.asgi import build_asgi
from bot.web.chatpage import ChatPage
from bot.web.health import Health
from bot.web.webchat import WebChatApi
from bot.web.webhooks import TELEGRAM_PATH, TelegramWebhook
from bot.work.crash import killed_at, nothing_happens
from bot.work.deliver import Deliverer
from bot.work.ingest import Ingestor, Parser
from bot.work.introduce import Introduction, profiles_of
from bot.work.poll import Poller
from bot.work.signals import Signals
from bot.work.timers import DbosTimers, Regular, Timers
from bot.work.votes import ASK_VOTE, VotePlanner

RESUME_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Application:
    """The parts of a running bot, whatever channel it speaks on."""

    settings: Settings
    vault: Vault
    storage: Storage
    engine: Engine
    live: LiveEngine
    content: ContentStore
    signals: Signals
    deliverer: Deliverer
    conversations: Conversations
    followups: Followups
    ingest: Ingestor
    timers: Timers
    votes: VotePlanner
    metrics: Metrics
    telegram: TelegramChannel | None = None

    async def aclose(self) -> None:
        """Ends the connections to the database and to Rasa."""
        self.storage.close()
        self.vault.close()
        await self.engine.aclose()


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def open_application(settings: Settings, *channels: Channel) -> Application:
    """Migrates the database, trains the understanding if its inputs changed, and builds every part.

    Raises:
        ReturneeBotError: the database, the content, the menu or the examples are wrong.
    """
    paths = settings.paths
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    vault = open_vault(settings)
    upgrade(settings.database, vault)
    topics = load_topics(paths.topics)
    content = ContentStore(paths.content, topics=topics, today=lambda: utc_now().date(), said=said_by_program())
    menu = load_menu(
        paths.flows,
        answers=content.current.entries.keys(),
        controls=topics.controls,
        titles=content.current.keys_of("bot"),
    )
    live, metrics = open_live(settings, load=BesideEngine), Metrics()
    engine = open_engine(settings, inside=live, rasa_failed=metrics.rasa_failed)
    parts = _Parts(
        settings=settings,
        storage=open_storage(settings.database, vault),
        vault=vault,
        content=content,
        topics=topics,
        menu=menu,
        engine=engine,
        live=live,
        metrics=metrics,
        channels=channels,
    )
    return parts.assemble()


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """What everything else is built from."""

    settings: Settings
    vault: Vault
    storage: Storage
    content: ContentStore
    topics: Topics
    menu: tuple[Choice, ...]
    engine: Engine
    live: LiveEngine
    metrics: Metrics
    channels: Sequence[Channel]

    def assemble(self) -> Application:
        """The application over these parts."""
        settings = self.settings
        signals, metrics = Signals(), self.metrics
        reached = killed_at(settings.crash_at) if settings.crash_at else nothing_happens
        deliverer = Deliverer(
            storage=self.storage,
            channels={channel.name: channel for channel in self.channels},
            notify=signals.notify,
            now=utc_now,
            clock=time.monotonic,
            chance=random.SystemRandom().random,
            metrics=metrics,
            reached=reached,
        )
        timers = DbosTimers(
            database_url=settings.database,
            open_engine=partial(open_foreign_engine, settings.database),
            executor_id=settings.executor_id,
            now=utc_now,
        )
        votes = VotePlanner(timers=timers)
        conversations = self._conversations(deliverer, votes, metrics)
        ingest = Ingestor(
            storage=self.storage,
            parsers={channel.name: channel for channel in self.channels if isinstance(channel, Parser)},
            handle=conversations.handle,
            metrics=metrics,
            now=utc_now,
            reached=reached,
        )
        return Application(
            settings=settings,
            vault=self.vault,
            storage=self.storage,
            engine=self.engine,
            live=self.live,
            content=self.content,
            signals=signals,
            deliverer=deliverer,
            conversations=conversations,
            followups=self._followups(deliverer),
            ingest=ingest,
            timers=timers,
            votes=votes,
            metrics=metrics,
            telegram=next((channel for channel in self.channels if isinstance(channel, TelegramChannel)), None),
        )

    def _conversations(self, deliverer: Deliverer, votes: VotePlanner, metrics: Metrics) -> Conversations:
        return Conversations(
            storage=self.storage,
            engine=self.engine,
            content=self.content,
            topics=self.topics,
            menu=self.menu,
            staffed=self.settings.mode == "production",
            crisis_phone=self.settings.crisis_phone,
            wake=deliverer.wake,
            now=utc_now,
            choose_number=secrets.randbelow,
            heard_per_minute={channel.name: channel.capabilities.heard_per_minute for channel in self.channels},
            ask_vote_later=votes,
            took=metrics.handled,
        )

    def _followups(self, deliverer: Deliverer) -> Followups:
        return Followups(
            storage=self.storage,
            content=self.content,
            staffed=self.settings.mode == "production",
            crisis_phone=self.settings.crisis_phone,
            now=utc_now,
            choose_number=secrets.randbelow,
            wake=deliverer.wake,
        )


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
    health = Health(
        storage=application.storage,
        content=application.content,
        live=application.live,
        metrics=application.metrics,
        now=utc_now,
    )
    beside, webhooks = _telegram(application)
    return build_asgi(
        [*page.routes(), *api.routes(), *health.routes(), *webhooks],
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
    return [introduction, Poller(channel=channel, ingest=ingest, chance=random.random)], []


@asynccontextmanager
async def _beside(application: Application, workers: Sequence[Worker], app: Starlette) -> AsyncIterator[None]:
    """Runs what works beside the web application, and ends it in order."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(application.deliverer.run(stop))
        group.create_task(application.content.watch(stop))
        group.create_task(application.votes.run(stop))
        group.create_task(
            application.timers.run(stop, {ASK_VOTE: application.followups.ask_vote}, regular_jobs(application.ingest))
        )
        await application.ingest.resume()
        for worker in workers:
            group.create_task(worker.run(stop))
        group.create_task(application.live.watch(stop))
        yield
        stop.set()
    if application.telegram:
        await application.telegram.close()
    await application.aclose()


def regular_jobs(ingest: Ingestor) -> dict[str, Regular]:
    """What is done again and again, by name."""
    return {
        "purge_updates": Regular(cron="7 * * * *", job=ingest.purge),
        "resume_updates": Regular(cron="*/5 * * * *", job=partial(ingest.resume, older_than=RESUME_AFTER)),
    }


def serve(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Serves the web chat until it is told to stop.

    Raises:
        SettingsError: the address is taken or not ours.
        ReturneeBotError: as open_application.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with alone(settings.database):
        _serve(settings, say)


def _serve(settings: Settings, say: Callable[[str], None]) -> None:
    listener = _listen(settings)
    web = build_web(open_application(settings, *channels_of(settings)))
    config = uvicorn.Config(web, log_level="warning", access_log=False, timeout_graceful_shutdown=5, lifespan="on")
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
