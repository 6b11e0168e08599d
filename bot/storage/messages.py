"""Messages: all that was said in a conversation, in the order of seq."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from bot.model import Author, ChannelName, Language
from bot.storage.dialects import insert_if_new
from bot.storage.tables import Kind, conversations, is_unsent, messages, outbound
from bot.storage.vault import Vault, vault_of


@dataclass(frozen=True, kw_only=True)
class MessageRow:
    """A message; seq counts from 1 within its conversation.

    body is what was written, the words on the pressed button, or the kind of the attachment. buttons is JSON: a list of
    objects, each with a title. external_id is the channel's own name of a message from a contact;
    of one that is read, its mark.
    """

    id: UUID
    conversation_id: UUID
    seq: int
    author: Author
    kind: Kind
    language: Language
    body: str
    buttons: str | None = None
    answer: str | None = None
    channel: ChannelName
    bot: str
    external_id: str | None = None
    created_at: datetime


_INSERT = insert_if_new(messages, "channel", "bot", "external_id")
_SEQ_OF = sa.select(messages.c.seq).where(
    messages.c.channel == sa.bindparam("channel"),
    messages.c.bot == sa.bindparam("bot"),
    messages.c.external_id == sa.bindparam("external_id"),
)
_GET = sa.select(messages).where(messages.c.id == sa.bindparam("message_id"))
_OF_CONVERSATION = sa.select(messages).where(messages.c.conversation_id == sa.bindparam("conversation_id"))
_WITHDRAW = sa.delete(messages).where(messages.c.id == sa.bindparam("message_id"))
_LAST_WITH_BUTTONS = (
    sa.select(messages.c.id, messages.c.buttons)
    .where(messages.c.conversation_id == sa.bindparam("conversation_id"), messages.c.buttons.is_not(None))
    .order_by(messages.c.seq.desc())
    .limit(sa.literal_column("1"))
)
_LAST_ANSWER = (
    _OF_CONVERSATION.where(messages.c.answer.is_not(None)).order_by(messages.c.seq.desc()).limit(sa.literal_column("1"))
)
_HIDDEN_SEQ = (
    sa.select(conversations.c.hidden_seq).where(conversations.c.id == sa.bindparam("conversation_id")).scalar_subquery()
)
_FIRST_UNSENT_SEQ = (
    sa.select(sa.func.min(outbound.c.seq))
    .where(
        outbound.c.conversation_id == sa.bindparam("conversation_id"),
        outbound.c.seq > _HIDDEN_SEQ,
        is_unsent(outbound),
    )
    .scalar_subquery()
)
_AFTER = (
    _OF_CONVERSATION.where(messages.c.seq > sa.bindparam("after_seq"))
    .order_by(messages.c.seq)
    .limit(sa.bindparam("at_most"))
)
_VISIBLE_AFTER = (
    _OF_CONVERSATION.where(
        messages.c.seq > sa.bindparam("after_seq", type_=sa.BigInteger),
        messages.c.seq > _HIDDEN_SEQ,
        messages.c.seq < sa.func.coalesce(_FIRST_UNSENT_SEQ, messages.c.seq + 1),
    )
    .order_by(messages.c.seq)
    .limit(sa.bindparam("at_most"))
)


def external_mark(vault: Vault, external_id: str) -> str:
    """What a message of a contact is known by when it comes again; the channel's name of it may name the contact."""
    return vault.mark("message", external_id).hex()


def insert(tx: sa.Connection, row: MessageRow) -> bool:
    """Keeps the message; False, and nothing kept, if one of the same channel, bot and external_id is there already."""
    seal = partial(vault_of(tx).seal, row.conversation_id, "messages")
    values = {
        **vars(row),
        "body": seal("body", row.id, row.body),
        "buttons": seal("buttons", row.id, row.buttons),
        "external_id": row.external_id and external_mark(vault_of(tx), row.external_id),
    }
    return tx.execute(_INSERT, values).rowcount == 1


def withdraw(tx: sa.Connection, message_id: UUID) -> None:
    """Takes back what this very transaction inserted."""
    tx.execute(_WITHDRAW, {"message_id": message_id})


def seq_of(tx: sa.Connection, *, channel: ChannelName, bot: str, external_id: str) -> int:
    """The seq of the contact's message of this name, which has come before."""
    mark = external_mark(vault_of(tx), external_id)
    seq: int = tx.execute(_SEQ_OF, {"channel": channel, "bot": bot, "external_id": mark}).scalar_one()
    return seq


def get(tx: sa.Connection, message_id: UUID) -> MessageRow | None:
    """The message of this id, if there is one."""
    row = tx.execute(_GET, {"message_id": message_id}).one_or_none()
    return None if row is None else read(tx, row)


def visible_after(tx: sa.Connection, conversation_id: UUID, after_seq: int, limit: int) -> list[MessageRow]:
    """What a contact who has read up to after_seq may read next, in order, without what is hidden.

    Ends before the first message that is still to be sent, so that whoever goes on from the last seq misses none.
    """
    values = {"conversation_id": conversation_id, "after_seq": after_seq, "at_most": limit}
    return [read(tx, row) for row in tx.execute(_VISIBLE_AFTER, values)]


def after(tx: sa.Connection, conversation_id: UUID, after_seq: int, limit: int) -> list[MessageRow]:
    """Messages after this one, in order, also those that are hidden."""
    values = {"conversation_id": conversation_id, "after_seq": after_seq, "at_most": limit}
    return [read(tx, row) for row in tx.execute(_AFTER, values)]


def last_buttons(tx: sa.Connection, conversation_id: UUID) -> tuple[UUID, str] | None:
    """The newest message that has buttons, and these, if any has."""
    row = tx.execute(_LAST_WITH_BUTTONS, {"conversation_id": conversation_id}).one_or_none()
    if row is None:
        return None
    return row.id, vault_of(tx).open(conversation_id, "messages", "buttons", row.id, row.buttons)


def last_answer(tx: sa.Connection, conversation_id: UUID) -> MessageRow | None:
    """The newest message that gave an answer, if any did."""
    row = tx.execute(_LAST_ANSWER, {"conversation_id": conversation_id}).one_or_none()
    return None if row is None else read(tx, row)


def read(tx: sa.Connection, row: sa.Row[Any]) -> MessageRow:
    """The message in a row that holds all columns of the table."""
    unseal = partial(vault_of(tx).open, row.conversation_id, "messages")
    return MessageRow(
        id=row.id,
        conversation_id=row.conversation_id,
        seq=row.seq,
        author=row.author,
        kind=row.kind,
        language=row.language,
        body=unseal("body", row.id, row.body),
        buttons=unseal("buttons", row.id, row.buttons),
        answer=row.answer,
        channel=row.channel,
        bot=row.bot,
        external_id=row.external_id,
        created_at=row.created_at,
    )
