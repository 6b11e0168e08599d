"""Raw updates, holds on sending, and the status of messages that were given up."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UNSENT = sa.text("status IN ('queued', 'sending')")
UNDELIVERED = sa.text("status IN ('rejected', 'failed')")
OPEN = sa.text("status IN ('received', 'quarantined')")
OLD = "status IN ('queued', 'sending', 'sent', 'maybe_sent', 'rejected')"
NEW = "status IN ('queued', 'sending', 'sent', 'maybe_sent', 'rejected', 'failed')"


def outbound(status: str) -> sa.Table:
    """The table as it is: SQLite makes it anew from this, since it can not change a constraint."""
    table = sa.Table(
        "outbound",
        sa.MetaData(),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True)),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("platform_id", sa.Text()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("class IN ('A', 'B')", name=op.f("ck_outbound_class")),
        sa.CheckConstraint(status, name=op.f("ck_outbound_status")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_outbound_conversation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_outbound_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_outbound")),
    )
    sa.Index(op.f("ix_outbound_conversation_id"), table.c.conversation_id)
    sa.Index(
        "ix_outbound_unsent", table.c.conversation_id, table.c.seq, sqlite_where=UNSENT, postgresql_where=UNSENT
    )
    return table


def change_statuses(old: str, new: str) -> None:
    with op.batch_alter_table("outbound", copy_from=outbound(old)) as batch:
        batch.drop_constraint(op.f("ck_outbound_status"), type_="check")
        batch.create_check_constraint(op.f("ck_outbound_status"), sa.text(new))


def upgrade() -> None:
    change_statuses(OLD, NEW)
    op.create_index(
        "ix_outbound_undelivered",
        "outbound",
        ["conversation_id"],
        sqlite_where=UNDELIVERED,
        postgresql_where=UNDELIVERED,
    )
    op.create_table(
        "holds",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("bot", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "bot", name=op.f("pk_holds")),
    )
    op.create_table(
        "raw_updates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("bot", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.CheckConstraint("status IN ('received', 'handled', 'quarantined')", name=op.f("ck_raw_updates_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raw_updates")),
        sa.UniqueConstraint("channel", "bot", "external_id", name=op.f("uq_raw_updates_channel_bot_external_id")),
    )
    op.create_index(
        "ix_raw_updates_open",
        "raw_updates",
        ["status", "received_at"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index(op.f("ix_raw_updates_received_at"), "raw_updates", ["received_at"])


def downgrade() -> None:
    op.drop_table("raw_updates")
    op.drop_table("holds")
    op.drop_index("ix_outbound_undelivered", "outbound")
    op.execute("UPDATE outbound SET status = 'rejected' WHERE status = 'failed'")
    change_statuses(NEW, OLD)
