"""The values of the conversation engine: what was heard, what is remembered, and what a turn asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.model import AttachmentKind, Lane, Language, SendClass
from khmer_nlu import Parsed

STATE_VERSION = 1


class Do(StrEnum):
    """What a button does when it is pressed; some take a word more, such as the answer's id."""

    ANSWER = "answer"
    MORE = "more"
    SOURCE = "source"
    HELPED = "helped"
    NOT_HELPED = "not_helped"
    TOPICS = "topics"
    THEME = "theme"
    LANGUAGE = "language"
    CONTROL = "control"
    NONE_OF_THESE = "none_of_these"
    NOT_MEANT = "not_meant"
    PLACE = "place"
    URGENT = "urgent"
    START = "start"
    HELP = "help"
    ERASE = "erase"
    KEEP = "keep"


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing to do, and of what; kept with the message that offered it."""

    do: Do
    of: str = ""

    def encode(self) -> str:
        """The action as one word for storage."""
        return f"{self.do}:{self.of}"

    @classmethod
    def decode(cls, word: str) -> "Action":
        """The action that encode() wrote.

        Raises:
            ValueError: an older or newer version wrote something else.
        """
        do, _, of = word.partition(":")
        return cls(do=Do(do), of=of)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A button to show. Its words are the text `title`; empty: the title of what it leads to."""

    action: Action
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class State:
    """What the conversation remembers between turns, besides its messages."""

    language: Language = "km"
    language_chosen: bool = False
    greeted: bool = False
    unsure: int = 0
    start_code: str = ""
    """What the newest link or picture code by which the contact came carried."""
    album: str = ""
    """The newest set of pictures that came at once: one answer is enough for all of them."""
    asked_to_erase: bool = False
    """Whether the last thing said was the question whether to delete everything."""
    number_tries: int = 0
    """How often the contact may still try the number of a case that is locked until it is erased."""

    def to_json(self) -> dict[str, Any]:
        """The state as plain JSON, without the language, which has a column of its own."""
        return {name: getattr(self, name) for name in _KEPT}

    @classmethod
    def from_json(cls, language: Language, plain: Mapping[str, Any]) -> "State":
        """The state that to_json() wrote; unknown parts are left out."""
        return cls(language=language, **{name: plain[name] for name in _KEPT if name in plain})


_KEPT = ("language_chosen", "greeted", "unsure", "start_code", "album", "asked_to_erase", "number_tries")


@dataclass(frozen=True, kw_only=True)
class Said:
    """The contact wrote this, and it was understood so. beside is what it was written under, if anything."""

    text: str
    parsed: Parsed
    beside: "Sent | None" = None


@dataclass(frozen=True, kw_only=True)
class Pressed:
    """The contact pressed a button, or typed its words. on_message is the message that showed it."""

    action: Action


@dataclass(frozen=True, kw_only=True)
class PressedStale:
    """The contact pressed a button that this conversation does not know (any more)."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The contact sent something that is not text; own: a contact card that is theirs."""

    kind: AttachmentKind
    own: bool = False
    album: str = ""


@dataclass(frozen=True, kw_only=True)
class StaffSpoke:
    """Somebody in the staff group spoke to the bot."""


Heard = Said | Pressed | PressedStale | Sent | StaffSpoke


@dataclass(frozen=True, kw_only=True)
class Say:
    """Send the text of this key."""

    text: str
    choices: tuple[Choice, ...] = ()
    send_class: SendClass = SendClass.A


@dataclass(frozen=True, kw_only=True)
class GiveAnswer:
    """Send the first bubble of an answer, what [More] opens, or its sources."""

    answer: str
    part: Do = Do.ANSWER
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ShowThemeOf:
    """Send the list of answers of one theme."""

    theme: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True)
class HandOff:
    """Pass the contact to staff: open a case, or name the one that waits already."""

    type: str
    lane: Lane
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RaiseAlarm:
    """Open an urgent case for a crisis; the words to the contact are said beside it, never waiting for it."""

    crisis: str


@dataclass(frozen=True, kw_only=True)
class TellCases:
    """Say the number and status of the contact's cases, naming no topic."""

    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RecordVote:
    """Keep whether an answer helped."""

    answer: str
    helped: bool
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RecordUnanswered:
    """Keep a question that was not understood, with the intents it might have meant and the confidence in each."""

    guesses: tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class Hide:
    """Show nothing of what was said so far."""


@dataclass(frozen=True, kw_only=True)
class Erase:
    """Put aside all that was said, to be made unreadable, and begin anew."""

    choices: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True)
class EraseCaseNow:
    """Erase at once the locked case of this number, if it is the contact's."""

    number: int
    choices: tuple[Choice, ...]


Effect = (
    Say
    | GiveAnswer
    | ShowThemeOf
    | HandOff
    | RaiseAlarm
    | TellCases
    | RecordVote
    | RecordUnanswered
    | Hide
    | Erase
    | EraseCaseNow
)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one message led to."""

    state: State
    effects: tuple[Effect, ...]


@dataclass(frozen=True, kw_only=True)
class Book:
    """What the engine may offer: the menu, and which answers and flows exist.

    themes maps a theme to its answers, in the order to show them. offered_by maps a flow to the answer that offers it.
    """

    menu: tuple[Choice, ...]
    themes: Mapping[str, tuple[str, ...]]
    related: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    offered_by: Mapping[str, str] = field(default_factory=dict)
    staffed: bool = False

    @property
    def answers(self) -> frozenset[str]:
        """The ids of all answers that have content."""
        return frozenset(answer for answers in self.themes.values() for answer in answers)
