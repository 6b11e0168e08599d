"""All that a conversation remembers between turns, besides its messages, as one JSON text."""

import json
from dataclasses import dataclass, replace

from bot.flows.limits import Pace
from bot.flows.model import State
from bot.flows.tact import Tact
from bot.model import Language


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What the talk is about, how the contact writes, and when the bot may write first.

    offered: checksums of the words on the buttons that were shown last, None where they are not known. By them most
    messages are seen to be no typed button, without a look into the database.
    """

    state: State
    pace: Pace
    tact: Tact
    offered: tuple[int, ...] | None = None

    @classmethod
    def read(cls, language: Language, kept: str) -> "Memory":
        """What write() wrote; the language has a column of its own."""
        plain = json.loads(kept)
        offered = plain.get("offered")
        return cls(
            state=State.from_json(language, plain),
            pace=Pace.from_json(plain.get("pace", {})),
            tact=Tact.from_json(plain.get("tact", {})),
            offered=None if offered is None else tuple(offered),
        )

    def without_the_talk(self) -> "Memory":
        """What stays when all that was said is deleted: the language, and that the bot must not write first."""
        state = State(language=self.state.language, language_chosen=self.state.language_chosen, greeted=True)
        return Memory(state=state, pace=Pace(), tact=replace(self.tact, timed_on="", asked_on=""), offered=())

    def write(self) -> str:
        """Everything but the language."""
        kept = {"pace": self.pace.to_json(), "tact": self.tact.to_json(), "offered": self.offered}
        return json.dumps(self.state.to_json() | kept)
