"""The tables, the same on SQLite and PostgreSQL. A change here needs a migration in `migrations/versions`.

What people wrote, and what says who they are, is held as bytes, sealed by `vault`. Channels are not listed in a
constraint, so that a new channel needs no migration.
"""

from datetime import UTC, datetime
from typing import Literal, get_args
from uuid import UUID

import sqlalchemy as sa

from bot.model import Author, Lane, Language

Kind = Literal["text", "press", "attachment"]
OutboundStatus = Literal["queued", "sending", "sent", "maybe_sent", "rejected", "failed"]
UpdateStatus = Literal["received", "handled", "quarantined"]
CaseStatus = Literal["incomplete", "waiting", "claimed", "resolved"]


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment, in UTC on both databases; one without a time zone is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """The moment as the driver takes it: SQLite's keeps no time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment without a time zone can not be stored.")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """The stored moment, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _id() -> sa.Column[UUID]:
    return sa.Column("id", sa.Uuid(), primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _moment(name: str) -> sa.Column[datetime]:
    return sa.Column(name, UtcDateTime(), nullable=False)


def _of(parent: str, *, primary_key: bool = False, unique: bool = False, index: bool = False) -> sa.Column[UUID]:
    """The column that names a row's conversation, message or case, with which the row is deleted."""
    reference = sa.ForeignKey(f"{parent}s.id", ondelete="CASCADE")
    name = f"{parent}_id"
    return sa.Column(name, reference, primary_key=primary_key, unique=unique, index=index, nullable=False)


def _one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


contacts = sa.Table(
    "contacts",
    METADATA,
    _id(),
    _text("channel"),
    _text("bot"),
    sa.Column("ref", sa.LargeBinary(), nullable=False),
    sa.Column("ref_mark", sa.LargeBinary(), nullable=False),  # by which the sealed ref is found
    _moment("created_at"),
    sa.Column("closed_at", UtcDateTime()),
    sa.UniqueConstraint("channel", "bot", "ref_mark"),
)

conversations = sa.Table(
    "conversations",
    METADATA,
    _id(),
    sa.Column("contact_id", sa.ForeignKey("contacts.id"), nullable=False, unique=True),
    _text("language"),
    sa.Column("state", sa.LargeBinary(), nullable=False),  # JSON
    sa.Column("state_version", sa.Integer(), nullable=False),
    sa.Column("last_seq", sa.Integer(), nullable=False),
    sa.Column("hidden_seq", sa.Integer(), nullable=False, server_default=sa.text("0")),
    _moment("created_at"),
    _moment("updated_at"),
    _one_of("language", get_args(Language)),
)

messages = sa.Table(
    "messages",
    METADATA,
    _id(),
    _of("conversation"),
    sa.Column("seq", sa.Integer(), nullable=False),
    _text("author"),
    _text("kind"),
    _text("language"),
    sa.Column("body", sa.LargeBinary(), nullable=False),
    sa.Column("buttons", sa.LargeBinary()),  # JSON, a list of objects that have a title
    sa.Column("answer", sa.Text()),
    _text("channel"),
    _text("bot"),
    sa.Column("external_id", sa.Text()),
    _moment("created_at"),
    sa.UniqueConstraint("conversation_id", "seq"),
    sa.UniqueConstraint("channel", "bot", "external_id"),
    _one_of("author", get_args(Author)),
    _one_of("kind", get_args(Kind)),
)

attachments = sa.Table(
    "attachments",
    METADATA,
    _of("message", primary_key=True),
    sa.Column("details", sa.LargeBinary(), nullable=False),  # JSON, the fields of model.Attachment
)

outbound = sa.Table(
    "outbound",
    METADATA,
    _of("message", primary_key=True),
    _of("conversation", index=True),
    sa.Column("seq", sa.Integer(), nullable=False),  # the message's own, so that the index below gives the order
    sa.Column("class", sa.Text(), nullable=False, key="send_class"),
    sa.Column("not_before", UtcDateTime()),
    _text("status"),
    sa.Column("attempts", sa.Integer(), nullable=False),
    sa.Column("error", sa.Text()),
    sa.Column("platform_id", sa.Text()),
    sa.Column("claimed_by", sa.Text()),  # the EXECUTOR_ID of the process that is sending it
    _moment("updated_at"),
    sa.CheckConstraint("class IN ('A', 'B')", name="class"),
    _one_of("status", get_args(OutboundStatus)),
)


def is_unsent(rows: sa.FromClause) -> sa.ColumnElement[bool]:
    """The condition of the partial index, word for word: only with it do the databases use that index."""
    return rows.c.status.in_([sa.literal_column("'queued'"), sa.literal_column("'sending'")])


sa.Index(
    "ix_outbound_unsent",
    outbound.c.conversation_id,
    outbound.c.seq,
    sqlite_where=is_unsent(outbound),
    postgresql_where=is_unsent(outbound),
)


def is_undelivered(rows: sa.FromClause) -> sa.ColumnElement[bool]:
    """Messages that will not be sent any more: the condition of the partial index, word for word."""
    return rows.c.status.in_([sa.literal_column("'rejected'"), sa.literal_column("'failed'")])


sa.Index(
    "ix_outbound_undelivered",
    outbound.c.conversation_id,
    sqlite_where=is_undelivered(outbound),
    postgresql_where=is_undelivered(outbound),
)

holds = sa.Table(
    "holds",
    METADATA,
    sa.Column("channel", sa.Text(), primary_key=True),
    sa.Column("bot", sa.Text(), primary_key=True),
    _moment("until"),
)

raw_updates = sa.Table(
    "raw_updates",
    METADATA,
    _id(),
    _text("channel"),
    _text("bot"),
    _text("external_id"),
    _moment("received_at"),
    sa.Column("raw", sa.LargeBinary(), nullable=False),
    _text("status"),
    sa.Column("tries", sa.Integer(), nullable=False),
    sa.Column("error", sa.Text()),
    sa.UniqueConstraint("channel", "bot", "external_id"),
    _one_of("status", get_args(UpdateStatus)),
)
sa.Index("ix_raw_updates_received_at", raw_updates.c.received_at)


def is_open(rows: sa.FromClause) -> sa.ColumnElement[bool]:
    """Updates that are not handled: the condition of the partial index, word for word."""
    return rows.c.status.in_([sa.literal_column("'received'"), sa.literal_column("'quarantined'")])


sa.Index(
    "ix_raw_updates_open",
    raw_updates.c.status,
    raw_updates.c.received_at,
    sqlite_where=is_open(raw_updates),
    postgresql_where=is_open(raw_updates),
)

cases = sa.Table(
    "cases",
    METADATA,
    _id(),
    sa.Column("number", sa.Integer(), nullable=False, unique=True),
    _of("conversation", index=True),
    _text("type"),
    _text("lane"),
    _text("status"),
    sa.Column("urgent", sa.Boolean(), nullable=False),
    _moment("created_at"),
    _moment("updated_at"),
    _one_of("lane", get_args(Lane)),
    _one_of("status", get_args(CaseStatus)),
)

case_events = sa.Table(
    "case_events",
    METADATA,
    _id(),
    _of("case", index=True),
    _text("kind"),
    _moment("at"),
    sa.Column("note", sa.LargeBinary()),
)

votes = sa.Table(
    "votes",
    METADATA,
    _id(),
    _of("message", unique=True),
    _of("conversation", index=True),
    _text("answer"),
    _text("language"),
    sa.Column("helped", sa.Boolean(), nullable=False),
    _moment("at"),
)

unanswered = sa.Table(
    "unanswered",
    METADATA,
    _id(),
    _of("message", unique=True),
    _of("conversation", index=True),
    _text("language"),
    _text("guesses"),  # JSON
    _moment("at"),
)
