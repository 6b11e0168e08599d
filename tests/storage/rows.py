"""Rows and helpers for the tests of storage."""

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from bot.model import SendClass
from bot.storage import conversations, messages, outbound
from bot.storage.conversations import ConversationRow
from bot.storage.messages import MessageRow

NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
PATIENCE_S = 20


def conversation_of(tx: sa.Connection, contact_ref: str = "someone") -> ConversationRow:
    """The conversation of a contact of the web chat, locked."""
    return conversations.lock_or_create(tx, channel="web", bot="webchat", contact_ref=contact_ref, now=NOW)


def message(conversation: ConversationRow, seq: int, **changes: Any) -> MessageRow:
    """A message of the contact, not yet inserted."""
    row = MessageRow(
        id=uuid4(),
        conversation_id=conversation.id,
        seq=seq,
        author="contact",
        kind="text",
        language="km",
        body=f"words {seq}",
        channel=conversation.channel,
        bot=conversation.bot,
        created_at=NOW,
    )
    return replace(row, **changes)


def hear(tx: sa.Connection, contact_ref: str = "someone", **changes: Any) -> MessageRow:
    """The next message of the contact, inserted and counted."""
    conversation = conversation_of(tx, contact_ref)
    row = message(conversation, conversation.last_seq + 1, **changes)
    assert messages.insert(tx, row)
    conversations.save(tx, replace(conversation, last_seq=row.seq))
    return row


def say(
    tx: sa.Connection, contact_ref: str = "someone", *, send_class: SendClass = SendClass.A, **changes: Any
) -> MessageRow:
    """The next message to the contact, inserted, counted and queued."""
    row = hear(tx, contact_ref, author="bot", **changes)
    outbound.enqueue(tx, row, send_class=send_class, now=NOW)
    return row


def status(tx: sa.Connection, row: MessageRow) -> str:
    """The status of a message's outbound row."""
    found: str = tx.execute(
        sa.text("SELECT status FROM outbound WHERE message_id = :id").bindparams(sa.bindparam("id", type_=sa.Uuid)),
        {"id": row.id},
    ).scalar_one()
    return found


def count(tx: sa.Connection, table: str) -> int:
    """How many rows a table has."""
    found: int = tx.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
    return found


class Gate:
    """Holds a function of a connection, in its thread, until the test opens it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._entered = asyncio.Event()
        self._open = threading.Event()

    def hold(self) -> None:
        """Waits, inside the function."""
        self._loop.call_soon_threadsafe(self._entered.set)
        assert self._open.wait(PATIENCE_S)

    async def entered(self) -> None:
        """Waits, in the test, until the function has come here."""
        await asyncio.wait_for(self._entered.wait(), PATIENCE_S)

    def open(self) -> None:
        """Lets the function go on."""
        self._open.set()
