"""When the bot may write first: pure. A phone may be shared, and the wrong eyes see a message at the wrong hour."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final

from bot.flows.model import Do, Effect, Erase, GiveAnswer, Hide, RaiseAlarm, Say

HOME: Final = timezone(timedelta(hours=7))
"""The time of Cambodia, and of Thailand."""
SAFE_FROM_HOUR: Final = 7
SAFE_UNTIL_HOUR: Final = 20
_HUSHING: Final = frozenset({"opt_out_reply", "erase_question", "idiom_question"})


@dataclass(frozen=True, kw_only=True)
class Tact:
    """What is remembered about writing first.

    hushed: never, since there was danger, or the contact hid or erased the chat or wants to hear nothing. timed_on and
    asked_on are the last days on which the vote was planned and asked.
    """

    hushed: bool = False
    timed_on: str = ""
    asked_on: str = ""

    def to_json(self) -> dict[str, Any]:
        """The tact as plain JSON."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Tact":
        """The tact that to_json() wrote; unknown parts are left out."""
        return cls(**{name: plain[name] for name in cls.__dataclass_fields__ if name in plain})


def home_day(now: datetime) -> date:
    """The day it is where contacts live."""
    return now.astimezone(HOME).date()


def after_turn(tact: Tact, effects: Iterable[Effect]) -> Tact:
    """The tact after a turn with these effects: once hushed, always."""
    return replace(tact, hushed=tact.hushed or any(_hushes(effect) for effect in effects))


def _hushes(effect: Effect) -> bool:
    return isinstance(effect, RaiseAlarm | Hide | Erase) or (isinstance(effect, Say) and effect.text in _HUSHING)


def plan_vote(tact: Tact, effects: Iterable[Effect], now: datetime) -> Tact | None:
    """The tact with the vote planned for today, if an answer was given and it is not planned yet; else None."""
    today = home_day(now).isoformat()
    gave = any(isinstance(effect, GiveAnswer) and effect.part is Do.ANSWER for effect in effects)
    return replace(tact, timed_on=today) if gave and not tact.hushed and tact.timed_on != today else None


def ask_vote(tact: Tact, now: datetime) -> Tact | None:
    """The tact with the vote asked today; None where it must not be asked now."""
    today = home_day(now).isoformat()
    is_safe = SAFE_FROM_HOUR <= now.astimezone(HOME).hour < SAFE_UNTIL_HOUR
    return replace(tact, asked_on=today) if is_safe and not tact.hushed and tact.asked_on != today else None
