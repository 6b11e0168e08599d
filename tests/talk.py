"""A contact's side of a conversation, for tests: real database, real content, a scripted understanding."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import sqlalchemy as sa

from bot.content.render import text
from bot.content.store import ContentStore
from bot.conversation import Also, Conversations, Handled, nothing_more
from bot.flows.loader import load_menu
from bot.followups import Followups
from bot.hearing import buttons_of
from bot.model import Inbound, Payload, Press, SendClass, Text
from bot.settings import REPOSITORY, Paths, Settings
from bot.storage import conversations, messages
from bot.storage.engine import Storage, open_storage
from bot.storage.media import MediaFiles
from bot.storage.messages import MessageRow
from bot.storage.migrate import upgrade
from bot.storage.tables import outbound
from bot.storage.vault import Vault, open_vault
from bot.topics import load_topics
from bot.work.deliver import Deliverer
from bot.work.erase import Eraser
from bot.work.retention import Retention
from tests.fakes import RecordingChannel, ScriptedEngine, deliverer_of, understood

PATHS = Paths(root=REPOSITORY)
SCRIPT = {
    "hello": understood("greet"),
    "wages": understood("unpaid_wages"),
    "jobs": understood("find_job", language="en"),
    "person": understood("talk_to_human"),
    "my case": understood("case_status"),
    "hide": understood("hide_chat"),
    "delete": understood("delete_my_data"),
    "yes": understood("affirm"),
    "die": understood("nlu_fallback", decision="fallback", crisis="crisis_self_harm"),
}


@dataclass(kw_only=True)
class Talk:
    """A contact's side of a conversation."""

    conversations: Conversations
    storage: Storage
    deliverer: Deliverer
    channel: RecordingChannel
    followups: Followups
    eraser: Eraser
    retention: Retention
    vault: Vault
    planned: list[UUID]
    time: list[datetime]
    contact_ref: str = "c1"

    def wait(self, **units: float) -> None:
        """Lets time pass."""
        self.time[0] += timedelta(**units)

    async def send(self, payload: Payload, external_id: str | None = None, *, also: Also = nothing_more) -> Handled:
        inbound = Inbound(
            channel="web",
            bot="test",
            external_id=external_id or uuid4().hex,
            contact_ref=self.contact_ref,
            payload=payload,
        )
        return await self.conversations.handle(inbound, also=also)

    async def say(self, words: str) -> list[MessageRow]:
        """Writes, lets the bot deliver, and gives what it sent in answer."""
        return await self.then(await self.send(Text(text=words)))

    async def then(self, handled: Handled) -> list[MessageRow]:
        await self.deliverer.drain(handled.conversation_id)
        read = partial(messages.visible_after, conversation_id=handled.conversation_id, after_seq=handled.seq, limit=50)
        return await self.storage.read(read)

    async def press(self, message: MessageRow, title: str) -> list[MessageRow]:
        button = next(button for button in buttons_of(message) if button.title == title)
        return await self.then(await self.send(Press(button=button.id)))

    async def shown(self) -> list[MessageRow]:
        """All that the contact can read."""
        name = {"channel": self.channel.name, "bot": "test", "contact_ref": self.contact_ref}
        conversation = await self.storage.read(partial(conversations.find, **name))  # type: ignore[arg-type]
        assert conversation
        read = partial(messages.visible_after, conversation_id=conversation.id, after_seq=0, limit=500)
        return await self.storage.read(read)

    async def queued_classes(self) -> list[SendClass]:
        """The classes of what is to be sent."""
        query = sa.select(outbound.c.send_class).where(outbound.c.status == "queued")
        return [SendClass(name) for name in await self.storage.read(lambda tx: tx.scalars(query).all())]

    def words(self, key: str, language: str = "km", **args: str) -> str:
        return text(self.conversations.content.current, language, key, **args)  # type: ignore[arg-type]


@contextmanager
def open_talk(tmp_path: Path) -> Iterator[Talk]:
    """A conversation that nobody has begun, on a Tuesday at 15:00 in Cambodia."""
    address = f"sqlite:///{tmp_path / 'bot.db'}"
    vault = open_vault(Settings(data_dir=tmp_path))
    upgrade(address, vault)
    storage = open_storage(address, vault)
    time = [datetime(2026, 11, 24, 8, tzinfo=UTC)]
    planned: list[UUID] = []

    def now() -> datetime:
        return time[0]

    topics = load_topics(PATHS.topics)
    content = ContentStore(PATHS.content, topics=topics, today=lambda: now().date())
    channel = RecordingChannel()
    deliverer = deliverer_of(storage, channel, now=now)
    files = MediaFiles(folder=tmp_path / "media", vault=vault)
    eraser = Eraser(storage=storage, keys=vault.keys, files=files, erased=tmp_path / "erased.list", now=now)

    async def purge_rows() -> int:
        return 0

    parts = Conversations(
        storage=storage,
        engine=ScriptedEngine(script=SCRIPT),
        content=content,
        menu=load_menu(
            PATHS.flows,
            answers=content.current.entries.keys(),
            controls=("talk_to_human",),
            titles=content.current.keys_of("bot"),
        ),
        topics=topics,
        staffed=False,
        crisis_phone="",
        wake=deliverer.wake,
        now=now,
        choose_number=lambda below: 4821 % below,
        heard_per_minute={"web": 30},
        erase_due=eraser,
        ask_vote_later=lambda conversation_id, now: planned.append(conversation_id),
    )
    followups = Followups(
        storage=storage,
        content=content,
        staffed=False,
        crisis_phone="",
        now=now,
        choose_number=lambda below: 4821 % below,
        wake=deliverer.wake,
    )
    yield Talk(
        conversations=parts,
        storage=storage,
        deliverer=deliverer,
        channel=channel,
        followups=followups,
        eraser=eraser,
        retention=Retention(storage=storage, keys=vault.keys, purge_rows=purge_rows, erase_due=eraser, now=now),
        vault=vault,
        planned=planned,
        time=time,
    )
    storage.close()
    vault.close()
