"""Finds conversations by a phone or a name in them. Only keyed marks of these are kept, which show nothing of them."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa

from bot.model import LookUpKind
from bot.storage.dialects import insert_if_new
from bot.storage.tables import look_ups
from bot.storage.vault import vault_of

_INSERT = insert_if_new(look_ups, "conversation_id", "kind", "mark")
_FIND = sa.select(look_ups.c.conversation_id).distinct()
_FIND = _FIND.where(look_ups.c.mark.in_(sa.bindparam("marks", expanding=True)))


def note(tx: sa.Connection, conversation_id: UUID, kind: LookUpKind, keys: Collection[str]) -> None:
    """Lets the conversation be found by each of the keys: all spellings of one phone or name, normalised."""
    rows = [{"conversation_id": conversation_id, "kind": kind, "mark": mark} for mark in _marks(tx, kind, keys)]
    if rows:
        tx.execute(_INSERT, rows)


def find(conn: sa.Connection, kind: LookUpKind, keys: Collection[str]) -> list[UUID]:
    """The ids of all conversations that one of the keys was noted for."""
    return list(conn.scalars(_FIND, {"marks": _marks(conn, kind, keys)})) if keys else []


def _marks(conn: sa.Connection, kind: LookUpKind, keys: Collection[str]) -> list[bytes]:
    return [vault_of(conn).mark(kind, key) for key in sorted(keys)]
