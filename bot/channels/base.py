"""What a channel is to the rest: it takes one rendered message and says whether it went."""

from dataclasses import dataclass
from typing import Protocol

from bot.model import ChannelName, OutboundMessage


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a channel can show; rendering adapts to it."""

    buttons: bool
    """Whether buttons can be pressed; else they are listed with numbers, and the number is typed."""
    sends_per_s: float | None = None
    """How many messages a second the platform takes from one bot; None: as many as there are."""
    chat_sends_per_s: float | None = None
    """How many messages a second the platform takes for one contact; None: as many as there are."""
    heard_per_minute: int | None = None
    """How many messages of one contact a minute are answered; None: the channel has a limit of its own."""


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
