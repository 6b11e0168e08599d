"""The use case at the centre: handle one message of a contact, in one transaction."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Final, Protocol
from uuid import UUID, uuid4

from sqlalchemy import Connection

from bot.cases.erasing import ASKED, put_aside
from bot.cases.evidence import keep_attachment
from bot.content.model import Content
from bot.content.store import ContentStore
from bot.flows.controls import NEXT_STEPS
from bot.flows.engine import take_turn
from bot.flows.limits import STEPS_ALONE, Verdict, admit, said
from bot.flows.memory import Memory
from bot.flows.model import STATE_VERSION, Book, Choice, Erase, EraseCaseNow, Heard, Hide, Say, State, Turn
from bot.flows.tact import after_turn, plan_vote
from bot.hearing import hear, kind_of, words_of
from bot.model import Attachment, Blocked, ChannelName, Inbound, Language, Moved, Notice, Returned, SendClass
from bot.nlu.engine import Engine
from bot.replies import Desk, carry_out, offered_after, write_drafts
from bot.storage import contacts, conversations, messages
from bot.storage.conversations import ConversationRow
from bot.storage.engine import Storage
from bot.storage.messages import MessageRow
from bot.storage.outbound import Destination
from bot.topics import Topics
from khmer_nlu import Parsed, day_of

NUMBER_TRIES: Final = 3


Also = Callable[[Connection], None]


def nothing_more(tx: Connection) -> None:
    """Where nothing else is to be written with a message."""


class AskVote(Protocol):
    """Plans to ask a contact, some time after an answer, whether it helped."""

    def __call__(self, conversation_id: UUID, now: datetime) -> None:
        """Returns at once."""


class Wake(Protocol):
    """Tells whoever delivers messages that a conversation may have some, and where they go if that is known."""

    def __call__(self, conversation_id: UUID, to: Destination | None = None) -> None:
        """Returns at once."""


@dataclass(frozen=True, kw_only=True)
class Handled:
    """What became of an inbound message: its place in the conversation, and whether it had come before."""

    conversation_id: UUID
    seq: int
    duplicate: bool
    asks_vote: bool = False
    erases: bool = False


def _asks_nothing(conversation_id: UUID, now: datetime) -> None:
    """Where nothing is planned for later."""


@dataclass(frozen=True, kw_only=True)
class Conversations:
    """Handles messages. Built once by app.py from the parts it needs."""

    storage: Storage
    engine: Engine
    content: ContentStore
    topics: Topics
    menu: tuple[Choice, ...]
    staffed: bool
    crisis_phone: str
    wake: Wake
    now: Callable[[], datetime]
    choose_number: Callable[[int], int]
    heard_per_minute: Mapping[ChannelName, int | None] = field(default_factory=dict)
    ask_vote_later: AskVote = _asks_nothing
    erase_due: Callable[[], None] = lambda: None
    fetch_files: Callable[[], None] = lambda: None
    took: Callable[[ChannelName, float], None] = lambda channel, seconds: None

    async def handle(self, inbound: Inbound, *, also: Also = nothing_more) -> Handled:
        """Understands and answers one message; the same message again changes nothing.

        also is written in the same transaction, for a message that came before as well.

        When it returns, the message and its replies are committed, so that a channel may acknowledge it.

        Raises:
            StorageError: nothing was written; the channel must deliver the message again.
        """
        if isinstance(inbound.payload, Notice):
            notice = partial(take_notice, inbound=inbound, notice=inbound.payload, now=self.now())
            return await self.storage.run(_with(notice, also))
        began = time.perf_counter()
        words = words_of(inbound.payload)
        parsed = await self.engine.parse(words, today=day_of(self.now())) if words is not None else None
        handled = await self.storage.run(_with(partial(_handle, parts=self, inbound=inbound, parsed=parsed), also))
        if not handled.duplicate:
            self.wake(handled.conversation_id, _way_back(handled, inbound))
            self.took(inbound.channel, time.perf_counter() - began)
        if handled.asks_vote:
            self.ask_vote_later(handled.conversation_id, self.now())
        if handled.erases:
            self.erase_due()
        if isinstance(inbound.payload, Attachment):
            self.fetch_files()
        return handled

    def desk(
        self,
        tx: Connection,
        conversation_id: UUID,
        message_id: UUID,
        *,
        language: Language,
        pressed_on: UUID | None,
        now: datetime,
        is_locked: bool = False,
    ) -> Desk:
        """Where a turn of this conversation is carried out."""
        return Desk(
            tx=tx,
            content=self.content.current,
            language=language,
            conversation_id=conversation_id,
            message_id=message_id,
            pressed_on=pressed_on,
            is_locked=is_locked,
            now=now,
            staffed=self.staffed,
            crisis_phone=self.crisis_phone,
            choose_number=self.choose_number,
        )


@lru_cache(maxsize=4)
def book_of(content: Content, topics: Topics, menu: tuple[Choice, ...], *, staffed: bool) -> Book:
    """What the engine may offer of this content. Offers of flows wait until flows exist."""
    answer_of = {flow: answer for answer, entry in content.entries.items() for flow in entry.offers}
    themes: dict[str, tuple[str, ...]] = {}
    for answer, entry in content.entries.items():
        themes[entry.theme] = (*themes.get(entry.theme, ()), answer)
    return Book(
        menu=menu,
        themes=themes,
        related={answer: entry.related for answer, entry in content.entries.items()},
        offered_by={intent: answer_of[flow] for intent, flow in topics.flows.items() if flow in answer_of},
        staffed=staffed,
    )


def _way_back(handled: Handled, inbound: Inbound) -> Destination:
    return Destination(
        conversation_id=handled.conversation_id,
        channel=inbound.channel,
        bot=inbound.bot,
        contact_ref=inbound.contact_ref,
    )


def _with(handle: Callable[[Connection], Handled], also: Also) -> Callable[[Connection], Handled]:
    def both(tx: Connection) -> Handled:
        handled = handle(tx)
        also(tx)
        return handled

    return both


def _handle(tx: Connection, *, parts: Conversations, inbound: Inbound, parsed: Parsed | None) -> Handled:
    now = parts.now()
    conversation = conversations.lock_or_create(
        tx, channel=inbound.channel, bot=inbound.bot, contact_ref=inbound.contact_ref, now=now
    )
    memory = Memory.read(conversation.language, conversation.state)
    heard, pressed_on, words = hear(tx, conversation, inbound, parsed, memory.offered)
    message = _message(conversation, inbound, words, now)
    if not messages.insert(tx, message):
        known = messages.seq_of(tx, channel=inbound.channel, bot=inbound.bot, external_id=inbound.external_id)
        return Handled(conversation_id=conversation.id, seq=known, duplicate=True)
    if isinstance(inbound.payload, Attachment):
        keep_attachment(tx, message, inbound.payload, now=now)
    sent_at, per_minute = min(inbound.sent_at or now, now), parts.heard_per_minute.get(inbound.channel)
    pace, verdict = admit(memory.pace, heard, at_s=sent_at.timestamp(), per_minute=per_minute)
    turn = _turn(parts, memory.state, heard, verdict)
    is_locked = False
    if any(isinstance(effect, Erase) for effect in turn.effects):
        conversation, message, is_locked = _begin_anew(tx, conversation, message, now)
    desk = parts.desk(
        tx,
        conversation.id,
        message.id,
        language=turn.state.language,
        pressed_on=pressed_on,
        now=now,
        is_locked=is_locked,
    )
    return _answer(desk, conversation, message, replace(memory, pace=pace), turn)


def _begin_anew(
    tx: Connection, conversation: ConversationRow, message: MessageRow, now: datetime
) -> tuple[ConversationRow, MessageRow, bool]:
    """The new conversation with the message that asked for it, and whether the old one is locked for a while."""
    messages.withdraw(tx, message.id)
    new, is_locked = put_aside(tx, conversation, reason=ASKED, now=now)
    message = replace(message, id=uuid4(), conversation_id=new.id)
    messages.insert(tx, message)
    return new, message, is_locked


def _answer(desk: Desk, conversation: ConversationRow, message: MessageRow, memory: Memory, turn: Turn) -> Handled:
    """Carries out a turn, and keeps what it said and what is to be remembered of it."""
    drafts = [draft for effect in turn.effects for draft in carry_out(desk, effect)][:STEPS_ALONE]
    write_drafts(desk, conversation, message.seq + 1, drafts)
    tact = after_turn(memory.tact, turn.effects)
    planned = plan_vote(tact, turn.effects, desk.now)
    memory = Memory(
        state=replace(turn.state, number_tries=NUMBER_TRIES) if desk.is_locked else turn.state,
        pace=said(memory.pace, len(drafts)),
        tact=planned or tact,
        offered=offered_after(memory.offered, drafts),
    )
    hides = any(isinstance(effect, Hide | Erase) for effect in turn.effects)
    changed = replace(
        conversation,
        language=memory.state.language,
        state=memory.write(),
        state_version=STATE_VERSION,
        last_seq=message.seq + len(drafts),
        hidden_seq=message.seq if hides else conversation.hidden_seq,
        updated_at=desk.now,
    )
    conversations.save(desk.tx, changed)
    return Handled(
        conversation_id=conversation.id,
        seq=message.seq,
        duplicate=False,
        asks_vote=planned is not None,
        erases=any(isinstance(effect, Erase | EraseCaseNow) for effect in turn.effects),
    )


def _turn(parts: Conversations, state: State, heard: Heard, verdict: Verdict) -> Turn:
    match verdict:
        case "answer":
            return take_turn(
                book_of(parts.content.current, parts.topics, parts.menu, staffed=parts.staffed), state, heard
            )
        case "silent":
            return Turn(state=state, effects=())
        case notice:
            return Turn(state=state, effects=(Say(text=notice, choices=NEXT_STEPS, send_class=SendClass.B),))


def _message(conversation: ConversationRow, inbound: Inbound, words: str, now: datetime) -> MessageRow:
    return MessageRow(
        id=uuid4(),
        conversation_id=conversation.id,
        seq=conversation.last_seq + 1,
        author="contact",
        kind=kind_of(inbound),
        language=conversation.language,
        body=words,
        channel=inbound.channel,
        bot=inbound.bot,
        external_id=inbound.external_id,
        created_at=now,
    )


def take_notice(tx: Connection, *, inbound: Inbound, notice: Notice, now: datetime) -> Handled:
    """Keeps what the platform says of a contact. The same notice again changes nothing."""
    conversation = conversations.lock_or_create(
        tx, channel=inbound.channel, bot=inbound.bot, contact_ref=inbound.contact_ref, now=now
    )
    match notice:
        case Blocked():
            contacts.close(tx, conversation.contact_id, now=now)
        case Returned():
            contacts.reopen(tx, conversation.contact_id)
        case Moved(to=to):
            contacts.rename(tx, conversation.contact_id, contact_ref=to)
    return Handled(conversation_id=conversation.id, seq=conversation.last_seq, duplicate=False)
