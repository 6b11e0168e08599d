"""The tables, the same on SQLite and PostgreSQL. A change here needs a migration in `migrations/versions`.

What people wrote, and what says who they are, is held as bytes, sealed by `vault`. Channels are not listed in a
constraint, so that a new channel needs no migration.
"""

from typing import Literal, get_args

import sqlalchemy as sa

from bot.model import Author, Lane, Language, LookUpKind
from bot.storage.columns import METADATA as METADATA  # with the tables in it
from bot.storage.columns import UtcDateTime, belongs_to, id_column, moment_column, one_of, text_column

Kind = Literal["text", "press", "attachment"]
OutboundStatus = Literal["queued", "sending", "sent", "maybe_sent", "rejected", "failed"]
UpdateStatus = Literal["received", "handled", "quarantined"]
CaseStatus = Literal["incomplete", "waiting", "claimed", "resolved"]
MediaStatus = Literal["wanted", "stored", "refused"]
ErasedKind = Literal["conversation", "case"]

contacts = sa.Table(
    "contacts",
    METADATA,
    id_column(),
    text_column("channel"),
    text_column("bot"),
    sa.Column("ref", sa.LargeBinary(), nullable=False),
    sa.Column("ref_mark", sa.LargeBinary(), nullable=False),  # by which the sealed ref is found
    moment_column("created_at"),
    sa.Column("closed_at", UtcDateTime()),
    sa.UniqueConstraint("channel", "bot", "ref_mark"),
)

conversations = sa.Table(
    "conversations",
    METADATA,
    id_column(),
    sa.Column("contact_id", sa.ForeignKey("contacts.id"), nullable=False, unique=True),
    text_column("language"),
    sa.Column("state", sa.LargeBinary(), nullable=False),  # JSON
    sa.Column("state_version", sa.Integer(), nullable=False),
    sa.Column("last_seq", sa.Integer(), nullable=False),
    sa.Column("hidden_seq", sa.Integer(), nullable=False, server_default=sa.text("0")),
    moment_column("created_at"),
    moment_column("updated_at"),
    one_of("language", get_args(Language)),
)

look_ups = sa.Table(
    "look_ups",
    METADATA,
    belongs_to("conversation", primary_key=True),
    sa.Column("kind", sa.Text(), primary_key=True),
    sa.Column("mark", sa.LargeBinary(), primary_key=True),
    one_of("kind", get_args(LookUpKind)),
)
sa.Index("ix_look_ups_mark", look_ups.c.mark)

messages = sa.Table(
    "messages",
    METADATA,
    id_column(),
    belongs_to("conversation"),
    sa.Column("seq", sa.Integer(), nullable=False),
    text_column("author"),
    text_column("kind"),
    text_column("language"),
    sa.Column("body", sa.LargeBinary(), nullable=False),
    sa.Column("buttons", sa.LargeBinary()),  # JSON, a list of objects that have a title
    sa.Column("answer", sa.Text()),
    text_column("channel"),
    text_column("bot"),
    sa.Column("external_id", sa.Text()),
    moment_column("created_at"),
    sa.UniqueConstraint("conversation_id", "seq"),
    sa.UniqueConstraint("channel", "bot", "external_id"),
    one_of("author", get_args(Author)),
    one_of("kind", get_args(Kind)),
)

attachments = sa.Table(
    "attachments",
    METADATA,
    belongs_to("message", primary_key=True),
    sa.Column("details", sa.LargeBinary(), nullable=False),  # JSON, the fields of model.Attachment
)

media = sa.Table(
    "media",
    METADATA,
    id_column(),  # the name of the file and of its key
    belongs_to("message", unique=True),
    belongs_to("conversation", index=True),
    text_column("kind"),
    text_column("status"),
    sa.Column("reason", sa.Text()),
    sa.Column("type", sa.Text()),
    sa.Column("size", sa.Integer()),
    sa.Column("attempts", sa.Integer(), nullable=False),
    sa.Column("not_before", UtcDateTime()),
    moment_column("updated_at"),
    one_of("status", get_args(MediaStatus)),
)


def is_wanted(rows: sa.FromClause) -> sa.ColumnElement[bool]:
    """Files still to be fetched: the condition of the partial index, word for word."""
    return rows.c.status == sa.literal_column("'wanted'")


sa.Index("ix_media_wanted", media.c.updated_at, sqlite_where=is_wanted(media), postgresql_where=is_wanted(media))

outbound = sa.Table(
    "outbound",
    METADATA,
    belongs_to("message", primary_key=True),
    belongs_to("conversation", index=True),
    sa.Column("seq", sa.Integer(), nullable=False),  # the message's own, so that the index below gives the order
    sa.Column("class", sa.Text(), nullable=False, key="send_class"),
    sa.Column("not_before", UtcDateTime()),
    text_column("status"),
    sa.Column("attempts", sa.Integer(), nullable=False),
    sa.Column("error", sa.Text()),
    sa.Column("platform_id", sa.Text()),
    sa.Column("claimed_by", sa.Text()),  # the EXECUTOR_ID of the process that is sending it
    moment_column("updated_at"),
    sa.CheckConstraint("class IN ('A', 'B')", name="class"),
    one_of("status", get_args(OutboundStatus)),
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
    moment_column("until"),
)

raw_updates = sa.Table(
    "raw_updates",
    METADATA,
    id_column(),
    text_column("channel"),
    text_column("bot"),
    text_column("external_id"),
    moment_column("received_at"),
    sa.Column("raw", sa.LargeBinary(), nullable=False),
    text_column("status"),
    sa.Column("tries", sa.Integer(), nullable=False),
    sa.Column("error", sa.Text()),
    sa.UniqueConstraint("channel", "bot", "external_id"),
    one_of("status", get_args(UpdateStatus)),
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
    id_column(),
    sa.Column("number", sa.Integer(), nullable=False, unique=True),
    belongs_to("conversation", index=True),
    text_column("type"),
    text_column("lane"),
    text_column("status"),
    sa.Column("urgent", sa.Boolean(), nullable=False),
    moment_column("created_at"),
    moment_column("updated_at"),
    sa.Column("keep_until", UtcDateTime()),  # of a wage claim: when it can no longer be brought
    one_of("lane", get_args(Lane)),
    one_of("status", get_args(CaseStatus)),
)

case_events = sa.Table(
    "case_events",
    METADATA,
    id_column(),
    belongs_to("case", index=True),
    text_column("kind"),
    moment_column("at"),
    sa.Column("note", sa.LargeBinary()),
)

votes = sa.Table(
    "votes",
    METADATA,
    id_column(),
    belongs_to("message", unique=True),
    belongs_to("conversation", index=True),
    text_column("answer"),
    text_column("language"),
    sa.Column("helped", sa.Boolean(), nullable=False),
    moment_column("at"),
)

unanswered = sa.Table(
    "unanswered",
    METADATA,
    id_column(),
    belongs_to("message", unique=True),
    belongs_to("conversation", index=True),
    text_column("language"),
    text_column("guesses"),  # JSON
    moment_column("at"),
)

legal_holds = sa.Table(
    "legal_holds",
    METADATA,
    belongs_to("case", primary_key=True),
    sa.Column("reason", sa.LargeBinary(), nullable=False),
    text_column("placed_by"),
    moment_column("placed_at"),
    sa.Column("confirmed_by", sa.Text()),
    sa.Column("lift_asked_by", sa.Text()),
)

erasures = sa.Table(
    "erasures",
    METADATA,
    sa.Column("owner", sa.Uuid(), primary_key=True),  # of the key: a conversation or a case, which is gone before this
    text_column("kind"),
    text_column("reason"),
    sa.Column("contact_mark", sa.LargeBinary()),  # of who asked for it, and may hurry it
    moment_column("asked_at"),
    moment_column("due_at"),
    one_of("kind", get_args(ErasedKind)),
)
sa.Index("ix_erasures_due_at", erasures.c.due_at)

audit = sa.Table(
    "audit",
    METADATA,
    sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
    moment_column("at"),
    text_column("actor"),
    text_column("action"),
    text_column("object"),
    text_column("details"),  # JSON, codes and numbers only
    sa.Column("chained", sa.LargeBinary(), nullable=False),  # HMAC over the row and the chained of the row before
)
_RAISE = "SELECT RAISE(ABORT, 'the audit is append-only')"
for _verb in ("UPDATE", "DELETE"):
    _refuse = f"CREATE TRIGGER audit_refuses_{_verb} BEFORE {_verb} ON audit\nBEGIN {_RAISE}; END"
    sa.event.listen(
        audit,
        "after_create",
        sa.DDL(_refuse).execute_if(dialect="sqlite"),  # type: ignore[no-untyped-call]
    )
