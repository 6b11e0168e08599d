"""Stand-ins for ports, where a test needs to say what the real part would only do by chance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from bot.channels.base import Capabilities, Channel
from bot.errors import SendError
from bot.metrics import Metrics
from bot.model import ChannelName, OutboundMessage
from bot.storage.engine import Storage
from bot.work.deliver import Deliverer
from bot.work.together import Alone
from khmer_nlu import Parsed, Slot, match_key
from khmer_nlu.classifier import Decision
from khmer_nlu.script import Language


def understood(
    intent: str, *, crisis: str | None = None, language: Language = "km", decision: Decision = "answer"
) -> Parsed:
    """A message understood as this intent for sure."""
    return Parsed(
        text="",
        key="",
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

    async def parse(self, text: str, *, today: date, slot: Slot | None = None) -> Parsed:
        """What the script says."""
        return replace(self.script.get(text, NOT_UNDERSTOOD), text=text, key=match_key(text))

    async def aclose(self) -> None:
        """Holds nothing open."""


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


def deliverer_of(
    storage: Storage, channel: Channel, *, now: Callable[[], datetime], metrics: Metrics | None = None
) -> Deliverer:
    """A deliverer for one channel, without chance, whose clock is the time that it is told."""
    deliverer = Deliverer(
        storage=storage,
        channels={channel.name: channel},
        notify=lambda name: None,
        now=now,
        clock=lambda: deliverer.now().timestamp(),
        chance=lambda: 1.0,
        metrics=metrics or Metrics(),
        executor_id="test",
        processes=Alone(),
    )
    return deliverer
