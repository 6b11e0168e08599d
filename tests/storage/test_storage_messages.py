"""Messages: each once, in order, and read by cursor."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from bot.storage import conversations, messages, outbound
from bot.storage.engine import Storage
from bot.storage.messages import MessageRow
from bot.storage.vault import vault_of
from tests.storage.rows import NOW, Gate, conversation_of, count, hear, message, say


def visible(tx: sa.Connection, after_seq: int = 0, limit: int = 50) -> list[int]:
    found = messages.visible_after(tx, conversation_of(tx).id, after_seq, limit)
    return [row.seq for row in found]


def mark_sent(tx: sa.Connection, row: MessageRow) -> None:
    outbound.mark_sent(tx, row.id, platform_id=None, now=NOW)


def test_a_message_comes_back_as_it_was_inserted(tx: sa.Connection) -> None:
    conversation = conversation_of(tx)
    row = message(
        conversation,
        1,
        author="bot",
        body="h€llo\u200b<b>",
        buttons='[{"title": "y€s"}]',
        answer="wages.unpaid",
        language="mixed",
        external_id="e1",
        created_at=NOW + timedelta(microseconds=1),
    )

    assert messages.insert(tx, row)

    assert messages.get(tx, row.id) == replace(row, external_id=messages.external_mark(vault_of(tx), "e1"))
    assert messages.get(tx, uuid4()) is None


def test_the_same_external_id_is_refused_once_and_for_all(tx: sa.Connection) -> None:
    conversation = conversation_of(tx)
    assert messages.insert(tx, message(conversation, 1, external_id="e1"))

    assert not messages.insert(tx, message(conversation, 2, external_id="e1"))

    assert count(tx, "messages") == 1
    assert messages.seq_of(tx, channel="web", bot="webchat", external_id="e1") == 1


def test_messages_without_external_id_are_never_duplicates(tx: sa.Connection) -> None:
    conversation = conversation_of(tx)

    assert messages.insert(tx, message(conversation, 1))
    assert messages.insert(tx, message(conversation, 2))


def test_the_same_seq_twice_is_an_error_not_a_duplicate(tx: sa.Connection) -> None:
    conversation = conversation_of(tx)
    messages.insert(tx, message(conversation, 1))

    with pytest.raises(sa.exc.IntegrityError), tx.begin_nested():
        messages.insert(tx, message(conversation, 1))


@pytest.mark.parametrize("wrong", [{"author": "user"}, {"kind": "voice"}])
def test_values_outside_the_lists_are_refused(tx: sa.Connection, wrong: dict[str, str]) -> None:
    conversation = conversation_of(tx)

    with pytest.raises(sa.exc.IntegrityError), tx.begin_nested():
        messages.insert(tx, message(conversation, 1, **wrong))


def test_what_people_wrote_and_who_they_are_is_held_sealed(tx: sa.Connection) -> None:
    hear(tx, body="h€llo there", buttons='[{"title": "hello"}]')

    held = tx.exec_driver_sql("SELECT m.*, c.*, k.* FROM messages m, conversations c, contacts k").one()

    values = b"\n".join(bytes(value) for value in held if isinstance(value, bytes | memoryview))
    assert len(values) > 150
    assert not any(word.encode() in values for word in ("llo there", "title", "someone", "greeted"))


def test_a_moment_without_time_zone_is_refused(tx: sa.Connection) -> None:
    conversation = conversation_of(tx)

    with pytest.raises(sa.exc.StatementError, match="without a time zone"):
        messages.insert(tx, message(conversation, 1, created_at=NOW.replace(tzinfo=None)))


def test_a_reader_sees_what_comes_after_its_cursor_in_order(tx: sa.Connection) -> None:
    for _ in range(3):
        hear(tx)

    assert visible(tx) == [1, 2, 3]
    assert visible(tx, after_seq=1) == [2, 3]
    assert visible(tx, after_seq=3) == visible(tx, after_seq=999_999_999_999) == []
    assert visible(tx, limit=2) == [1, 2]


def test_a_reader_waits_for_the_first_message_that_is_not_sent(tx: sa.Connection) -> None:
    hear(tx)
    first, second = say(tx), say(tx)
    hear(tx)

    assert visible(tx) == [1]
    mark_sent(tx, second)
    assert visible(tx) == [1]
    outbound.claim(tx, first.conversation_id, NOW, by="me")
    assert visible(tx) == [1]
    mark_sent(tx, first)
    assert visible(tx) == [1, 2, 3, 4]


def test_a_message_that_was_rejected_or_maybe_sent_stops_no_reader(tx: sa.Connection) -> None:
    outbound.mark_rejected(tx, say(tx).id, error="blocked", now=NOW)
    outbound.mark_maybe_sent(tx, say(tx).id, error="timeout", now=NOW)
    hear(tx)

    assert visible(tx) == [1, 2, 3]


def test_hidden_messages_are_not_read_even_when_unsent(tx: sa.Connection) -> None:
    hear(tx)
    say(tx)
    hear(tx)
    conversations.save(tx, replace(conversation_of(tx), hidden_seq=2))

    assert visible(tx) == [3]


def test_other_conversations_stay_out_of_sight(tx: sa.Connection) -> None:
    say(tx, "someone else")
    hear(tx)

    assert visible(tx) == [1]


def test_the_last_message_with_buttons_is_found(tx: sa.Connection) -> None:
    conversation_id = conversation_of(tx).id
    assert messages.last_buttons(tx, conversation_id) is None
    hear(tx, buttons="[1]")
    last = hear(tx, buttons="[2]")
    hear(tx)
    hear(tx, "someone else", buttons="[3]")

    assert messages.last_buttons(tx, conversation_id) == (last.id, last.buttons)


async def test_of_twenty_deliveries_of_one_message_one_counts(storage: Storage) -> None:
    def deliver(tx: sa.Connection) -> bool:
        conversation = conversation_of(tx)
        row = message(conversation, conversation.last_seq + 1, external_id="update 1")
        if not messages.insert(tx, row):
            return False
        conversations.save(tx, replace(conversation, last_seq=row.seq))
        return True

    taken = await asyncio.gather(*(storage.run(deliver) for _ in range(20)))

    assert sorted(taken) == [False] * 19 + [True]
    assert await storage.read(_find_like_the_web_chat) == [1]


@pytest.mark.parametrize("dialect", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_a_duplicate_that_is_not_yet_committed_is_waited_for(storage: Storage) -> None:
    gate = Gate()

    def first(tx: sa.Connection) -> bool:
        taken = messages.insert(tx, message(conversation_of(tx, "first"), 1, external_id="same"))
        gate.hold()
        while not tx.execute(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
            pass  # until the second one waits for us
        return taken

    def second(tx: sa.Connection) -> bool:
        return messages.insert(tx, message(conversation_of(tx, "second"), 1, external_id="same"))

    async with asyncio.TaskGroup() as group:
        one = group.create_task(storage.run(first))
        await gate.entered()
        two = group.create_task(storage.run(second))
        gate.open()

    assert (one.result(), two.result()) == (True, False)


def _find_like_the_web_chat(tx: sa.Connection) -> list[int]:
    conversation = conversations.find(tx, channel="web", bot="webchat", contact_ref="someone")
    return [row.seq for row in messages.visible_after(tx, conversation.id, 0, 50)] if conversation else []


async def test_messages_can_be_read_in_a_read_only_transaction(storage: Storage) -> None:
    await storage.run(hear)

    assert await storage.read(_find_like_the_web_chat) == [1]
