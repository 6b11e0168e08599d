"""A terminal as a channel: for trying the bot without a browser."""

from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.text import Text as RichText

from bot.channels.base import Capabilities
from bot.channels.rendering import parts_of
from bot.model import ChannelName, OutboundMessage

BOT: Final = "terminal"


@dataclass(frozen=True, kw_only=True)
class TerminalChannel:
    """Prints messages; buttons become a numbered list."""

    console: Console
    name: ChannelName = "terminal"
    capabilities: Capabilities = Capabilities(buttons=False)  # noqa: RUF009 - frozen

    async def send(self, message: OutboundMessage) -> str | None:
        """Prints the message as plain text."""
        for part in parts_of(message, self.capabilities):
            self.console.print(RichText(f"{part.text}\n"))
        return None
