"""What each control of nlu/topics.yml does when the contact asks for it outside a form."""

from typing import Final

from bot.flows.model import Action, Book, Choice, Do, Effect, HandOff, Hide, Say, TellCases
from bot.model import LANGUAGES, SendClass

MENU: Final = Choice(action=Action(do=Do.CONTROL, of="show_menu"))
PERSON: Final = Choice(action=Action(do=Do.CONTROL, of="talk_to_human"))
NEXT_STEPS: Final = (MENU, PERSON)
"""What every message offers at the least: it is never a dead end."""

LANGUAGE_CHOICES: Final = (
    *(Choice(action=Action(do=Do.LANGUAGE, of=name), title=f"language_{name}") for name in LANGUAGES),
    Choice(action=Action(do=Do.CONTROL, of="prefer_listening")),
)
URGENT: Final = Choice(action=Action(do=Do.URGENT), title="need_help_now_button")
GUESSABLE: Final = frozenset(
    {
        "call_me",
        "prefer_listening",
        "change_language",
        "case_status",
        "opt_out",
        "delete_my_data",
        "is_this_safe",
        "hide_chat",
        "complain_service",
    }
)
"""Controls that “did you mean” may offer; the menu and a person are always offered."""

ASK_TO_ERASE: Final = Say(
    text="erase_question",
    choices=(
        Choice(action=Action(do=Do.ERASE), title="erase_yes_button"),
        Choice(action=Action(do=Do.KEEP), title="erase_no_button"),
        Choice(action=Action(do=Do.CONTROL, of="talk_to_human")),
    ),
)
_COVER: Final = (
    Choice(action=Action(do=Do.ANSWER, of="find_job"), title="hide_work_button"),
    Choice(action=Action(do=Do.ANSWER, of="training_free"), title="hide_training_button"),
)
_ONE_SENTENCE: Final = {
    # Controls that one sentence, the menu and a person answer. call_me, prefer_listening: built in later steps.
    "greet": "greet_again",
    "thank": "thank_reply",
    "affirm": "affirm_alone",
    "deny": "deny_alone",
    "go_back": "nothing_in_progress",
    "cancel": "nothing_in_progress",
    "skip": "nothing_in_progress",
    "is_this_safe": "is_safe",
    "call_me": "call_me_later",
    "prefer_listening": "listening_later",
    "opt_out": "opt_out_reply",
    "complain_service": "complaint_reply",
}


def take_control(book: Book, intent: str) -> tuple[Effect, ...]:
    """The effects of a control; empty where intent is no control that stands alone."""
    match intent:
        case "show_menu":
            return (Say(text="menu_title", choices=book.menu, send_class=SendClass.B),)
        case "talk_to_human":
            return (HandOff(type="general", lane="general", choices=(MENU,)),)
        case "change_language":
            return (Say(text="language_question", choices=LANGUAGE_CHOICES),)
        case "case_status":
            return (TellCases(choices=NEXT_STEPS),)
        case "hide_chat":
            return (Hide(), Say(text="hide_cover", choices=_COVER))
        case "delete_my_data":
            return (ASK_TO_ERASE,)
        case "goodbye":
            return (Say(text="goodbye", choices=(MENU,), send_class=SendClass.B),)
        case "restart":
            return (Say(text="restart_done", choices=book.menu, send_class=SendClass.B),)
        case _:
            return (Say(text=_ONE_SENTENCE[intent], choices=NEXT_STEPS),) if intent in _ONE_SENTENCE else ()
