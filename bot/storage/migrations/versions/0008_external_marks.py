"""A message of a contact is found by a mark of its name on the channel: on Telegram that name holds the person's number.

Going back leaves the marks, which can not be undone: a message that the platform delivers again is then a new one.
"""

import re

import sqlalchemy as sa
from alembic import context, op

from bot.storage.messages import external_mark
from bot.storage.vault import Vault

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

AT_ONCE = 5_000
MARK = re.compile(r"[0-9a-f]{64}")


def upgrade() -> None:
    vault: Vault | None = context.config.attributes["vault"]
    if vault is None:
        raise RuntimeError("This migration needs the vault: give it to migrate.config().")
    messages = sa.table("messages", sa.column("id", sa.Uuid()), sa.column("external_id", sa.Text()))
    named = sa.select(messages).where(messages.c.external_id.is_not(None)).order_by(messages.c.id).limit(AT_ONCE)
    update = sa.update(messages).where(messages.c.id == sa.bindparam("row"))
    found = op.get_bind().execute(named).all()
    while found:
        changes = [
            {"row": row.id, "external_id": external_mark(vault, row.external_id)}
            for row in found
            if not MARK.fullmatch(row.external_id)
        ]
        if changes:
            op.get_bind().execute(update, changes)
        found = op.get_bind().execute(named.where(messages.c.id > found[-1].id)).all()


def downgrade() -> None:
    pass
