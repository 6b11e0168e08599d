"""The bot writes first only by day, once a day, and never after danger or hiding."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.flows.model import Do, Effect, GiveAnswer, Hide, RaiseAlarm, Say
from bot.flows.tact import Tact, after_turn, ask_vote, plan_vote

DAY = datetime(2026, 11, 24, 8, tzinfo=UTC)  # 15:00 in Cambodia
ANSWER = GiveAnswer(answer="unpaid_wages")


def test_a_vote_is_planned_after_an_answer_once_a_day() -> None:
    planned = plan_vote(Tact(), [ANSWER], DAY)

    assert planned == Tact(timed_on="2026-11-24")
    assert plan_vote(planned, [ANSWER], DAY + timedelta(hours=8)) is None
    assert plan_vote(planned, [ANSWER], DAY + timedelta(hours=9)) == Tact(timed_on="2026-11-25")


@pytest.mark.parametrize("effects", [[], [Say(text="menu_title")], [GiveAnswer(answer="a", part=Do.MORE)]])
def test_nothing_else_plans_a_vote(effects: list[Effect]) -> None:
    assert plan_vote(Tact(), effects, DAY) is None


@pytest.mark.parametrize(
    "effect",
    [RaiseAlarm(crisis="crisis_violence"), Hide(), Say(text="opt_out_reply"), Say(text="idiom_question")],
)
def test_after_danger_hiding_or_opting_out_the_bot_never_writes_first(effect: Effect) -> None:
    hushed = after_turn(after_turn(Tact(), [effect]), [ANSWER])

    assert hushed.hushed
    assert plan_vote(hushed, [ANSWER], DAY) is None
    assert ask_vote(hushed, DAY) is None


@pytest.mark.parametrize(("hour_utc", "asks"), [(23, False), (0, True), (12, True), (13, False)])
def test_a_vote_is_asked_between_seven_and_twenty_where_contacts_live(hour_utc: int, asks: bool) -> None:
    assert (ask_vote(Tact(), DAY.replace(hour=hour_utc)) is not None) is asks


def test_a_vote_is_asked_once_a_day() -> None:
    asked = ask_vote(Tact(), DAY)

    assert asked
    assert ask_vote(asked, DAY) is None
    assert ask_vote(asked, DAY + timedelta(days=1))


def test_the_tact_is_kept_as_json() -> None:
    tact = Tact(hushed=True, timed_on="2026-11-24")

    assert Tact.from_json(tact.to_json() | {"later": 1}) == tact
