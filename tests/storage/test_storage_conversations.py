"""Contacts and their conversations."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
import sqlalchemy as sa

from bot.storage import contacts, conversations
from bot.storage.engine import Storage
from tests.storage.rows import NOW, conversation_of, count, hear


def test_a_first_message_makes_a_contact_and_a_conversation_in_khmer(tx: sa.Connection) -> None:
    found = conversation_of(tx, "€mma")

    assert (found.channel, found.bot, found.contact_ref) == ("web", "webchat", "€mma")
    assert (found.language, found.state, found.state_version) == ("km", "{}", 0)
    assert (found.last_seq, found.hidden_seq, found.created_at, found.updated_at) == (0, 0, NOW, NOW)


def test_the_same_contact_keeps_the_conversation(tx: sa.Connection) -> None:
    assert conversation_of(tx) == conversation_of(tx)
    assert count(tx, "contacts") == count(tx, "conversations") == 1


def test_the_same_name_with_another_bot_or_channel_is_another_contact(tx: sa.Connection) -> None:
    here = conversation_of(tx, "7")
    other_bot = conversations.lock_or_create(tx, channel="web", bot="other", contact_ref="7", now=NOW)
    other_channel = conversations.lock_or_create(tx, channel="telegram", bot="webchat", contact_ref="7", now=NOW)

    assert len({here.id, other_bot.id, other_channel.id}) == 3


def test_find_gives_what_lock_gives_and_makes_nothing(tx: sa.Connection) -> None:
    find = partial(conversations.find, tx, channel="web", bot="webchat", contact_ref="someone")

    assert find() is None
    assert count(tx, "contacts") == 0
    made = conversation_of(tx)
    assert find() == conversations.lock(tx, made.id) == made
    assert conversations.lock(tx, uuid4()) is None


def test_save_keeps_what_a_turn_changes(tx: sa.Connection) -> None:
    changed = replace(
        conversation_of(tx),
        language="en",
        state='{"topic": "w€ge"}',
        state_version=3,
        last_seq=5,
        hidden_seq=4,
        updated_at=NOW + timedelta(hours=1),
    )

    conversations.save(tx, changed)

    assert conversation_of(tx) == changed


def test_a_closed_contact_is_known_as_closed(tx: sa.Connection) -> None:
    is_closed = partial(contacts.is_closed, tx, channel="web", bot="webchat", contact_ref="someone")
    assert not is_closed()
    conversation = conversation_of(tx)
    assert not is_closed()

    contacts.close(tx, conversation.contact_id, now=NOW)

    assert is_closed()


def test_a_language_outside_the_list_is_refused(tx: sa.Connection) -> None:
    with pytest.raises(sa.exc.IntegrityError), tx.begin_nested():
        conversations.save(tx, replace(conversation_of(tx), language="fr"))  # type: ignore[arg-type]


def test_what_can_not_be_written_as_utf8_is_kept_as_question_marks(tx: sa.Connection) -> None:
    conversations.save(tx, replace(conversation_of(tx), state="half \ud83d a pair, and \x00"))

    assert conversation_of(tx).state == "half ? a pair, and \x00"


async def test_twenty_first_messages_at_once_make_one_conversation(storage: Storage) -> None:
    made = await asyncio.gather(*(storage.run(conversation_of) for _ in range(20)))

    assert len({conversation.id for conversation in made}) == 1
    assert await storage.read(partial(count, table="contacts")) == 1


async def test_twenty_messages_at_once_get_numbers_without_a_gap(storage: Storage) -> None:
    rows = await asyncio.gather(*(storage.run(hear) for _ in range(20)))

    assert sorted(row.seq for row in rows) == list(range(1, 21))
    assert (await storage.run(conversation_of)).last_seq == 20
