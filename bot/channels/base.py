"""What a channel is to the rest: it takes one rendered message and says whether it went."""

from dataclasses import dataclass
from typing import Protocol

from bot.model import ChannelName, OutboundMessage


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a channel can show; rendering adapts to it."""

    buttons: bool
    """Whether buttons can be pressed; else they are listed with numbers, and the number is typed."""


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
