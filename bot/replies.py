"""Carries out what a turn asks for: writes cases and votes, and puts the words to the contact into one language.

A module of its own because conversation.py owns the transaction and its order, and this owns what is said in it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Connection

from bot.cases.erasing import erase_case_now
from bot.cases.intake import hand_off, raise_alarm
from bot.content.model import Content
from bot.content.render import render_answer, text
from bot.flows.controls import NEXT_STEPS, URGENT
from bot.flows.model import (
    Action,
    Choice,
    Do,
    Effect,
    Erase,
    EraseCaseNow,
    GiveAnswer,
    HandOff,
    Hide,
    RaiseAlarm,
    RecordUnanswered,
    RecordVote,
    Say,
    ShowThemeOf,
    TellCases,
)
from bot.flows.typed import checksums_of
from bot.model import Language, SendClass
from bot.storage import cases, messages, outbound, unanswered, votes
from bot.storage.conversations import ConversationRow
from bot.storage.messages import MessageRow


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message to the contact, in words, before it has a number."""

    text: str
    buttons: tuple[tuple[str, Action], ...]
    send_class: SendClass
    answer: str | None = None


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where a turn is carried out: the open transaction, the content, and which message is being answered."""

    tx: Connection
    content: Content
    language: Language
    conversation_id: UUID
    message_id: UUID
    is_locked: bool = False  # whether the conversation began anew, and a case of the one before is kept a while
    pressed_on: UUID | None
    now: datetime
    staffed: bool
    crisis_phone: str
    choose_number: Callable[[int], int]

    def words(self, key: str, **args: str) -> str:
        """The text of this key in the language of the turn."""
        return text(self.content, self.language, key, adult_line=self.crisis_phone, **args)

    def title(self, choice: Choice) -> str:
        """The words on a button."""
        match choice.title, choice.action.do:
            case "", Do.ANSWER:
                return self.content.bodies[self.language, choice.action.of].title
            case "", do:
                return self.words(f"{do}_{choice.action.of}")
            case key, _:
                return self.words(key)

    def draft(
        self, words: str, choices: tuple[Choice, ...], send_class: SendClass = SendClass.A, answer: str | None = None
    ) -> Draft:
        """A message of these words, with a button for each choice, and [I need help now] where the words name it."""
        if self.words(URGENT.title) in words:
            choices = (URGENT, *choices)
        buttons = tuple((self.title(choice), choice.action) for choice in choices)
        return Draft(text=words, buttons=buttons, send_class=send_class, answer=answer)


def carry_out(desk: Desk, effect: Effect) -> tuple[Draft, ...]:  # noqa: C901 - one case for each kind of effect
    """What one effect says to the contact, after its rows are written."""
    match effect:
        case Say(text=key, choices=choices, send_class=send_class):
            return (desk.draft(desk.words(key), choices, send_class),)
        case GiveAnswer():
            return (_answer(desk, effect),)
        case ShowThemeOf(theme=theme, choices=choices):
            words = desk.words("theme_title", theme=desk.words(f"theme_{theme}"))
            return (desk.draft(words, choices, SendClass.B),)
        case HandOff():
            return (_handed_off(desk, effect),)
        case RaiseAlarm(crisis=crisis):
            raise_alarm(
                desk.tx,
                conversation_id=desk.conversation_id,
                crisis=crisis,
                now=desk.now,
                choose_number=desk.choose_number,
            )
            return ()
        case TellCases(choices=choices):
            return (desk.draft(_cases(desk), choices),)
        case RecordVote():
            return (_voted(desk, effect),)
        case RecordUnanswered(guesses=guesses):
            unanswered.record(
                desk.tx,
                message_id=desk.message_id,
                conversation_id=desk.conversation_id,
                language=desk.language,
                guesses=guesses,
                now=desk.now,
            )
            return ()
        case Hide():
            return ()
        case Erase(choices=choices):
            return (desk.draft(desk.words("erase_locked" if desk.is_locked else "erase_done"), choices),)
        case EraseCaseNow(number=number, choices=choices):
            erased = erase_case_now(desk.tx, desk.conversation_id, case_number=number, now=desk.now)
            return (desk.draft(desk.words("erase_case_done" if erased else "erase_case_unknown"), choices),)


def write_drafts(desk: Desk, conversation: ConversationRow, first_seq: int, drafts: Sequence[Draft]) -> None:
    """Keeps the drafts as messages from that number on, and lets them go out."""
    for seq, draft in enumerate(drafts, start=first_seq):
        kept = [{"title": title, "action": action.encode()} for title, action in draft.buttons]
        message = MessageRow(
            id=uuid4(),
            conversation_id=conversation.id,
            seq=seq,
            author="bot",
            kind="text",
            language=desk.language,
            body=draft.text,
            buttons=json.dumps(kept, ensure_ascii=False) if kept else None,
            answer=draft.answer,
            channel=conversation.channel,
            bot=conversation.bot,
            created_at=desk.now,
        )
        messages.insert(desk.tx, message)
        outbound.enqueue(desk.tx, message, send_class=draft.send_class, now=desk.now)


def offered_after(before: tuple[int, ...] | None, drafts: Sequence[Draft]) -> tuple[int, ...] | None:
    """What is remembered of the last buttons (Memory.offered) once these drafts are written too."""
    last = next((draft for draft in reversed(drafts) if draft.buttons), None)
    return before if last is None else checksums_of(title for title, _ in last.buttons)


def _answer(desk: Desk, effect: GiveAnswer) -> Draft:
    rendered = render_answer(
        desk.content,
        effect.answer,
        desk.language,
        now=desk.now.date(),
        withhold_unreviewed=desk.staffed,
    )
    if rendered.withheld:
        return desk.draft(rendered.first, NEXT_STEPS, answer=effect.answer)
    parts = {
        Do.MORE: (rendered.more,),
        Do.SOURCE: (desk.words("sources_title"), *rendered.sources, rendered.note),
    }.get(effect.part, (rendered.first, rendered.note))
    separator = "\n" if effect.part is Do.SOURCE else "\n\n"
    return desk.draft(separator.join(filter(None, parts)), effect.choices, answer=effect.answer)


def _handed_off(desk: Desk, effect: HandOff) -> Draft:
    handed = hand_off(
        desk.tx,
        conversation_id=desk.conversation_id,
        type=effect.type,
        lane=effect.lane,
        now=desk.now,
        choose_number=desk.choose_number,
    )
    key = ("handoff_waiting" if handed.already else "handoff") + ("" if desk.staffed else "_demo")
    return desk.draft(desk.words(key, number=str(handed.number)), effect.choices)


def _cases(desk: Desk) -> str:
    lines = (
        desk.words("case_line", number=str(case.number), status=desk.words(f"status_{case.status}"))
        for case in cases.of_conversation(desk.tx, desk.conversation_id)
    )
    return "\n".join(lines) or desk.words("case_none")


def _voted(desk: Desk, effect: RecordVote) -> Draft:
    counted = desk.pressed_on is not None and votes.record(
        desk.tx,
        message_id=desk.pressed_on,
        conversation_id=desk.conversation_id,
        answer=effect.answer,
        language=desk.language,
        helped=effect.helped,
        now=desk.now,
    )
    key = ("vote_thanks" if effect.helped else "vote_sorry") if counted else "vote_again"
    return desk.draft(desk.words(key), effect.choices)
