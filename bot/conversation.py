"""The use case at the centre: handle one message of a contact, in one transaction."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Final, Protocol
from uuid import UUID, uuid4

from sqlalchemy import Connection

from bot.content.model import Content
from bot.content.store import ContentStore
from bot.flows.engine import take_turn
from bot.flows.model import (
    STATE_VERSION,
    Action,
    Book,
    Choice,
    Do,
    Heard,
    Hide,
    Pressed,
    PressedStale,
    Said,
    Sent,
    StaffSpoke,
    State,
)
from bot.model import (
    Attachment,
    Blocked,
    Button,
    Command,
    Inbound,
    Moved,
    Notice,
    Payload,
    Press,
    Returned,
    StaffCommand,
    Text,
)
from bot.nlu.engine import Engine
from bot.replies import Desk, Draft, carry_out
from bot.storage import attachments, contacts, conversations, messages, outbound
from bot.storage.conversations import ConversationRow
from bot.storage.engine import Storage
from bot.storage.messages import MessageRow
from bot.storage.tables import Kind
from bot.topics import Topics
from khmer_nlu import Parsed, match_key

TYPED_CHOICE_MAX_CHARS: Final = 80
"""Longer messages are no button's words, which have 40 characters at most."""


_CONTROLS: Final = {
    "menu": "show_menu",
    "language": "change_language",
    "person": "talk_to_human",
    "stop": "opt_out",
}


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

    async def handle(self, inbound: Inbound) -> Handled:
        """Understands and answers one message; the same message again changes nothing.

        When it returns, the message and its replies are committed, so that a channel may acknowledge it.

        Raises:
            StorageError: nothing was written; the channel must deliver the message again.
        """
        if isinstance(inbound.payload, Notice):
            return await self.storage.run(partial(take_notice, inbound=inbound, notice=inbound.payload, now=self.now()))
        said = words_of(inbound.payload)
        parsed = await self.engine.parse(said) if said is not None else None
        handled = await self.storage.run(partial(_handle, parts=self, inbound=inbound, parsed=parsed))
        if not handled.duplicate:
            self.wake(handled.conversation_id)
        return handled


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
    now, content = parts.now(), parts.content.current
    conversation = conversations.lock_or_create(
        tx, channel=inbound.channel, bot=inbound.bot, contact_ref=inbound.contact_ref, now=now
    )
    heard, pressed_on, title = _hear(tx, conversation, inbound, parsed)
    seq, message_id = conversation.last_seq + 1, uuid4()
    message = MessageRow(
        id=message_id,
        conversation_id=conversation.id,
        seq=seq,
        author="contact",
        kind=_kind(inbound),
        language=conversation.language,
        body=title,
        channel=inbound.channel,
        bot=inbound.bot,
        external_id=inbound.external_id,
        created_at=now,
    )
    if not messages.insert(tx, message):
        known = messages.seq_of(tx, channel=inbound.channel, bot=inbound.bot, external_id=inbound.external_id)
        return Handled(conversation_id=conversation.id, seq=known, duplicate=True)
    if isinstance(inbound.payload, Attachment):
        attachments.keep(tx, message_id, inbound.payload)
    state = State.from_json(conversation.language, json.loads(conversation.state))
    turn = take_turn(book_of(content, parts.topics, parts.menu, staffed=parts.staffed), state, heard)
    desk = Desk(
        tx=tx,
        content=content,
        language=turn.state.language,
        conversation_id=conversation.id,
        message_id=message_id,
        pressed_on=pressed_on,
        now=now,
        staffed=parts.staffed,
        crisis_phone=parts.crisis_phone,
        choose_number=parts.choose_number,
    )
    drafts = [draft for effect in turn.effects for draft in carry_out(desk, effect)]
    _send(tx, conversation, inbound, desk, seq + 1, drafts)
    conversations.save(
        tx,
        replace(
            conversation,
            language=turn.state.language,
            state=json.dumps(turn.state.to_json()),
            state_version=STATE_VERSION,
            last_seq=seq + len(drafts),
            hidden_seq=seq if any(isinstance(effect, Hide) for effect in turn.effects) else conversation.hidden_seq,
            updated_at=now,
        ),
    )
    return Handled(conversation_id=conversation.id, seq=seq, duplicate=False)


def words_of(payload: Payload) -> str | None:
    """What the contact wrote, as text or under an attachment; None where there are no words to understand."""
    match payload:
        case Text(text=text):
            return text
        case Attachment(caption=caption) if caption.strip():
            return caption
        case _:
            return None


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


def _kind(inbound: Inbound) -> Kind:
    match inbound.payload:
        case Press():
            return "press"
        case Attachment():
            return "attachment"
        case _:
            return "text"


def _hear(
    tx: Connection, conversation: ConversationRow, inbound: Inbound, parsed: Parsed | None
) -> tuple[Heard, UUID | None, str]:
    """What was heard, the message whose button it was, and the words to keep of it."""
    match inbound.payload:
        case Attachment() as attachment:
            sent = Sent(kind=attachment.kind, own=attachment.own, album=attachment.album)
            if parsed is None:
                return sent, None, attachment.kind
            return Said(text=attachment.caption, parsed=parsed, beside=sent), None, attachment.caption
        case Command() as command:
            return Pressed(action=_action(command)), None, f"/{command.name} {command.code}".strip()
        case StaffCommand() | Blocked() | Returned() | Moved():  # of these, only the first comes here
            return StaffSpoke(), None, ""
        case Press(button=button):
            return _hear_press(tx, conversation, button)
        case Text(text=text):
            assert parsed is not None  # noqa: S101 - handle() parses every Text
            typed = None if parsed.crisis else _typed_choice(tx, conversation, text)
            if typed:
                action, message = typed
                return Pressed(action=action), message, text
            return Said(text=text, parsed=parsed), None, text


def _action(command: Command) -> Action:
    match command.name:
        case "start":
            return Action(do=Do.START, of=command.code)
        case "help":
            return Action(do=Do.HELP)
        case name:
            return Action(do=Do.CONTROL, of=_CONTROLS[name])


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


def _send(
    tx: Connection, conversation: ConversationRow, inbound: Inbound, desk: Desk, first_seq: int, drafts: list[Draft]
) -> None:
    for seq, draft in enumerate(drafts, start=first_seq):
        kept = [{"title": title, "action": action.encode()} for title, action in draft.buttons]
        message = MessageRow(
            id=uuid4(),
            conversation_id=conversation.id,
            seq=seq,
            author="bot",
            kind="text",
            language=desk.language,
            body=draft.text,
            buttons=json.dumps(kept, ensure_ascii=False) if kept else None,
            answer=draft.answer,
            channel=inbound.channel,
            bot=inbound.bot,
            created_at=desk.now,
        )
        messages.insert(tx, message)
        outbound.enqueue(tx, message, send_class=draft.send_class, now=desk.now)
