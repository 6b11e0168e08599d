"""What the rest of the bot knows of understanding: it gives a Parsed for a text."""

from typing import Protocol

from khmer_nlu import Parsed


class Engine(Protocol):
    """Understands messages, in this process or elsewhere."""

    async def parse(self, text: str) -> Parsed:
        """What the text means; never raises for any text."""

    async def aclose(self) -> None:
        """Ends what it holds open; it parses nothing afterwards."""
