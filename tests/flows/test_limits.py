"""A flood gets one notice, another machine is left alone, and danger is always answered."""

from bot.flows.limits import STEPS_ALONE, Pace, Verdict, admit, said
from bot.flows.model import Action, Do, Heard, Pressed, PressedStale, Said, Sent
from tests.fakes import understood

NOON = 1_795_000_000.0


def words(text: str, intent: str = "unpaid_wages", crisis: str | None = None) -> Said:
    return Said(text=text, parsed=understood(intent, crisis=crisis))


def verdicts(heard: list[Heard], *, per_minute: int | None = 30, every_s: float = 0.1, says: int = 1) -> list[Verdict]:
    """What becomes of messages that come one after the other, each answered by so many."""
    pace, found = Pace(), []
    for place, one in enumerate(heard):
        pace, verdict = admit(pace, one, at_s=NOON + place * every_s, per_minute=per_minute)
        pace = said(pace, {"answer": says, "silent": 0}.get(verdict, 1))
        found.append(verdict)
    return found


def test_a_person_who_writes_quickly_is_answered() -> None:
    assert set(verdicts([words(f"line {n}") for n in range(30)])) == {"answer"}


def test_a_flood_gets_one_notice_and_then_silence() -> None:
    found = verdicts([words(f"line {n}") for n in range(40)])

    assert found[:30] == ["answer"] * 30
    assert found[30:] == ["too_fast", *["silent"] * 9]


def test_the_next_minute_is_answered_again() -> None:
    heard: list[Heard] = [words(f"line {n}") for n in range(50)]
    pace = Pace()
    for one in heard:
        pace, _ = admit(pace, one, at_s=NOON, per_minute=30)

    assert admit(pace, words("still here"), at_s=NOON + 61, per_minute=30)[1] == "answer"


def test_danger_is_answered_in_the_middle_of_a_flood() -> None:
    heard: list[Heard] = [words(f"line {n}") for n in range(40)]
    loud: list[Heard] = [
        words("help", crisis="crisis_violence"),
        words("hide", intent="hide_chat"),
        Pressed(action=Action(do=Do.URGENT)),
        Pressed(action=Action(do=Do.PLACE, of="in_thailand")),
        Pressed(action=Action(do=Do.CONTROL, of="hide_chat")),
    ]

    assert verdicts([*heard, *loud])[-5:] == ["answer"] * 5


def test_the_same_danger_a_hundred_times_is_answered_a_hundred_times() -> None:
    assert set(verdicts([words("help", crisis="crisis_violence")] * 100)) == {"answer"}


def test_a_machine_that_repeats_itself_is_left_alone_after_twenty_steps() -> None:
    found = verdicts([words("I am on holiday")] * 30, per_minute=None, every_s=60.0)

    assert found == [*["answer"] * STEPS_ALONE, "same_again", *["silent"] * 9]


def test_something_else_is_a_human_turn() -> None:
    again = verdicts([*[words("hello")] * 30, words("my wages")], per_minute=None, every_s=60.0)

    assert again[-1] == "answer"


def test_steps_are_messages_and_not_turns() -> None:
    found = verdicts([words("hello")] * 12, per_minute=None, every_s=60.0, says=2)

    assert found.count("answer") == STEPS_ALONE / 2


def test_presses_and_attachments_repeat_themselves_too() -> None:
    for one in (Pressed(action=Action(do=Do.TOPICS)), Sent(kind="sticker"), PressedStale()):
        assert verdicts([one] * 25, per_minute=None, every_s=60.0)[-1] == "silent"


def test_the_pace_is_kept_as_json() -> None:
    pace, _ = admit(Pace(), words("hello"), at_s=NOON, per_minute=30)

    assert Pace.from_json(pace.to_json() | {"later": 1}) == pace
