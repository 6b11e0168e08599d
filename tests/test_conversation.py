"""One message handled: real database, real content, a scripted understanding."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from bot.errors import SendRejected, SendRetryable
from bot.hearing import buttons_of
from bot.model import Attachment, Blocked, Command, CommandName, Inbound, Moved, Press, Returned, StaffCommand, Text
from bot.storage import attachments, cases, contacts, conversations, messages
from bot.storage.messages import MessageRow
from tests.storage.rows import count
from tests.talk import Talk


async def test_a_first_question_is_answered_and_then_language_is_offered(talk: Talk) -> None:
    answer, intro = await talk.say("wages")

    assert answer.answer == "unpaid_wages"
    assert intro.body == talk.words("intro_note")


async def test_an_answer_says_that_nobody_has_confirmed_it_yet(talk: Talk) -> None:
    answer, _ = await talk.say("wages")

    assert talk.words("not_confirmed", as_of="22-11-2026") in answer.body


async def test_an_english_question_is_answered_in_english(talk: Talk) -> None:
    answer, _ = await talk.say("jobs")

    assert answer.language == "en"


async def test_the_same_message_again_changes_nothing_and_gives_the_same_number(talk: Talk) -> None:
    first = await talk.send(Text(text="wages"), external_id="m1")
    again = await talk.send(Text(text="wages"), external_id="m1")

    assert (again.seq, again.duplicate) == (first.seq, True)
    assert len(await talk.then(first)) == 2


async def test_twenty_copies_at_once_are_one_message(talk: Talk) -> None:
    handled = await asyncio.gather(*(talk.send(Text(text="wages"), external_id="m1") for _ in range(20)))

    assert [one.duplicate for one in handled].count(False) == 1


@pytest.mark.parametrize("payload", [Text(text="wages"), Blocked()], ids=["message", "notice"])
async def test_what_is_written_also_is_written_with_the_message_each_time_or_not_at_all(
    talk: Talk, payload: Text | Blocked
) -> None:
    def once(tx: Connection) -> None:
        conversation = conversations.find(tx, channel="web", bot="test", contact_ref=talk.contact_ref)
        assert conversation is not None
        said.append(conversation.last_seq)

    def fail(tx: Connection) -> None:
        once(tx)
        raise InterruptedError

    said: list[int] = []
    with pytest.raises(InterruptedError):
        await talk.send(payload, "m1", also=fail)
    assert await talk.storage.read(lambda tx: count(tx, "conversations")) == 0
    for _ in range(2):
        await talk.send(payload, "m1", also=once)

    assert len(said) == 3
    assert len(set(said)) == 1


async def test_more_and_source_open_what_they_say(talk: Talk) -> None:
    answer, _ = await talk.say("wages")

    (more,) = await talk.press(answer, talk.words("more_button"))
    (source,) = await talk.press(answer, talk.words("source_button"))

    assert more.answer == source.answer == "unpaid_wages"
    assert source.body.startswith(talk.words("sources_title"))
    assert "http" in source.body


async def test_a_vote_counts_once(talk: Talk) -> None:
    answer, _ = await talk.say("wages")

    (thanks,) = await talk.press(answer, talk.words("helped_button"))
    (again,) = await talk.press(answer, talk.words("not_helped_button"))

    assert (thanks.body, again.body) == (talk.words("vote_thanks"), talk.words("vote_again"))


async def test_a_button_can_be_typed_in_words_or_as_its_number(talk: Talk) -> None:
    await talk.say("wages")

    (changed,) = await talk.say("English")
    (by_number,) = await talk.say("1")

    assert changed.body == talk.words("language_changed", "en")
    assert by_number.answer == "unpaid_wages"


async def test_a_crisis_is_never_read_as_a_button(talk: Talk) -> None:
    await talk.say("wages")
    (help_text,) = await talk.say("die")

    assert help_text.body == talk.words("crisis_self_harm_demo")


async def test_a_crisis_opens_one_urgent_case(talk: Talk) -> None:
    await talk.say("die")
    await talk.say("die")

    (case,) = await talk.storage.read(partial(cases.list_open, limit=10))
    assert (case.type, case.urgent, case.status) == ("crisis", True, "waiting")


async def test_a_button_of_another_conversation_is_stale_here(talk: Talk) -> None:
    answer, _ = await talk.say("wages")
    stranger = replace(talk, contact_ref="c2")

    (reply,) = await stranger.press(answer, talk.words("more_button"))

    assert reply.body == talk.words("stale_button")


@pytest.mark.parametrize("button", ["", "x", "zz.1", f"{uuid4().hex}.0", f"{uuid4().hex}.-1", "😀.😀"])
async def test_a_made_up_button_is_stale(talk: Talk, button: str) -> None:
    (reply,) = await talk.then(await talk.send(Press(button=button)))

    assert reply.body == talk.words("stale_button")


async def test_asking_for_a_person_gives_a_number_and_the_same_number_again(talk: Talk) -> None:
    first, _ = await talk.say("person")
    (again,) = await talk.say("person")

    (case,) = await talk.storage.read(partial(cases.list_open, limit=10))
    assert first.body == talk.words("handoff_demo", number=str(case.number))
    assert again.body == talk.words("handoff_waiting_demo", number=str(case.number))


async def test_the_status_of_a_case_names_its_number(talk: Talk) -> None:
    await talk.say("person")
    (status,) = await talk.say("my case")

    (case,) = await talk.storage.read(partial(cases.list_open, limit=10))
    assert status.body == talk.words("case_line", number=str(case.number), status=talk.words("status_waiting"))


async def test_hiding_leaves_only_the_cover_to_be_read(talk: Talk) -> None:
    await talk.say("wages")
    handled = await talk.send(Text(text="hide"))
    await talk.then(handled)

    found = await talk.storage.read(partial(conversations.find, channel="web", bot="test", contact_ref="c1"))
    assert found is not None
    visible = await talk.storage.read(partial(messages.visible_after, conversation_id=found.id, after_seq=0, limit=50))
    assert [row.body for row in visible] == [talk.words("hide_cover")]


async def test_the_answer_to_an_attachment_fits_it(talk: Talk) -> None:
    (reply,) = await talk.then(await talk.send(Attachment(kind="voice")))

    assert reply.body == talk.words("attachment_voice")
    assert talk.words("need_help_now_button") in [button.title for button in buttons_of(reply)]


async def test_unsure_twice_gives_the_menu_and_keeps_both_questions(talk: Talk) -> None:
    await talk.say("hello")
    await talk.say("mumble")
    (menu,) = await talk.say("mumble more")

    titles = [button.title for button in buttons_of(menu)]
    assert titles[0] == talk.words("menu_unpaid_wages")
    assert titles[-1] == talk.words("control_talk_to_human")


async def test_messages_reach_the_channel_in_their_order(talk: Talk) -> None:
    await talk.say("wages")

    assert [message.seq for message in talk.channel.sent] == [2, 3]


async def test_what_can_be_sent_later_waits_and_holds_back_what_follows(talk: Talk) -> None:
    talk.channel.errors.append(SendRetryable("busy", retry_after_s=30))

    shown = await talk.say("wages")

    assert shown == []
    assert talk.channel.sent == []
    talk.wait(seconds=31)
    handled = await talk.send(Text(text="hello"))
    await talk.then(handled)
    assert [message.seq for message in talk.channel.sent] == [2, 3, 5]


async def test_what_will_never_go_does_not_hold_back_what_follows(talk: Talk) -> None:
    talk.channel.errors.append(SendRejected("blocked"))

    await talk.say("wages")

    assert [message.seq for message in talk.channel.sent] == [3]


async def test_a_button_of_another_version_is_stale(talk: Talk) -> None:
    answer, _ = await talk.say("wages")
    kept = json.dumps([{"title": "old", "action": "dance:now"}])

    changed = replace(answer, id=uuid4(), seq=99, buttons=kept)
    await talk.storage.run(lambda tx: messages.insert(tx, changed))
    reply, *_ = await talk.then(await talk.send(Press(button=f"{changed.id.hex}.0")))

    assert reply.body == talk.words("stale_button")


async def test_what_waited_while_we_were_down_is_no_flood(talk: Talk) -> None:
    began = talk.time[0] - timedelta(hours=1)
    for n in range(40):
        sent = Inbound(
            channel="web",
            bot="test",
            external_id=str(n),
            contact_ref=talk.contact_ref,
            payload=Text(text=f"line {n}"),
            sent_at=began + timedelta(seconds=30 * n),
        )
        replies = await talk.then(await talk.conversations.handle(sent))
        assert replies
        assert talk.words("too_fast") not in [reply.body for reply in replies]


async def test_a_flood_gets_one_notice_and_every_message_is_kept(talk: Talk) -> None:
    for n in range(40):
        await talk.say(f"line {n}")

    shown = await talk.shown()
    assert [message.body for message in shown].count(talk.words("too_fast")) == 1
    assert sum(message.author == "contact" for message in shown) == 40
    assert shown[-1].author == "contact"


async def test_danger_is_answered_in_the_middle_of_a_flood(talk: Talk) -> None:
    for n in range(40):
        await talk.say(f"line {n}")
    (help_text,) = await talk.say("die")

    assert help_text.body == talk.words("crisis_self_harm_demo")


async def test_two_machines_do_not_talk_for_ever(talk: Talk) -> None:
    for _ in range(60):
        await talk.say("hello")
        talk.wait(minutes=1)

    bodies = [message.body for message in await talk.shown() if message.author == "bot"]
    assert bodies.count(talk.words("same_again")) == 1
    assert len(bodies) <= 22
    assert await talk.say("wages")


async def test_words_under_a_picture_are_understood_and_what_came_is_kept(talk: Talk) -> None:
    sent = Attachment(kind="photo", file_id="f1", size=10, caption="wages", album="7")
    handled = await talk.send(sent)
    answer, *_, note = await talk.then(handled)

    assert (answer.answer, note.body) == ("unpaid_wages", talk.words("caption_only"))
    assert await talk.then(await talk.send(replace(sent, file_id="f2", caption=""))) == []
    found = await talk.storage.read(partial(_contact_message, conversation_id=handled.conversation_id))
    assert (found.kind, found.body) == ("attachment", "wages")
    assert await talk.storage.read(partial(attachments.of, message=found)) == sent


def _contact_message(tx: Connection, conversation_id: UUID) -> MessageRow:
    return next(row for row in messages.visible_after(tx, conversation_id, 0, 50) if row.author == "contact")


async def test_a_message_without_anything_beside_it_has_no_attachment(talk: Talk) -> None:
    answer, _ = await talk.say("wages")

    assert await talk.storage.read(partial(attachments.of, message=answer)) is None


async def test_the_same_attachment_again_changes_nothing(talk: Talk) -> None:
    first = await talk.send(Attachment(kind="voice", file_id="v"), external_id="m1")
    again = await talk.send(Attachment(kind="voice", file_id="v"), external_id="m1")

    assert (again.seq, again.duplicate) == (first.seq, True)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("start", "greeting"),
        ("menu", "menu_title"),
        ("help", "help"),
        ("language", "language_question"),
        ("stop", "opt_out_reply"),
    ],
)
async def test_a_command_does_what_its_button_does(talk: Talk, name: CommandName, key: str) -> None:
    reply, *_ = await talk.then(await talk.send(Command(name=name)))

    assert reply.body == talk.words(key)


async def test_the_code_of_a_link_is_kept_with_the_conversation(talk: Talk) -> None:
    await talk.send(Command(name="start", code="poipet"))
    await talk.say("wages")

    found = await talk.storage.read(partial(conversations.find, channel="web", bot="test", contact_ref="c1"))
    assert found is not None
    assert json.loads(found.state)["start_code"] == "poipet"


async def test_who_blocks_us_is_closed_until_they_return_and_nothing_is_said(talk: Talk) -> None:
    def is_closed(tx: Connection) -> bool:
        return contacts.is_closed(tx, channel="web", bot="test", contact_ref="c1")

    await talk.say("wages")
    blocked = await talk.send(Blocked())
    assert await talk.storage.read(is_closed)

    await talk.send(Returned())
    assert not await talk.storage.read(is_closed)
    assert await talk.then(blocked) == []


async def test_a_chat_that_got_another_name_stays_the_same_conversation(talk: Talk) -> None:
    before = await talk.send(Text(text="wages"))
    await talk.send(Moved(to="c2"))
    await talk.send(Moved(to="c2"))

    after = await replace(talk, contact_ref="c2").send(Text(text="hello"))

    assert after.conversation_id == before.conversation_id


async def test_the_staff_group_is_told_that_it_is_known(talk: Talk) -> None:
    (note,) = await talk.then(await talk.send(StaffCommand()))

    assert (note.body, note.buttons) == (talk.words("staff_group"), None)
