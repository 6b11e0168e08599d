"""All that a conversation remembers between turns, besides its messages, as one JSON text."""

import json
from dataclasses import dataclass

from bot.flows.limits import Pace
from bot.flows.model import State
from bot.flows.tact import Tact
from bot.model import Language


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What the talk is about, how the contact writes, and when the bot may write first."""

    state: State
    pace: Pace
    tact: Tact

    @classmethod
    def read(cls, language: Language, kept: str) -> "Memory":
        """What write() wrote; the language has a column of its own."""
        plain = json.loads(kept)
        return cls(
            state=State.from_json(language, plain),
            pace=Pace.from_json(plain.get("pace", {})),
            tact=Tact.from_json(plain.get("tact", {})),
        )

    def write(self) -> str:
        """Everything but the language."""
        return json.dumps(self.state.to_json() | {"pace": self.pace.to_json(), "tact": self.tact.to_json()})
