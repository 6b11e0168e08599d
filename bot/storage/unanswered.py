"""Unanswered messages: what the bot did not understand, for the people who write answers."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa

from bot.storage.dialects import insert_if_new
from bot.storage.tables import unanswered

_INSERT = insert_if_new(unanswered, "message_id")


def record(
    tx: sa.Connection,
    *,
    message_id: UUID,
    conversation_id: UUID,
    language: str,
    guesses: Sequence[tuple[str, float]],
    now: datetime,
) -> bool:
    """Notes the message with the intents it may have meant and their confidences; False if it is noted already."""
    values = {
        "id": uuid4(),
        "message_id": message_id,
        "conversation_id": conversation_id,
        "language": language,
        "guesses": json.dumps(guesses),
        "at": now,
    }
    return tx.execute(_INSERT, values).rowcount == 1
