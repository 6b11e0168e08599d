"""By which phone or name, as a keyed mark, staff find a conversation."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "look_ups",
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('phone', 'name')", name=op.f("ck_look_ups_kind")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_look_ups_conversation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("conversation_id", "kind", "mark", name=op.f("pk_look_ups")),
    )
    op.create_index("ix_look_ups_mark", "look_ups", ["mark"])


def downgrade() -> None:
    op.drop_index("ix_look_ups_mark", "look_ups")
    op.drop_table("look_ups")
