"""Deleting at the contact's wish, and when the time of what they told is over."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.errors import KeyDestroyed
from bot.model import Text
from bot.storage import audit, cases, conversations, erased_list, erasures, legal_holds, outbound
from bot.storage.conversations import ConversationRow
from bot.storage.tables import METADATA
from tests.storage.rows import count
from tests.talk import Talk

TOLD = "my boss Somchai 0812345678 keeps my wages"


async def conversation_of(talk: Talk) -> ConversationRow:
    name = {"channel": talk.channel.name, "bot": "test", "contact_ref": talk.contact_ref}
    found = await talk.storage.read(partial(conversations.find, **name))  # type: ignore[arg-type]
    assert found
    return found


async def delete_everything(talk: Talk) -> list[str]:
    (question,) = await talk.say("delete")
    return [message.body for message in await talk.press(question, talk.words("erase_yes_button"))]


async def close_cases(talk: Talk) -> None:
    close = sa.update(METADATA.tables["cases"]).values(status="resolved", updated_at=talk.time[0])
    await talk.storage.run(lambda tx: tx.execute(close).rowcount)


async def rows_of(talk: Talk, *tables: str) -> list[int]:
    return [await talk.storage.read(lambda tx, table=table: count(tx, table)) for table in tables]  # type: ignore[misc]


async def test_everything_told_is_gone_at_once_and_no_copy_can_be_read(talk: Talk) -> None:
    await talk.say("hello")
    await talk.say(TOLD)
    old = await conversation_of(talk)
    (body,) = await talk.storage.read(
        lambda tx: tx.execute(sa.text("SELECT body, id FROM messages WHERE seq = 1")).all()
    )

    assert await delete_everything(talk) == [talk.words("erase_done")]
    assert [message.body for message in await talk.shown()] == [talk.words("erase_done")]
    assert await talk.eraser.erase_due() == 1

    new = await conversation_of(talk)
    assert new.id != old.id
    assert await rows_of(talk, "contacts", "conversations", "erasures") == [1, 1, 0]
    with pytest.raises(KeyDestroyed):
        talk.vault.open(old.id, "messages", "body", body.id, body.body)
    assert erased_list.read(talk.eraser.erased) == [str(old.id)]


async def test_the_talk_goes_on_where_an_open_page_waits(talk: Talk) -> None:
    await talk.say("hello")
    await talk.say("wages")
    before = (await conversation_of(talk)).last_seq

    await delete_everything(talk)
    (answer,) = await talk.say("jobs")

    assert answer.seq > before
    assert answer.answer == "find_job"
    assert (await conversation_of(talk)).hidden_seq > before


async def test_the_same_request_again_deletes_nothing_more(talk: Talk) -> None:
    await talk.say("delete")
    first = await talk.send(Text(text="yes"), external_id="once")
    new = await conversation_of(talk)

    again = await talk.send(Text(text="yes"), external_id="once")

    assert again.duplicate
    assert again.seq == first.seq
    assert (await conversation_of(talk)).id == new.id


async def test_what_waits_to_be_sent_is_not_sent_after_it(talk: Talk) -> None:
    await talk.send(Text(text="wages"))
    await talk.send(Text(text="delete"))
    handled = await talk.send(Text(text="yes"))

    await talk.deliverer.drain(handled.conversation_id)

    assert [message.text for message in talk.channel.sent] == [talk.words("erase_done")]


async def test_an_open_case_is_locked_for_three_days(talk: Talk) -> None:
    await talk.say("person")
    old = await conversation_of(talk)
    (case,) = await talk.storage.read(partial(cases.of_conversation, conversation_id=old.id))

    assert await delete_everything(talk) == [talk.words("erase_locked")]

    assert await talk.eraser.erase_due() == 0
    assert await talk.storage.read(partial(erasures.is_locked, case=case))
    assert [message.body for message in await talk.say("my case")] == [talk.words("case_none")]
    talk.wait(hours=71)
    assert await talk.eraser.erase_due() == 0
    talk.wait(hours=1)
    assert await talk.eraser.erase_due() == 1
    assert await rows_of(talk, "cases", "case_events") == [0, 0]
    assert set(erased_list.read(talk.eraser.erased)) == {str(old.id), str(case.id)}


async def test_its_number_ends_the_wait_and_another_does_not(talk: Talk) -> None:
    await talk.say("person")
    (case,) = await talk.storage.read(partial(cases.of_conversation, conversation_id=(await conversation_of(talk)).id))
    await delete_everything(talk)

    assert [m.body for m in await talk.say(str(case.number + 1))] == [talk.words("erase_case_unknown")]
    assert await talk.eraser.erase_due() == 0
    assert [m.body for m in await talk.say(str(case.number))] == [talk.words("erase_case_done")]
    assert await talk.eraser.erase_due() == 1


async def test_nobody_else_can_hurry_it(talk: Talk) -> None:
    await talk.say("person")
    (case,) = await talk.storage.read(partial(cases.of_conversation, conversation_id=(await conversation_of(talk)).id))
    await delete_everything(talk)
    talk.contact_ref = "another"
    talk.conversations = replace(talk.conversations, choose_number=lambda below: 7 % below)
    await talk.say("person")
    await delete_everything(talk)

    assert [m.body for m in await talk.say(str(case.number))] == [talk.words("erase_case_unknown")]


async def test_a_legal_hold_of_two_people_outlasts_the_contacts_wish(talk: Talk) -> None:
    await talk.say("person")
    (case,) = await talk.storage.read(partial(cases.of_conversation, conversation_id=(await conversation_of(talk)).id))
    place = partial(legal_holds.place, number=case.number, reason="court of Poipet", now=talk.time[0])
    await talk.storage.run(partial(place, by="Sokha"))
    await talk.storage.run(partial(place, by="Dara"))
    await delete_everything(talk)

    talk.wait(days=400)
    assert await talk.eraser.erase_due() == 0
    lift = partial(legal_holds.lift, number=case.number)
    await talk.storage.run(partial(lift, by="Dara"))
    assert await talk.eraser.erase_due() == 0
    await talk.storage.run(partial(lift, by="Sokha"))
    assert await talk.eraser.erase_due() == 1


async def test_without_a_case_everything_goes_after_72_hours_of_silence(talk: Talk) -> None:
    await talk.say("jobs")
    talk.wait(hours=72)
    assert not await talk.retention.purge_records()
    talk.wait(seconds=1)

    assert await talk.retention.purge_records() == {"no_case": 1}
    assert await talk.eraser.erase_due() == 1

    assert await rows_of(talk, "messages", "outbound", "conversations") == [0, 0, 1]
    assert not await talk.retention.purge_records()
    (greeting,) = await talk.say("hello")  # who comes back is known, and greeted so
    assert greeting.body == talk.words("greet_again", "en")


async def test_who_writes_every_day_keeps_72_hours(talk: Talk) -> None:
    for _ in range(5):
        await talk.say("jobs")
        talk.wait(days=1)

    gone = await talk.retention.purge_records()

    assert gone["message"] > 0
    assert min(message.created_at for message in await talk.shown()) >= talk.time[0] - timedelta(hours=72)


async def test_an_open_case_keeps_its_talk_and_a_closed_one_90_days(talk: Talk) -> None:
    await talk.say("person")
    talk.wait(days=25)
    assert not await talk.retention.purge_records()
    await close_cases(talk)
    talk.wait(days=90, seconds=1)

    assert not await talk.retention.purge_records()  # nothing came for so long that the clock may be wrong
    assert await talk.retention.purge_records(clock_is_right=True) == {"other_closed": 1}
    assert await talk.eraser.erase_due() == 1
    assert await rows_of(talk, "cases") == [0]


async def test_who_never_comes_back_is_forgotten_after_a_year(talk: Talk) -> None:
    await talk.say("jobs")
    talk.wait(days=4)
    await talk.retention.purge_records()
    await talk.eraser.erase_due()
    talk.wait(days=362)

    assert await talk.retention.purge_records(clock_is_right=True) == {"forgotten": 1}
    await talk.eraser.erase_due()

    assert await rows_of(talk, "contacts", "conversations") == [0, 0]


async def test_each_deed_stands_in_the_audit_without_content(talk: Talk, tmp_path: Path) -> None:
    await talk.say(TOLD)
    await delete_everything(talk)
    await talk.eraser.erase_due()

    rows = await talk.storage.read(partial(audit.newest, limit=10))

    assert [(row.actor, row.action) for row in rows] == [("contact", "erase_asked"), ("returnee-bot", "erased")]
    assert "Somchai" not in repr(rows)
    assert await talk.storage.read(audit.broken) == []


async def test_what_was_being_sent_is_not_tried_again_after_it(talk: Talk) -> None:
    handled = await talk.send(Text(text="wages"))
    claim = partial(outbound.claim, conversation_id=handled.conversation_id, now=talk.time[0], by="dead")
    assert await talk.storage.run(claim)
    await talk.send(Text(text="delete"))
    again = await talk.send(Text(text="yes"))

    recover = partial(outbound.recover, now=talk.time[0], claimers=["dead"])
    assert await talk.storage.run(recover) == 0
    await talk.deliverer.drain(handled.conversation_id)
    await talk.deliverer.drain(again.conversation_id)

    assert [message.text for message in talk.channel.sent] == [talk.words("erase_done")]
