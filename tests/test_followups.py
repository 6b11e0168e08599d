"""The question whether an answer helped: once a day, by day, never after danger, in the contact's language."""

from functools import partial

import pytest

from bot.hearing import buttons_of
from bot.model import SendClass
from bot.storage import cases, contacts, conversations
from bot.storage.messages import MessageRow
from tests.talk import Talk


async def later(talk: Talk, **units: float) -> MessageRow | None:
    """What the bot says by itself after so much time, if it says something."""
    assert talk.planned
    talk.wait(**units)
    before = len(talk.channel.sent)
    asked = await talk.followups.ask_vote(talk.planned[0])
    await talk.deliverer.drain(talk.planned[0])
    assert len(talk.channel.sent) - before == asked
    shown = await talk.shown()
    return shown[-1] if asked else None


async def test_half_an_hour_after_an_answer_the_bot_asks_whether_it_helped(talk: Talk) -> None:
    await talk.say("jobs")

    asked = await later(talk, minutes=30)

    assert asked
    assert (asked.body, asked.language) == (talk.words("vote_question", "en"), "en")
    assert [button.title for button in buttons_of(asked)] == [
        talk.words("helped_button", "en"),
        talk.words("not_helped_button", "en"),
    ]
    (thanks,) = await talk.press(asked, talk.words("helped_button", "en"))
    assert thanks.body == talk.words("vote_thanks", "en")


async def test_it_is_planned_once_a_day(talk: Talk) -> None:
    for words in ("wages", "jobs", "wages"):
        await talk.say(words)

    assert len(talk.planned) == 1


async def test_it_is_asked_once_though_the_timer_fires_twice(talk: Talk) -> None:
    await talk.say("wages")

    assert await later(talk, minutes=30)
    assert await later(talk, minutes=30) is None


async def test_it_is_not_asked_in_the_night(talk: Talk) -> None:
    await talk.say("wages")

    assert await later(talk, hours=6) is None


@pytest.mark.parametrize("words", ["die", "hide"])
async def test_it_is_not_asked_after_danger_or_hiding(talk: Talk, words: str) -> None:
    await talk.say("wages")
    await talk.say(words)

    assert await later(talk, minutes=30) is None


async def test_after_danger_it_is_not_even_planned(talk: Talk) -> None:
    await talk.say("die")
    await talk.say("wages")

    assert talk.planned == []


async def test_it_is_not_asked_in_the_middle_of_a_talk(talk: Talk) -> None:
    await talk.say("wages")
    talk.wait(minutes=25)
    await talk.say("hello")

    assert await later(talk, minutes=5) is None


async def test_it_is_not_asked_when_the_contact_has_voted(talk: Talk) -> None:
    answer, _ = await talk.say("wages")
    await talk.press(answer, talk.words("helped_button"))

    assert await later(talk, minutes=30) is None


async def test_it_is_not_asked_while_a_person_is_to_answer(talk: Talk) -> None:
    await talk.say("wages")
    await talk.say("person")

    assert await later(talk, minutes=30) is None
    (case,) = await talk.storage.read(partial(cases.of_conversation, conversation_id=talk.planned[0]))
    assert case.status == "waiting"


async def test_it_is_not_asked_of_a_contact_who_is_gone(talk: Talk) -> None:
    await talk.say("wages")
    row = await talk.storage.run(partial(conversations.lock, conversation_id=talk.planned[0]))
    assert row
    await talk.storage.run(partial(contacts.close, contact_id=row.contact_id, now=talk.time[0]))

    assert await later(talk, minutes=30) is None


async def test_it_may_be_lost_rather_than_come_twice(talk: Talk) -> None:
    await talk.say("wages")
    talk.wait(minutes=30)
    await talk.followups.ask_vote(talk.planned[0])

    assert await talk.queued_classes() == [SendClass.B]
