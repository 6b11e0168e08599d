"""Contacts: people, each on one channel."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa

from bot.model import ChannelName
from bot.storage.dialects import insert_if_new
from bot.storage.tables import contacts
from bot.storage.vault import vault_of

REF = "contact ref"

_IS = sa.and_(
    contacts.c.channel == sa.bindparam("channel"),
    contacts.c.bot == sa.bindparam("bot"),
    contacts.c.ref_mark == sa.bindparam("ref_mark"),
)
_FIND = sa.select(contacts.c.id).where(_IS)
_IS_CLOSED = sa.select(contacts.c.closed_at.is_not(None)).where(_IS)
_CREATE = insert_if_new(contacts, "channel", "bot", "ref_mark")
_REOPEN = sa.update(contacts).where(contacts.c.id == sa.bindparam("contact_id")).values(closed_at=None)
_others = contacts.alias("others")
_RENAME = (
    sa.update(contacts)
    .where(
        contacts.c.id == sa.bindparam("contact_id"),
        ~sa.exists().where(
            _others.c.channel == contacts.c.channel,
            _others.c.bot == contacts.c.bot,
            _others.c.ref_mark == sa.bindparam("new_mark"),
        ),
    )
    .values(ref=sa.bindparam("new_ref"), ref_mark=sa.bindparam("new_mark"))
)
_CLOSE = sa.update(contacts).where(contacts.c.id == sa.bindparam("contact_id"))


def find_or_create(tx: sa.Connection, *, channel: ChannelName, bot: str, contact_ref: str, now: datetime) -> UUID:
    """The id of the contact, who may be new; two transactions at once agree on one."""
    name = name_of(tx, channel=channel, bot=bot, contact_ref=contact_ref)
    found: UUID | None = tx.scalar(_FIND, name)
    if found:
        return found
    new = uuid4()
    tx.execute(_CREATE, {"id": new, **name, "ref": _sealed(tx, new, contact_ref), "created_at": now, "closed_at": None})
    created: UUID = tx.execute(_FIND, name).scalar_one()
    return created


def is_closed(tx: sa.Connection, *, channel: ChannelName, bot: str, contact_ref: str) -> bool:
    """Whether the contact is known and closed."""
    return bool(tx.scalar(_IS_CLOSED, name_of(tx, channel=channel, bot=bot, contact_ref=contact_ref)))


def close(tx: sa.Connection, contact_id: UUID, *, now: datetime) -> None:
    """Notes that this is no longer the way to the contact: they closed it, or blocked the bot."""
    tx.execute(_CLOSE, {"contact_id": contact_id, "closed_at": now})


def reopen(tx: sa.Connection, contact_id: UUID) -> None:
    """Notes that the contact can be reached again."""
    tx.execute(_REOPEN, {"contact_id": contact_id})


def rename(tx: sa.Connection, contact_id: UUID, *, contact_ref: str) -> None:
    """Gives the contact another name on the channel, unless somebody has it already."""
    sealed, mark = _sealed(tx, contact_id, contact_ref), vault_of(tx).mark(REF, contact_ref)
    tx.execute(_RENAME, {"contact_id": contact_id, "new_ref": sealed, "new_mark": mark})


def name_of(tx: sa.Connection, *, channel: ChannelName, bot: str, contact_ref: str) -> dict[str, object]:
    """The values of the columns by which a contact is found."""
    return {"channel": channel, "bot": bot, "ref_mark": vault_of(tx).mark(REF, contact_ref)}


def ref_of(tx: sa.Connection, contact_id: UUID, sealed: bytes) -> str:
    """The contact's name on the channel, out of its cell."""
    return vault_of(tx).open(contact_id, "contacts", "ref", contact_id, sealed)


def _sealed(tx: sa.Connection, contact_id: UUID, contact_ref: str) -> bytes:
    return vault_of(tx).seal(contact_id, "contacts", "ref", contact_id, contact_ref)
