"""The composition root: settings in, running application out. Nothing else builds anything."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import uvicorn
from starlette.applications import Starlette

from bot.channels.base import Channel
from bot.channels.webchat import WebChannel
from bot.content.store import ContentStore
from bot.content.texts import said_by_program
from bot.conversation import Conversations
from bot.errors import SettingsError
from bot.flows.loader import load_menu
from bot.nlu.engine import Engine
from bot.nlu.hosts import open_engine
from bot.nlu.live import LiveEngine, open_live
from bot.settings import Settings
from bot.storage.engine import Storage, open_storage
from bot.storage.migrate import upgrade
from bot.topics import load_topics
from bot.web.asgi import build_asgi
from bot.web.chatpage import ChatPage
from bot.web.health import Health
from bot.web.webchat import WebChatApi
from bot.work.deliver import Deliverer
from bot.work.signals import Signals


@dataclass(frozen=True, kw_only=True)
class Application:
    """The parts of a running bot, whatever channel it speaks on."""

    settings: Settings
    storage: Storage
    engine: Engine
    live: LiveEngine
    content: ContentStore
    signals: Signals
    deliverer: Deliverer
    conversations: Conversations

    async def aclose(self) -> None:
        """Ends the connections to the database and to Rasa."""
        self.storage.close()
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
    upgrade(settings.database)
    topics = load_topics(paths.topics)
    content = ContentStore(paths.content, topics=topics, today=lambda: utc_now().date(), said=said_by_program())
    menu = load_menu(
        paths.flows,
        answers=content.current.entries.keys(),
        controls=topics.controls,
        titles=content.current.keys_of("bot"),
    )
    live = open_live(settings)
    engine = open_engine(settings, inside=live)
    storage = open_storage(settings.database)
    signals = Signals()
    deliverer = Deliverer(
        storage=storage,
        channels={channel.name: channel for channel in channels},
        notify=signals.notify,
        now=utc_now,
    )
    conversations = Conversations(
        storage=storage,
        engine=engine,
        content=content,
        topics=topics,
        menu=menu,
        staffed=settings.mode == "production",
        crisis_phone=settings.crisis_phone,
        wake=deliverer.wake,
        now=utc_now,
        choose_number=secrets.randbelow,
    )
    return Application(
        settings=settings,
        storage=storage,
        engine=engine,
        live=live,
        content=content,
        signals=signals,
        deliverer=deliverer,
        conversations=conversations,
    )


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
    health = Health(storage=application.storage, content=application.content, live=application.live)
    return build_asgi(
        [*page.routes(), *api.routes(), *health.routes()],
        partial(_beside, application),
        embed_origins=settings.webchat_embed_origins,
    )


@asynccontextmanager
async def _beside(application: Application, app: Starlette) -> AsyncIterator[None]:
    """Runs what works beside the web application, and ends it in order."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(application.deliverer.run(stop))
        group.create_task(application.content.watch(stop))
        group.create_task(application.live.watch(stop))
        yield
        stop.set()
    await application.aclose()


def serve(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Serves the web chat until it is told to stop.

    Raises:
        SettingsError: the address is taken or not ours.
        ReturneeBotError: as open_application.
    """
    listener = _listen(settings)
    web = build_web(open_application(settings, WebChannel()))
    config = uvicorn.Config(web, log_level="warning", access_log=False, timeout_graceful_shutdown=5, lifespan="on")
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
