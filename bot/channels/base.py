"""What a channel is to the rest: it takes one rendered message and says whether it went."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.model import ChannelName, OutboundMessage


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a channel can show and take; rendering adapts to it."""

    buttons: bool
    """Whether buttons can be pressed; else they are listed with numbers, and the number is typed."""
    sends_per_s: float | None = None
    """How many messages a second the platform takes from one bot; None: as many as there are."""
    chat_sends_per_s: float | None = None
    """How many messages a second the platform takes for one contact; None: as many as there are."""
    heard_per_minute: int | None = None
    """How many messages of one contact a minute are answered; None: the channel has a limit of its own."""
    text_max_units: int | None = None
    """How long one message may be, in UTF-16 units; a longer text becomes several messages. None: any length."""
    buttons_max: int | None = None
    """How many buttons one message may have; more are listed with numbers. None: any number."""
    button_title_max_chars: int | None = None
    """How long the words on a button may be; where one has more, all are listed with numbers. None: any length."""
    edits: bool = False
    """Whether a message that was sent can be changed."""
    deletes_within_s: int | None = None
    """For how long a message that was sent can be taken back; None: never."""
    voice_in: bool = False
    """Whether contacts can send their voice."""
    photo_in: bool = False
    """Whether contacts can send pictures."""


class Channel(Protocol):
    """One way to reach contacts."""

    @property
    def name(self) -> ChannelName:
        """The channel's name in the database."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can show."""

    async def send(self, message: OutboundMessage) -> str | None:
        """Sends one message and returns the platform's id for it, if it gives one.

        Raises:
            SendRetryable: it may go later.
            SendRejected: it will never go.
        """


class Ingest(Protocol):
    """Takes a raw update of a channel. When it returns, what is in it is kept, and the platform may forget it."""

    async def __call__(self, channel_name: ChannelName, bot: str, external_id: str, raw: bytes) -> None:
        """Handles the update; the same one again changes nothing.

        Raises:
            StorageDown: nothing is kept; the platform must deliver it again.
        """


Finish = Callable[[], Awaitable[None]]
"""Handles one update, as a call of Ingest with it does."""


class Keep(Protocol):
    """Keeps the updates that came together. When the Finish of one returns, the platform may forget that one."""

    async def __call__(self, channel_name: ChannelName, bot: str, raw_of: Mapping[str, bytes]) -> Mapping[str, Finish]:
        """Gives what handles each, both by external_id.

        Raises:
            StorageDown: none is kept; the platform must deliver them again.
        """
