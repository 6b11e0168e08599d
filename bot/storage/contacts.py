"""Contacts: people, each on one channel."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa

from bot.model import ChannelName
from bot.storage.dialects import insert_if_new
from bot.storage.tables import contacts
from bot.storage.texts import to_bytes

_IS = sa.and_(
    contacts.c.channel == sa.bindparam("channel"),
    contacts.c.bot == sa.bindparam("bot"),
    contacts.c.ref == sa.bindparam("ref"),
)
_FIND = sa.select(contacts.c.id).where(_IS)
_IS_CLOSED = sa.select(contacts.c.closed_at.is_not(None)).where(_IS)
_CREATE = insert_if_new(contacts, "channel", "bot", "ref")
_REOPEN = sa.update(contacts).where(contacts.c.id == sa.bindparam("contact_id")).values(closed_at=None)
_others = contacts.alias("others")
_RENAME = (
    sa.update(contacts)
    .where(
        contacts.c.id == sa.bindparam("contact_id"),
        ~sa.exists().where(
            _others.c.channel == contacts.c.channel,
            _others.c.bot == contacts.c.bot,
            _others.c.ref == sa.bindparam("new_ref"),
        ),
    )
    .values(ref=sa.bindparam("new_ref"))
)
_CLOSE = sa.update(contacts).where(contacts.c.id == sa.bindparam("contact_id"))


def find_or_create(tx: sa.Connection, *, channel: ChannelName, bot: str, contact_ref: str, now: datetime) -> UUID:
    """The id of the contact, who may be new; two transactions at once agree on one."""
    name = {"channel": channel, "bot": bot, "ref": to_bytes(contact_ref)}
    found: UUID | None = tx.scalar(_FIND, name)
    if found:
        return found
    tx.execute(_CREATE, {"id": uuid4(), **name, "created_at": now, "closed_at": None})
    created: UUID = tx.execute(_FIND, name).scalar_one()
    return created


def is_closed(tx: sa.Connection, *, channel: ChannelName, bot: str, contact_ref: str) -> bool:
    """Whether the contact is known and closed."""
    return bool(tx.scalar(_IS_CLOSED, {"channel": channel, "bot": bot, "ref": to_bytes(contact_ref)}))


def close(tx: sa.Connection, contact_id: UUID, *, now: datetime) -> None:
    """Notes that this is no longer the way to the contact: they closed it, or blocked the bot."""
    tx.execute(_CLOSE, {"contact_id": contact_id, "closed_at": now})


def reopen(tx: sa.Connection, contact_id: UUID) -> None:
    """Notes that the contact can be reached again."""
    tx.execute(_REOPEN, {"contact_id": contact_id})


def rename(tx: sa.Connection, contact_id: UUID, *, contact_ref: str) -> None:
    """Gives the contact another name on the channel, unless somebody has it already."""
    tx.execute(_RENAME, {"contact_id": contact_id, "new_ref": to_bytes(contact_ref)})
