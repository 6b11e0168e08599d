"""The values that every layer shares, in the words of docs/glossary.md. No behaviour beyond their own consistency."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

Language = Literal["km", "en"]
LANGUAGES: tuple[Language, ...] = ("km", "en")
ChannelName = Literal["telegram", "messenger", "web", "terminal"]
Author = Literal["contact", "bot", "staff"]
Lane = Literal["legal", "counselling", "jobs", "aid", "general", "complaint"]
LookUpKind = Literal["phone", "name"]
AttachmentKind = Literal["voice", "photo", "video", "video_note", "document", "location", "contact", "sticker", "other"]
CommandName = Literal["start", "menu", "help", "language", "person", "stop"]


class SendClass(StrEnum):
    """How hard we try to send: see architecture.md §2."""

    A = "A"  # at least once: answers, questions, crisis, staff replies, receipts, handoffs
    B = "B"  # at most once: menus, greetings


@dataclass(frozen=True, kw_only=True)
class Text:
    """Words that the contact typed, as typed."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Press:
    """A button that the contact pressed, by its opaque id."""

    button: str


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """Something that is not text: a voice note, photo, sticker … Only what its kind has is filled in.

    file_id is the platform's name of the file, size its bytes, caption what the contact wrote under it. phone is that
    of a contact card, own whether the card is the contact's. What was sent at once shares an album. stored is the name
    under which we keep the file already, mime then its type by content.
    """

    kind: AttachmentKind
    file_id: str = ""
    size: int | None = None
    mime: str = ""
    name: str = ""
    duration_s: int | None = None
    caption: str = ""
    latitude: float | None = None
    longitude: float | None = None
    phone: str = ""
    own: bool = False
    album: str = ""
    stored: str = ""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One of the platform's own commands, such as /menu. code is what a link of ours to the bot carried."""

    name: CommandName
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class StaffCommand:
    """Somebody in the staff group spoke to the bot."""


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """The contact wants to hear nothing more, and the platform sees to it."""


@dataclass(frozen=True, kw_only=True)
class Returned:
    """The contact lets us write again."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """The platform has given the chat another name."""

    to: str


Notice = Blocked | Returned | Moved
"""What a platform tells us about a contact. It is no message, and nothing is answered."""
Payload = Text | Press | Attachment | Command | StaffCommand | Notice


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """One message from a contact.

    channel, bot and external_id together name the message: the same three mean the same message sent again.
    contact_ref is the channel's own name for the contact (a chat id, the hash of a cookie). sent_at is when the contact
    sent it, where the channel says so: what waited while we were down comes all at once.
    """

    channel: ChannelName
    bot: str
    external_id: str
    contact_ref: str
    payload: Payload
    sent_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Button:
    """What a contact can press: an opaque id and the words on it."""

    id: str
    title: str


@dataclass(frozen=True, kw_only=True)
class OutboundMessage:
    """One message ready for a channel: rendered, in one language."""

    id: UUID
    seq: int
    contact_ref: str
    language: Language
    text: str
    buttons: tuple[Button, ...]
    answer: str | None
    created_at: datetime
