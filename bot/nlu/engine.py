"""What the rest of the bot knows of understanding: it gives a Parsed for a text."""

from datetime import date
from typing import Protocol

from khmer_nlu import Parsed, Slot


class Engine(Protocol):
    """Understands messages, in this process or elsewhere."""

    async def parse(self, text: str, *, today: date, slot: Slot | None = None) -> Parsed:
        """What the text means, on this day, as the answer to this question; never raises for any text."""

    async def aclose(self) -> None:
        """Ends what it holds open; it parses nothing afterwards."""
