"""What people wrote, and what says who they are, is sealed; contacts are found by a mark of their name.

Rows of before are sealed here, in the one transaction of the upgrade, with the vault that the upgrade was given.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import context, op

from bot.storage.contacts import REF
from bot.storage.tables import METADATA
from bot.storage.texts import to_text
from bot.storage.updates import key_owner
from bot.storage.vault import Vault

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

AT_ONCE = 500
Convert = Callable[[UUID | str, str, str, UUID, bytes], bytes]
"""Owner, table, column, row and value, to the new value: Vault.seal_bytes or Vault.open_bytes."""
OWNERS: dict[tuple[str, str], Callable[[Any], UUID | str]] = {
    ("contacts", "ref"): lambda row: row.id,
    ("conversations", "state"): lambda row: row.id,
    ("messages", "body"): lambda row: row.conversation_id,
    ("messages", "buttons"): lambda row: row.conversation_id,
    ("case_events", "note"): lambda row: row.case_id,
    ("raw_updates", "raw"): lambda row: key_owner(row.received_at),
}


def upgrade() -> None:
    vault = _vault()
    op.add_column("contacts", sa.Column("ref_mark", sa.LargeBinary()))
    _mark_contacts(vault)
    _convert_everything(vault.seal_bytes)
    with op.batch_alter_table("contacts") as contacts:
        contacts.alter_column("ref_mark", existing_type=sa.LargeBinary(), nullable=False)
        contacts.drop_constraint("uq_contacts_channel_bot_ref", type_="unique")
        contacts.create_unique_constraint(op.f("uq_contacts_channel_bot_ref_mark"), ["channel", "bot", "ref_mark"])


def downgrade() -> None:
    _convert_everything(_vault().open_bytes)
    with op.batch_alter_table("contacts") as contacts:
        contacts.drop_constraint("uq_contacts_channel_bot_ref_mark", type_="unique")
        contacts.create_unique_constraint(op.f("uq_contacts_channel_bot_ref"), ["channel", "bot", "ref"])
        contacts.drop_column("ref_mark")


def _vault() -> Vault:
    vault: Vault | None = context.config.attributes["vault"]
    if vault is None:
        raise RuntimeError("This migration needs the vault: give it to migrate.config().")
    return vault


def _mark_contacts(vault: Vault) -> None:
    columns = sa.column("id", sa.Uuid()), sa.column("ref", sa.LargeBinary()), sa.column("ref_mark", sa.LargeBinary())
    contacts = sa.table("contacts", *columns)
    update = sa.update(contacts).where(contacts.c.id == sa.bindparam("row"))
    for row in op.get_bind().execute(sa.select(contacts.c.id, contacts.c.ref)).all():
        op.get_bind().execute(update, {"row": row.id, "ref_mark": vault.mark(REF, to_text(row.ref))})


def _convert_everything(convert: Convert) -> None:
    for (table, column), owner_of in OWNERS.items():
        columns = (sa.column(c.name, c.type) for c in METADATA.tables[table].columns if c.name != "ref_mark")
        rows = sa.table(table, *columns)
        _convert_column(sa.select(rows), rows, "id", column, owner_of, convert)
    attachments = sa.table("attachments", sa.column("message_id", sa.Uuid()), sa.column("details", sa.LargeBinary()))
    messages = sa.table("messages", sa.column("id", sa.Uuid()), sa.column("conversation_id", sa.Uuid()))
    both = sa.select(attachments, messages.c.conversation_id).join(messages, messages.c.id == attachments.c.message_id)
    _convert_column(both, attachments, "message_id", "details", lambda row: row.conversation_id, convert)


def _convert_column(
    select: sa.Select[Any],
    table: sa.TableClause,
    key: str,
    column: str,
    owner_of: Callable[[Any], UUID | str],
    convert: Convert,
) -> None:
    """Converts a column, some rows at a time, in the order of their ids."""
    connection = op.get_bind()
    some = select.where(table.c[column].is_not(None)).order_by(table.c[key]).limit(AT_ONCE)
    update = sa.update(table).where(table.c[key] == sa.bindparam("row"))
    found = connection.execute(some).all()
    while found:
        for row in found:
            row_id, value = getattr(row, key), getattr(row, column)
            connection.execute(
                update, {"row": row_id, column: convert(owner_of(row), table.name, column, row_id, value)}
            )
        found = connection.execute(some.where(table.c[key] > getattr(found[-1], key))).all()
