"""Erasing at the contact's wish: the chat at once, an open case after a while, or at once by its number."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from bot.cases.retention import LOCKED
from bot.storage import audit, cases, conversations, erasures
from bot.storage.conversations import ConversationRow

ASKED: Final = "asked"
CONTACT: Final = "contact"


def put_aside(
    tx: Connection, conversation: ConversationRow, *, reason: str, now: datetime
) -> tuple[ConversationRow, bool]:
    """The contact's new, empty conversation, and whether the old one is locked for a while because a case is open.

    Whoever holds the phone may not be its owner: what staff work on is not lost to a stranger's two taps.
    """
    is_locked = any(case.status != "resolved" for case in cases.of_conversation(tx, conversation.id))
    due_at = now + LOCKED if is_locked else now
    new = erasures.begin_anew(tx, conversation, reason=reason, due_at=due_at, now=now)
    audit.append(
        tx,
        actor=CONTACT,
        action="erase_asked",
        object=f"conversation {conversation.id}",
        now=now,
        details={"locked": int(is_locked)},
    )
    return new, is_locked


def erase_case_now(tx: Connection, conversation_id: UUID, *, case_number: int, now: datetime) -> bool:
    """Ends the wait of what this contact asked to erase, if they know the number of a case in it."""
    conversation = conversations.lock(tx, conversation_id)
    if conversation is None or not erasures.hurry(tx, conversation, case_number=case_number, now=now):
        return False
    audit.append(tx, actor=CONTACT, action="erase_hurried", object=f"conversation {conversation_id}", now=now)
    return True
