"""All that is kept of one contact, for the contact who asks for it: safety.md, rule 20."""

import json
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from bot.errors import CustodyError
from bot.storage import attachments, cases, conversations, messages, votes
from bot.storage.conversations import ConversationRow
from bot.storage.messages import MessageRow

READ_AT_ONCE: Final = 500


def export_of(conn: sa.Connection, *, case_number: int) -> dict[str, Any]:
    """What the contact of this case wrote and was told, their cases and votes, as plain JSON. Staff's notes stay.

    Raises:
        CustodyError: there is no such case.
    """
    case = cases.find(conn, case_number)
    conversation = conversations.lock(conn, case.conversation_id) if case else None
    if conversation is None:
        raise CustodyError(f"There is no case {case_number}.")
    return {
        "channel": conversation.channel,
        "contact": conversation.contact_ref,
        "language": conversation.language,
        "first_written_at": _moment(conversation.created_at),
        "remembered": json.loads(conversation.state),
        "messages": [_message(conn, message) for message in _all(conn, conversation)],
        "cases": [_case(conn, found) for found in cases.of_conversation(conn, conversation.id)],
        "votes": [
            {"answer": vote.answer, "helped": vote.helped, "at": _moment(vote.at)}
            for vote in votes.of_conversation(conn, conversation.id)
        ],
    }


def _all(conn: sa.Connection, conversation: ConversationRow) -> list[MessageRow]:
    found: list[MessageRow] = []
    while some := messages.after(conn, conversation.id, found[-1].seq if found else 0, READ_AT_ONCE):
        found += some
    return found


def _message(conn: sa.Connection, message: MessageRow) -> dict[str, Any]:
    plain = {"at": _moment(message.created_at), "author": message.author, "kind": message.kind, "text": message.body}
    sent = attachments.of(conn, message) if message.kind == "attachment" else None
    return plain | ({"attachment": {name: value for name, value in vars(sent).items() if value}} if sent else {})


def _case(conn: sa.Connection, case: cases.CaseRow) -> dict[str, Any]:
    return {
        "number": case.number,
        "type": case.type,
        "status": case.status,
        "opened_at": _moment(case.created_at),
        "events": [{"at": _moment(at), "kind": kind} for at, kind in cases.events(conn, case.id)],
    }


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
