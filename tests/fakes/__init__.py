"""Stand-ins for ports, where a test needs to say what the real part would only do by chance."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.channels.base import Capabilities
from bot.errors import SendError
from bot.model import ChannelName, OutboundMessage
from khmer_nlu import Parsed
from khmer_nlu.classifier import Decision
from khmer_nlu.script import Language


def understood(
    intent: str, *, crisis: str | None = None, language: Language = "km", decision: Decision = "answer"
) -> Parsed:
    """A message understood as this intent for sure."""
    return Parsed(
        text="",
        language=language,
        intent=intent,
        decision=decision,
        confidence=0.9,
        ranking=() if intent == "nlu_fallback" else ((intent, 0.9),),
        entities=(),
        crisis=crisis,
        slot_value=None,
    )


NOT_UNDERSTOOD = understood("nlu_fallback", decision="fallback")


@dataclass(frozen=True, kw_only=True)
class ScriptedEngine:
    """Understands exactly the messages it was told, and nothing else."""

    script: Mapping[str, Parsed]

    async def parse(self, text: str) -> Parsed:
        """What the script says."""
        return self.script.get(text, NOT_UNDERSTOOD)


@dataclass(kw_only=True)
class RecordingChannel:
    """Takes messages and keeps them; raises the errors it is given first, one a send."""

    name: ChannelName = "web"
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(buttons=True))
    errors: list[SendError] = field(default_factory=list)
    sent: list[OutboundMessage] = field(default_factory=list)

    async def send(self, message: OutboundMessage) -> str | None:
        """Keeps the message, or raises."""
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(message)
        return f"id-{message.seq}"
