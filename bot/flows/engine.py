"""What to do about one message: a pure function of what is remembered and what was heard."""

from dataclasses import replace
from typing import Final

from bot.flows.controls import ASK_TO_ERASE, GUESSABLE, LANGUAGE_CHOICES, MENU, NEXT_STEPS, PERSON, take_control
from bot.flows.model import (
    Action,
    Book,
    Choice,
    Do,
    Effect,
    Erase,
    EraseCaseNow,
    GiveAnswer,
    Heard,
    Hide,
    Pressed,
    PressedStale,
    RaiseAlarm,
    RecordUnanswered,
    RecordVote,
    Said,
    Say,
    Sent,
    ShowThemeOf,
    StaffSpoke,
    State,
    Turn,
)
from bot.model import Language, SendClass
from khmer_nlu import Parsed

GUESSES_SHOWN: Final = 3
GUESS_MIN_CONFIDENCE: Final = 0.04
LONG_STORY_CHARS: Final = 1000
LANGUAGE_MIN_CHARS: Final = 15
CRISIS_PLACES: Final = ("in_cambodia", "in_thailand", "elsewhere")
_REPLIES: Final = {
    "voice": "attachment_voice",
    "photo": "attachment_photo",
    "location": "attachment_location",
    "contact": "attachment_contact",
    "sticker": "sticker_reply",
}
IDIOM: Final = "idiom"
_HOW_ARE_YOU: Final = Say(
    text="idiom_question",
    choices=(
        Choice(action=Action(do=Do.NOT_MEANT, of=IDIOM), title="idiom_fine_button"),
        Choice(action=Action(do=Do.URGENT, of="crisis_self_harm"), title="idiom_hard_button"),
        PERSON,
    ),
)
_YES_OR_NO: Final = {"affirm": Do.ERASE, "deny": Do.KEEP}
CASE_DIGITS: Final = range(4, 10)
NONE_OF_THESE: Final = Choice(action=Action(do=Do.NONE_OF_THESE), title="none_of_these")


def take_turn(book: Book, state: State, heard: Heard) -> Turn:
    """The turn that follows from one message.

    Args:
        book: the menu and what can be answered.
        state: what the conversation remembers.
        heard: what the contact wrote (understood), pressed or sent.
    """
    turn = _take(book, state, heard)
    return replace(turn, state=replace(turn.state, asked_to_erase=ASK_TO_ERASE in turn.effects))


def _take(book: Book, state: State, heard: Heard) -> Turn:
    match heard:
        case Said():
            return _said(book, state, heard)
        case Pressed(action=action):
            return _pressed(book, _met(state), action)
        case PressedStale():
            return Turn(state=_met(state), effects=(Say(text="stale_button", choices=NEXT_STEPS),))
        case Sent():
            return _sent(state, heard)
        case StaffSpoke():
            return Turn(state=state, effects=(Say(text="staff_group", send_class=SendClass.B),))


def _met(state: State) -> State:
    return replace(state, greeted=True, unsure=0)


def _sent(state: State, sent: Sent) -> Turn:
    if sent.album and sent.album == state.album:
        return Turn(state=state, effects=())
    text = "contact_own" if sent.own else _REPLIES.get(sent.kind, "attachment_other")
    return Turn(state=replace(_met(state), album=sent.album), effects=(Say(text=text, choices=NEXT_STEPS),))


def _said(book: Book, state: State, heard: Said) -> Turn:
    """The turn of a text; what it was written under is not looked at, and that is said after the answer."""
    if heard.beside is None:
        return _said_alone(book, state, heard)
    turn = _said_alone(book, replace(state, album=heard.beside.album), heard)
    if heard.parsed.crisis:
        return turn
    return replace(turn, effects=(*turn.effects, Say(text="caption_only", send_class=SendClass.B)))


def _said_alone(book: Book, state: State, heard: Said) -> Turn:
    state = _in_their_language(state, heard.parsed)
    if heard.parsed.crisis:
        return Turn(state=_met(state), effects=_crisis(book, heard.parsed.crisis))
    if not state.greeted and (heard.parsed.intent == "greet" or not _words(heard.text)):
        return Turn(state=_met(state), effects=_greeting())
    turn = _answered(book, replace(state, greeted=True), heard)
    if heard.parsed.idiom:
        turn = replace(turn, effects=(*turn.effects, _HOW_ARE_YOU))
    if state.greeted or any(isinstance(effect, Hide) for effect in turn.effects):
        return turn
    intro = Say(text="intro_note", choices=LANGUAGE_CHOICES, send_class=SendClass.B)
    return replace(turn, effects=(*turn.effects, intro))


def _in_their_language(state: State, parsed: Parsed) -> State:
    """Until the contact chose a language, a message is answered in its own; one short word later changes nothing."""
    spoken: dict[str, Language] = {"km": "km", "km-Latn": "km", "mixed": "km", "en": "en"}
    is_short = state.greeted and len(parsed.text) < LANGUAGE_MIN_CHARS
    if state.language_chosen or is_short or parsed.language not in spoken:
        return state
    return replace(state, language=spoken[parsed.language])


def _crisis(book: Book, crisis: str) -> tuple[Effect, ...]:
    places = () if crisis == "crisis_self_harm" else CRISIS_PLACES
    choices = (
        *(Choice(action=Action(do=Do.PLACE, of=place), title=place) for place in places),
        PERSON,
        Choice(action=Action(do=Do.NOT_MEANT, of=crisis), title="not_meant_button"),
    )
    text = crisis if book.staffed else f"{crisis}_demo"
    return (Say(text=text, choices=choices), RaiseAlarm(crisis=crisis))


def _greeting() -> tuple[Effect, ...]:
    return (Say(text="greeting", choices=LANGUAGE_CHOICES, send_class=SendClass.B),)


def _words(text: str) -> bool:
    return any(character.isalpha() for character in text)


def _answered(book: Book, state: State, heard: Said) -> Turn:
    parsed = heard.parsed
    digits = heard.text.strip()
    if state.number_tries and digits.isdecimal() and len(digits) in CASE_DIGITS:
        tried = replace(state, unsure=0, number_tries=state.number_tries - 1)
        return Turn(state=tried, effects=(EraseCaseNow(number=int(digits), choices=NEXT_STEPS),))
    if not _words(heard.text):
        return Turn(state=replace(state, unsure=0), effects=(Say(text=_without_words(heard.text), choices=book.menu),))
    if parsed.decision != "answer":
        return _unsure(book, state, heard)
    if state.asked_to_erase and parsed.intent in _YES_OR_NO:
        return _pressed(book, state, Action(do=_YES_OR_NO[parsed.intent]))
    if parsed.intent == "deny" and state.unsure:
        return _pressed(book, state, NONE_OF_THESE.action)
    if parsed.intent == "restart":
        return Turn(state=State(language=state.language, start_code=state.start_code), effects=_greeting())
    return Turn(state=replace(state, unsure=0), effects=_effects_of(book, parsed.intent))


def _effects_of(book: Book, intent: str) -> tuple[Effect, ...]:
    """What an understood intent asks for: an answer, the answer beside a flow, a control, or an honest “not yet”."""
    answer = book.offered_by.get(intent, intent)
    if answer in book.answers:
        return (_first_bubble(answer),)
    return take_control(book, intent) or (Say(text="no_answer_yet", choices=NEXT_STEPS),)


def _without_words(text: str) -> str:
    if not text.strip():
        return "empty_message"
    return "only_digits" if any(character.isdigit() for character in text) else "only_emoji"


def _unsure(book: Book, state: State, heard: Said) -> Turn:
    """First “did you mean”, then the menu and a person."""
    guesses = _guesses(book, heard.parsed)
    kept = RecordUnanswered(guesses=heard.parsed.ranking[:GUESSES_SHOWN])
    again = state.unsure > 0 or not guesses
    say = Say(text="unsure_again", choices=book.menu)
    if heard.parsed.language == "th":
        say = Say(text="other_language", choices=(*LANGUAGE_CHOICES, PERSON))
    elif not again:
        text = "long_story" if len(heard.text) > LONG_STORY_CHARS else "did_you_mean"
        say = Say(text=text, choices=(*guesses, NONE_OF_THESE, PERSON))
    return Turn(state=replace(state, unsure=state.unsure + 1), effects=(say, kept))


def _guesses(book: Book, parsed: Parsed) -> tuple[Choice, ...]:
    """The best few things that the message may have meant and that can be shown."""
    choices = []
    for intent, confidence in parsed.ranking:
        answer = book.offered_by.get(intent, intent)
        if confidence < GUESS_MIN_CONFIDENCE:
            break
        if answer in book.answers:
            choices.append(Choice(action=Action(do=Do.ANSWER, of=answer)))
        elif intent in GUESSABLE:
            choices.append(Choice(action=Action(do=Do.CONTROL, of=intent)))
    return tuple(dict.fromkeys(choices))[:GUESSES_SHOWN]


def _pressed(book: Book, state: State, action: Action) -> Turn:
    if action.do is Do.START:
        choices = book.menu if state.language_chosen else LANGUAGE_CHOICES
        greeting = Say(text="greeting", choices=choices, send_class=SendClass.B)
        return Turn(state=replace(state, start_code=action.of or state.start_code), effects=(greeting,))
    if action.do is Do.LANGUAGE:
        chosen: Language = "en" if action.of == "en" else "km"
        state = replace(state, language=chosen, language_chosen=True)
    if action.do is Do.ERASE and not state.asked_to_erase:  # a button of long ago: whoever holds the phone is asked
        return Turn(state=state, effects=(ASK_TO_ERASE,))
    if action.do is Do.ERASE:
        state = State(language=state.language, language_chosen=state.language_chosen, greeted=True)
    return Turn(state=state, effects=_effects_of_press(book, action))


def _effects_of_press(book: Book, action: Action) -> tuple[Effect, ...]:  # noqa: C901 - one line for each kind of button
    match action.do:
        case Do.ANSWER:
            return _effects_of(book, action.of)
        case Do.MORE | Do.SOURCE:
            return _rest_of(book, action)
        case Do.HELPED | Do.NOT_HELPED:
            helped = action.do is Do.HELPED
            return (RecordVote(answer=action.of, helped=helped, choices=(MENU,) if helped else NEXT_STEPS),)
        case Do.TOPICS:
            return (Say(text="topics_title", choices=_themes(book), send_class=SendClass.B),)
        case Do.THEME:
            answers = (Choice(action=Action(do=Do.ANSWER, of=answer)) for answer in book.themes.get(action.of, ()))
            return (ShowThemeOf(theme=action.of, choices=(*answers, *NEXT_STEPS)),)
        case Do.LANGUAGE:
            return (Say(text="language_changed", choices=book.menu),)
        case Do.CONTROL:
            return _effects_of(book, action.of)
        case Do.NONE_OF_THESE:
            return (Say(text="unsure_again", choices=book.menu),)
        case Do.NOT_MEANT:
            return (Say(text="fine_reply" if action.of == IDIOM else "not_meant_reply", choices=NEXT_STEPS),)
        case Do.URGENT:  # the words of crisis_confined fit any danger, and ask where the contact is
            return _crisis(book, action.of or "crisis_confined")
        case Do.START:
            return _greeting()
        case Do.HELP:
            return (Say(text="help", choices=book.menu, send_class=SendClass.B),)
        case Do.ERASE:
            return (Erase(choices=NEXT_STEPS),)
        case Do.KEEP:
            return (Say(text="erase_kept", choices=NEXT_STEPS),)
        case Do.PLACE:
            return (Say(text=f"place_{action.of.removeprefix('in_')}", choices=(PERSON, MENU)),)


def _first_bubble(answer: str) -> GiveAnswer:
    parts = (
        (Do.MORE, "more_button"),
        (Do.SOURCE, "source_button"),
        (Do.HELPED, "helped_button"),
        (Do.NOT_HELPED, "not_helped_button"),
    )
    choices = (Choice(action=Action(do=do, of=answer), title=title) for do, title in parts)
    return GiveAnswer(answer=answer, choices=(*choices, *NEXT_STEPS))


def _rest_of(book: Book, action: Action) -> tuple[Effect, ...]:
    if action.of not in book.answers:
        return (Say(text="no_answer_yet", choices=NEXT_STEPS),)
    related = (Choice(action=Action(do=Do.ANSWER, of=answer)) for answer in book.related.get(action.of, ()))
    choices = (*related, *NEXT_STEPS) if action.do is Do.MORE else NEXT_STEPS
    return (GiveAnswer(answer=action.of, part=action.do, choices=choices),)


def _themes(book: Book) -> tuple[Choice, ...]:
    themes = (Choice(action=Action(do=Do.THEME, of=theme)) for theme, answers in book.themes.items() if answers)
    return (*themes, PERSON)
