"""How much a contact may write, and how long the bot may talk alone: pure, kept in the conversation's state.

A flood costs everybody time, and another machine that answers each of our messages would go on for ever.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from bot.flows.model import Do, Heard, Pressed, PressedStale, Said, Sent, StaffSpoke

STEPS_ALONE: Final = 20
"""Messages of the bot without a human turn, after which it is silent: design/safety.md, rule 21."""
MINUTE_S: Final = 60
Verdict = Literal["answer", "too_fast", "same_again", "silent"]
_ALWAYS: Final = frozenset({"hide_chat", "opt_out", "delete_my_data"})
_ALWAYS_BUTTONS: Final = frozenset({Do.URGENT, Do.PLACE, Do.NOT_MEANT, Do.ERASE, Do.KEEP})


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What is remembered of how a contact writes.

    minute and heard count the messages of the newest minute; last is a checksum of the newest message; steps counts
    what the bot said since a message that was not the one before once more.
    """

    minute: int = 0
    heard: int = 0
    last: int = 0
    steps: int = 0
    told: bool = False

    def to_json(self) -> dict[str, Any]:
        """The pace as plain JSON."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Pace":
        """The pace that to_json() wrote; unknown parts are left out."""
        return cls(**{name: plain[name] for name in cls.__dataclass_fields__ if name in plain})


def admit(pace: Pace, heard: Heard, *, at_s: float, per_minute: int | None) -> tuple[Pace, Verdict]:
    """What to do about one more message: answer it, say once what is wrong, or be silent. Danger is always answered.

    Args:
        pace: what is remembered.
        heard: the message.
        at_s: when it came, in seconds since 1970.
        per_minute: how many messages a minute are answered; None: all.
    """
    minute, last = int(at_s // MINUTE_S), _checksum(heard)
    is_new_minute = minute != pace.minute
    is_human = last != pace.last
    pace = replace(
        pace,
        minute=minute,
        heard=1 if is_new_minute else pace.heard + 1,
        last=last,
        steps=0 if is_human else pace.steps,
        told=pace.told and not (is_new_minute and is_human),
    )
    if is_never_limited(heard):
        return pace, "answer"
    is_too_fast = per_minute is not None and pace.heard > per_minute
    if not is_too_fast and pace.steps < STEPS_ALONE:
        return pace, "answer"
    if pace.told:
        return pace, "silent"
    return replace(pace, told=True), "too_fast" if is_too_fast else "same_again"


def said(pace: Pace, messages: int) -> Pace:
    """The pace after the bot said so many messages."""
    return replace(pace, steps=pace.steps + messages)


def is_never_limited(heard: Heard) -> bool:
    """Whether the message is about danger, hiding or leaving, which a flood must not drown."""
    match heard:
        case Said(parsed=parsed):
            return bool(parsed.crisis) or (parsed.decision == "answer" and parsed.intent in _ALWAYS)
        case Pressed(action=action):
            return action.do in _ALWAYS_BUTTONS or action.of in _ALWAYS
        case PressedStale() | Sent() | StaffSpoke():
            return False


def _checksum(heard: Heard) -> int:
    match heard:
        case Said(text=text):
            words = f"said {text.strip().casefold()}"
        case Pressed(action=action):
            words = f"pressed {action.encode()}"
        case PressedStale():
            words = "stale"
        case Sent(kind=kind):
            words = f"sent {kind}"
        case StaffSpoke():
            words = "staff"
    return zlib.crc32(words.encode("utf-8", "replace"))
