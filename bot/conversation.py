"""The use case at the centre: handle one message of a contact, in one transaction."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Final, Protocol
from uuid import UUID, uuid4

from sqlalchemy import Connection

from bot.content.model import Content
from bot.content.store import ContentStore
from bot.flows.controls import NEXT_STEPS
from bot.flows.engine import take_turn
from bot.flows.limits import STEPS_ALONE, Verdict, admit, said
from bot.flows.memory import Memory
from bot.flows.model import (
    STATE_VERSION,
    Action,
    Book,
    Choice,
    Heard,
    Hide,
    Pressed,
    PressedStale,
    Said,
    Say,
    Sent,
    State,
    Turn,
)
from bot.flows.tact import after_turn, plan_vote
from bot.model import Attachment, Button, ChannelName, Inbound, Language, Press, SendClass, Text
from bot.nlu.engine import Engine
from bot.replies import Desk, carry_out, write_drafts
from bot.storage import conversations, messages
from bot.storage.conversations import ConversationRow
from bot.storage.engine import Storage
from bot.storage.messages import MessageRow
from bot.storage.tables import Kind
from bot.topics import Topics
from khmer_nlu import Parsed, match_key

TYPED_CHOICE_MAX_CHARS: Final = 80
"""Longer messages are no button's words, which have 40 characters at most."""


class AskVote(Protocol):
    """Plans to ask a contact, some time after an answer, whether it helped."""

    def __call__(self, conversation_id: UUID, now: datetime) -> None:
        """Returns at once."""


class Wake(Protocol):
    """Tells whoever delivers messages that a conversation has some."""

    def __call__(self, conversation_id: UUID) -> None:
        """Returns at once."""


@dataclass(frozen=True, kw_only=True)
class Handled:
    """What became of an inbound message: its place in the conversation, and whether it had come before."""

    conversation_id: UUID
    seq: int
    duplicate: bool
    asks_vote: bool = False


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
    took: Callable[[ChannelName, float], None] = lambda channel, seconds: None

    async def handle(self, inbound: Inbound) -> Handled:
        """Understands and answers one message; the same message again changes nothing.

        When it returns, the message and its replies are committed, so that a channel may acknowledge it.

        Raises:
            StorageError: nothing was written; the channel must deliver the message again.
        """
        began = time.perf_counter()
        words = inbound.payload.text if isinstance(inbound.payload, Text) else None
        parsed = await self.engine.parse(words) if words is not None else None
        handled = await self.storage.run(partial(_handle, parts=self, inbound=inbound, parsed=parsed))
        if not handled.duplicate:
            self.wake(handled.conversation_id)
            self.took(inbound.channel, time.perf_counter() - began)
        if handled.asks_vote:
            self.ask_vote_later(handled.conversation_id, self.now())
        return handled

    def desk(
        self, tx: Connection, conversation_id: UUID, message_id: UUID, *, language: Language, pressed_on: UUID | None
    ) -> Desk:
        """Where a turn of this conversation is carried out."""
        return Desk(
            tx=tx,
            content=self.content.current,
            language=language,
            conversation_id=conversation_id,
            message_id=message_id,
            pressed_on=pressed_on,
            now=self.now(),
            staffed=self.staffed,
            crisis_phone=self.crisis_phone,
            choose_number=self.choose_number,
        )


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


def buttons_of(message: MessageRow) -> tuple[Button, ...]:
    """The buttons of a stored message; an id names the message and the button's place, and says nothing else."""
    return tuple(
        Button(id=f"{message.id.hex}.{index}", title=str(button["title"]))
        for index, button in enumerate(_kept(message))
    )


def _kept(message: MessageRow) -> list[dict[str, str]]:
    kept: list[dict[str, str]] = json.loads(message.buttons) if message.buttons else []
    return kept


def _handle(tx: Connection, *, parts: Conversations, inbound: Inbound, parsed: Parsed | None) -> Handled:
    now = parts.now()
    conversation = conversations.lock_or_create(
        tx, channel=inbound.channel, bot=inbound.bot, contact_ref=inbound.contact_ref, now=now
    )
    heard, pressed_on, words = _hear(tx, conversation, inbound, parsed)
    message = _message(conversation, inbound, words, now)
    if not messages.insert(tx, message):
        known = messages.seq_of(tx, channel=inbound.channel, bot=inbound.bot, external_id=inbound.external_id)
        return Handled(conversation_id=conversation.id, seq=known, duplicate=True)
    memory = Memory.read(conversation.language, conversation.state)
    pace, verdict = admit(
        memory.pace, heard, at_s=now.timestamp(), per_minute=parts.heard_per_minute.get(inbound.channel)
    )
    turn = _turn(parts, memory.state, heard, verdict)
    desk = parts.desk(tx, conversation.id, message.id, language=turn.state.language, pressed_on=pressed_on)
    drafts = [draft for effect in turn.effects for draft in carry_out(desk, effect)][:STEPS_ALONE]
    write_drafts(desk, conversation, message.seq + 1, drafts)
    tact = after_turn(memory.tact, turn.effects)
    planned = plan_vote(tact, turn.effects, now)
    memory = Memory(state=turn.state, pace=said(pace, len(drafts)), tact=planned or tact)
    hides = any(isinstance(effect, Hide) for effect in turn.effects)
    conversations.save(
        tx,
        replace(
            conversation,
            language=memory.state.language,
            state=memory.write(),
            state_version=STATE_VERSION,
            last_seq=message.seq + len(drafts),
            hidden_seq=message.seq if hides else conversation.hidden_seq,
            updated_at=now,
        ),
    )
    return Handled(conversation_id=conversation.id, seq=message.seq, duplicate=False, asks_vote=planned is not None)


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
        kind=_kind(inbound),
        language=conversation.language,
        body=words,
        channel=inbound.channel,
        bot=inbound.bot,
        external_id=inbound.external_id,
        created_at=now,
    )


def _kind(inbound: Inbound) -> Kind:
    match inbound.payload:
        case Text():
            return "text"
        case Press():
            return "press"
        case Attachment():
            return "attachment"


def _hear(
    tx: Connection, conversation: ConversationRow, inbound: Inbound, parsed: Parsed | None
) -> tuple[Heard, UUID | None, str]:
    """What was heard, the message whose button it was, and the words to keep of it."""
    match inbound.payload:
        case Attachment(kind=kind):
            return Sent(kind=kind), None, kind
        case Press(button=button):
            return _hear_press(tx, conversation, button)
        case Text(text=text):
            assert parsed is not None  # noqa: S101 - handle() parses every Text
            typed = None if parsed.crisis else _typed_choice(tx, conversation, text)
            if typed:
                action, message = typed
                return Pressed(action=action), message, text
            return Said(text=text, parsed=parsed), None, text


def _hear_press(tx: Connection, conversation: ConversationRow, button: str) -> tuple[Heard, UUID | None, str]:
    name, _, place = button.partition(".")
    try:
        message = messages.get(tx, UUID(hex=name))
        if message is None or message.conversation_id != conversation.id:
            raise LookupError
        kept = _kept(message)[int(place)]
        return Pressed(action=Action.decode(kept["action"])), message.id, kept["title"]
    except (ValueError, LookupError):
        return PressedStale(), None, ""


def _typed_choice(tx: Connection, conversation: ConversationRow, text: str) -> tuple[Action, UUID] | None:
    """The button of the last message whose words, or whose number in the list, the contact typed."""
    key = match_key(text).strip() if len(text) <= TYPED_CHOICE_MAX_CHARS else ""
    message = messages.last_with_buttons(tx, conversation.id) if key else None
    if message is None:
        return None
    for place, button in enumerate(_kept(message), start=1):
        if key in (str(place), _title_key(button["title"])):
            with suppress(ValueError):  # another version's button: its words are understood like any others
                return Action.decode(button["action"]), message.id
    return None


@lru_cache(maxsize=1024)
def _title_key(title: str) -> str:
    return match_key(title).strip()
