"""The web chat as a channel: open pages read the rows themselves, so there is nothing to push."""

from dataclasses import dataclass
from typing import Final

from bot.channels.base import Capabilities
from bot.model import ChannelName, OutboundMessage

BOT: Final = "webchat"
"""The name of our only account on this channel."""


@dataclass(frozen=True, kw_only=True)
class WebChannel:
    """Lets a message be read: once it is marked as sent, the page's next look shows it."""

    name: ChannelName = "web"
    capabilities: Capabilities = Capabilities(buttons=True)  # noqa: RUF009 - frozen

    async def send(self, message: OutboundMessage) -> str | None:
        """Always succeeds; the signal to open pages follows the commit, see work/deliver.py."""
        return None
