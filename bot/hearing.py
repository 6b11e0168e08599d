"""What an inbound message says to the engine: words, a button pressed or typed, a command, something sent.

A module of its own because conversation.py owns the transaction and its order, and this only reads.
"""

import json
from contextlib import suppress
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from bot.flows.model import Action, Do, Heard, Pressed, PressedStale, Said, Sent, StaffSpoke
from bot.flows.typed import may_name, place_typed
from bot.model import (
    Attachment,
    Blocked,
    Button,
    Command,
    Inbound,
    Moved,
    Payload,
    Press,
    Returned,
    StaffCommand,
    Text,
)
from bot.storage import messages
from bot.storage.conversations import ConversationRow
from bot.storage.messages import MessageRow
from bot.storage.tables import Kind
from khmer_nlu import Parsed

_CONTROLS: Final = {
    "menu": "show_menu",
    "language": "change_language",
    "person": "talk_to_human",
    "stop": "opt_out",
}


def words_of(payload: Payload) -> str | None:
    """What the contact wrote, as text or under an attachment; None where there are no words to understand."""
    match payload:
        case Text(text=text):
            return text
        case Attachment(caption=caption) if caption.strip():
            return caption
        case _:
            return None


def buttons_of(message: MessageRow) -> tuple[Button, ...]:
    """The buttons of a stored message; an id names the message and the button's place, and says nothing else."""
    return tuple(
        Button(id=f"{message.id.hex}.{index}", title=str(button["title"]))
        for index, button in enumerate(_kept(message))
    )


def _kept(message: MessageRow) -> list[dict[str, str]]:
    kept: list[dict[str, str]] = json.loads(message.buttons) if message.buttons else []
    return kept


def kind_of(inbound: Inbound) -> Kind:
    """The kind of message that is kept."""
    match inbound.payload:
        case Press():
            return "press"
        case Attachment():
            return "attachment"
        case _:
            return "text"


def hear(
    tx: Connection,
    conversation: ConversationRow,
    inbound: Inbound,
    parsed: Parsed | None,
    offered: tuple[int, ...] | None,
) -> tuple[Heard, UUID | None, str]:
    """What was heard, the message whose button it was, and the words to keep of it. offered: as in Memory."""
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
            may_be_typed = not parsed.crisis and may_name(parsed.key, offered)
            if may_be_typed and (typed := _typed_choice(tx, conversation, parsed.key)):
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


def _typed_choice(tx: Connection, conversation: ConversationRow, key: str) -> tuple[Action, UUID] | None:
    """The button of the last message whose words, or whose number in the list, the contact typed."""
    found = messages.last_buttons(tx, conversation.id)
    if found is None:
        return None
    message_id, kept = found[0], json.loads(found[1])
    place = place_typed(key, (button["title"] for button in kept))
    if place is not None:
        with suppress(ValueError):  # another version's button: its words are understood like any others
            return Action.decode(kept[place]["action"]), message_id
    return None
