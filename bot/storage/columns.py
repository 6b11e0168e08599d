"""What the columns of the tables are made of, the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa


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


def id_column() -> sa.Column[UUID]:
    """The primary key: a UUID that the application makes."""
    return sa.Column("id", sa.Uuid(), primary_key=True)


def text_column(name: str) -> sa.Column[str]:
    """Words that are no content: names, codes."""
    return sa.Column(name, sa.Text(), nullable=False)


def moment_column(name: str) -> sa.Column[datetime]:
    """A moment that is always known."""
    return sa.Column(name, UtcDateTime(), nullable=False)


def belongs_to(parent: str, *, primary_key: bool = False, unique: bool = False, index: bool = False) -> sa.Column[UUID]:
    """The column that names a row's conversation, message or case, with which the row is deleted."""
    reference = sa.ForeignKey(f"{parent}s.id", ondelete="CASCADE")
    name = f"{parent}_id"
    return sa.Column(name, reference, primary_key=primary_key, unique=unique, index=index, nullable=False)


def one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    """The check that a column holds one of these."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)
