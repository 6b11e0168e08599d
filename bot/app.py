"""The composition root: settings in, running application out. Nothing else builds anything."""

import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from bot.channels.base import Channel
from bot.channels.telegram import TelegramChannel
from bot.content.render import text
from bot.content.store import ContentStore
from bot.content.texts import said_by_program
from bot.conversation import Conversations, Wake
from bot.flows.loader import load_menu
from bot.flows.model import Choice
from bot.followups import Followups
from bot.metrics import Metrics
from bot.nlu.beside import BesideEngine
from bot.nlu.engine import Engine
from bot.nlu.hosts import open_engine
from bot.nlu.live import LiveEngine, open_live
from bot.settings import Settings
from bot.storage.dialects import is_sqlite, parse_database_url
from bot.storage.engine import Storage, open_foreign_engine, open_storage
from bot.storage.media import MediaFiles
from bot.storage.migrate import upgrade
from bot.storage.outbound import Destination
from bot.storage.processes import dead
from bot.storage.vault import Vault, open_vault
from bot.topics import Topics, load_topics
from bot.work.alarms import Watchman
from bot.work.auditing import AuditHeads
from bot.work.crash import killed_at, nothing_happens
from bot.work.deliver import Deliverer
from bot.work.erase import Eraser
from bot.work.files import Downloads, FileFetcher
from bot.work.ingest import Ingestor, Parser
from bot.work.pace import is_paced
from bot.work.retention import Retention
from bot.work.signals import Signals
from bot.work.timers import DbosTimers, Timers
from bot.work.together import Alone, Processes, Together
from bot.work.votes import VotePlanner

WAKE = "wake "


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
    processes: Processes
    deliverer: Deliverer
    conversations: Conversations
    followups: Followups
    ingest: Ingestor
    files: MediaFiles
    fetcher: FileFetcher
    eraser: Eraser
    retention: Retention
    audit_heads: AuditHeads
    watchman: Watchman
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
        metrics, processes = self.metrics, self._processes()
        signals = Signals(mark=self._signal_mark, tell=processes.tell)
        reached = killed_at(settings.crash_at) if settings.crash_at else nothing_happens
        deliverer = Deliverer(
            storage=self.storage,
            channels={channel.name: channel for channel in self.channels},
            notify=signals.notify,
            now=utc_now,
            clock=time.monotonic,
            chance=random.SystemRandom().random,
            metrics=metrics,
            executor_id=settings.executor_id,
            processes=processes,
            reached=reached,
        )
        timers = DbosTimers(
            database_url=settings.database,
            open_engine=partial(open_foreign_engine, settings.database),
            executor_id=settings.executor_id,
            now=utc_now,
            dead_of=self._dead_of,
        )
        votes = VotePlanner(timers=timers)
        wake = waker(deliverer, processes)
        files = MediaFiles(folder=settings.media_dir, vault=self.vault)
        eraser = Eraser(
            storage=self.storage,
            keys=self.vault.keys,
            files=files,
            erased=settings.erased_list,
            now=utc_now,
            reached=reached,
        )
        followups = self._followups(wake)
        fetcher = FileFetcher(
            storage=self.storage,
            keys=self.vault.keys,
            files=files,
            channels={channel.name: channel for channel in self.channels if isinstance(channel, Downloads)},
            processes=processes,
            tell_refused=followups.tell_refused,
            now=utc_now,
            reached=reached,
        )
        conversations = self._conversations(wake, votes, eraser, fetcher)
        ingest = Ingestor(
            storage=self.storage,
            parsers={channel.name: channel for channel in self.channels if isinstance(channel, Parser)},
            handle=conversations.handle,
            metrics=metrics,
            now=utc_now,
            reached=reached,
        )
        retention = Retention(
            storage=self.storage, keys=self.vault.keys, purge_rows=ingest.purge, erase_due=eraser, now=utc_now
        )
        return Application(
            settings=settings,
            vault=self.vault,
            storage=self.storage,
            engine=self.engine,
            live=self.live,
            content=self.content,
            signals=signals,
            processes=processes,
            deliverer=deliverer,
            conversations=conversations,
            followups=followups,
            files=files,
            fetcher=fetcher,
            ingest=ingest,
            eraser=eraser,
            retention=retention,
            audit_heads=AuditHeads(storage=self.storage, file=settings.audit_heads, now=utc_now),
            watchman=self._watchman(retention, processes),
            timers=timers,
            votes=votes,
            metrics=metrics,
            telegram=self._telegram(),
        )

    def _telegram(self) -> TelegramChannel | None:
        return next((channel for channel in self.channels if isinstance(channel, TelegramChannel)), None)

    def _watchman(self, retention: Retention, processes: Processes) -> Watchman:
        return Watchman(
            storage=self.storage,
            folder=self.settings.data_dir,
            group=self._telegram(),
            clock_problem=retention.clock_problem,
            words=lambda key, **args: text(self.content.current, "km", key, **args),
            processes=processes,
            now=utc_now,
        )

    def _processes(self) -> Processes:
        settings = self.settings
        if is_sqlite(parse_database_url(settings.database)):
            return Alone()
        paced = [channel.name for channel in self.channels if is_paced(channel.capabilities)]
        return Together(database_url=settings.database, executor_id=settings.executor_id, channels=paced)

    def _signal_mark(self, name: str) -> str:
        return self.vault.mark("signal", name).hex()

    async def _dead_of(self, executor_ids: Sequence[str]) -> Sequence[str]:
        return await self.storage.run(partial(dead, executor_ids=executor_ids))

    def _conversations(self, wake: Wake, votes: VotePlanner, eraser: Eraser, fetcher: FileFetcher) -> Conversations:
        return Conversations(
            storage=self.storage,
            engine=self.engine,
            content=self.content,
            topics=self.topics,
            menu=self.menu,
            staffed=self.settings.mode == "production",
            crisis_phone=self.settings.crisis_phone,
            wake=wake,
            now=utc_now,
            choose_number=secrets.randbelow,
            heard_per_minute={channel.name: channel.capabilities.heard_per_minute for channel in self.channels},
            ask_vote_later=votes,
            erase_due=eraser,
            fetch_files=fetcher,
            took=self.metrics.handled,
        )

    def _followups(self, wake: Wake) -> Followups:
        return Followups(
            storage=self.storage,
            content=self.content,
            staffed=self.settings.mode == "production",
            crisis_phone=self.settings.crisis_phone,
            now=utc_now,
            choose_number=secrets.randbelow,
            wake=wake,
        )


def waker(deliverer: Deliverer, processes: Processes) -> Wake:
    """Wakes this process for a conversation, and the others, of which one may be the one that may send."""

    def wake(conversation_id: UUID, to: Destination | None = None) -> None:
        deliverer.wake(conversation_id, to)
        processes.tell(f"{WAKE}{conversation_id}")

    return wake
