"""Holds: until when a bot may send nothing on its channel, because the platform said so."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from bot.model import ChannelName
from bot.storage.tables import holds

_insert = postgresql.insert(holds)  # compiles to the same words for SQLite, as insert_if_new does
_KEEP = _insert.on_conflict_do_update(
    index_elements=["channel", "bot"],
    set_={"until": _insert.excluded.until},
    where=holds.c.until < _insert.excluded.until,
)
_ALL = sa.select(holds).where(holds.c.until > sa.bindparam("now"))


def hold(tx: sa.Connection, *, channel: ChannelName, bot: str, until: datetime) -> None:
    """Nothing of the bot goes out before that moment; an earlier end than the one known changes nothing."""
    tx.execute(_KEEP, {"channel": channel, "bot": bot, "until": until})


def all_after(conn: sa.Connection, now: datetime) -> dict[tuple[ChannelName, str], datetime]:
    """The end of every hold that has not ended yet, by channel and bot."""
    return {(row.channel, row.bot): row.until for row in conn.execute(_ALL, {"now": now})}
