"""Several processes on one PostgreSQL: who lives, and who has the right to poll and send for a bot.

Both are advisory locks of a connection, so that the server takes them from a process in the moment in which it dies.
On SQLite there is one process (`alone`), and whoever else left something there is dead.
"""

import time
import zlib
from collections.abc import Iterable
from typing import Final

import psycopg
import sqlalchemy as sa

from bot.errors import StorageDown, StorageError
from bot.model import ChannelName
from bot.storage import dialects

_PROCESS: Final = 0x70726F63
_LEAD: Final = 0x6C656164
"""The first number of the locks of each kind; the second is made of the name."""
SIGNALS: Final = "returnee_bot"
CONNECT_TIMEOUT_S: Final = 10
LETS_GO_WITHIN_S: Final = 10.0
"""So long the server may take to see that a process died, and others to look whether it lives."""
_TRY: Final = "SELECT pg_try_advisory_lock(%s, %s)"

_TRY_IN_TRANSACTION = sa.select(
    sa.func.pg_try_advisory_xact_lock(sa.bindparam("kind", type_=sa.Integer), sa.bindparam("number", type_=sa.Integer))
)


def dead(tx: sa.Connection, executor_ids: Iterable[str]) -> list[str]:
    """Those under whose name no process lives; none can begin under it before the transaction ends."""
    if tx.dialect.name == "sqlite":
        return list(executor_ids)
    return [
        name for name in executor_ids if tx.scalar(_TRY_IN_TRANSACTION, {"kind": _PROCESS, "number": _number(name)})
    ]


def refuse_taken_name(database_url: str, executor_id: str) -> None:
    """Says at the start, and not later, that another process runs under this name.

    Raises:
        StorageError: so it is, or the server can not be reached.
    """
    deadline = time.monotonic() + LETS_GO_WITHIN_S
    try:
        with psycopg.connect(_conninfo(database_url), autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            while not (row := connection.execute(_TRY, (_PROCESS, _number(executor_id))).fetchone()) or not row[0]:
                if time.monotonic() > deadline:
                    raise StorageError(f"EXECUTOR_ID={executor_id}: another process has this name. Give each its own.")
                time.sleep(0.2)
    except psycopg.Error as error:
        raise StorageDown(f"The database does not answer ({dialects.reason(error)}).") from error


class Membership:
    """The locks of one process, on a connection of its own; all are gone once that breaks."""

    def __init__(self, connection: "psycopg.AsyncConnection[tuple[bool]]") -> None:
        """Over an open connection in autocommit."""
        self.connection = connection

    @classmethod
    async def open(cls, database_url: str) -> "Membership":
        """Connects.

        Raises:
            StorageDown: the server can not be reached.
        """
        try:
            connection = await psycopg.AsyncConnection.connect(
                _conninfo(database_url),
                autocommit=True,
                connect_timeout=CONNECT_TIMEOUT_S,
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=3,
            )
        except psycopg.Error as error:
            raise StorageDown(f"The database does not answer ({dialects.reason(error)}).") from error
        return cls(connection)

    async def try_to_be(self, executor_id: str) -> bool:
        """Whether this process is the only one of this name from now on."""
        return await self._try(_PROCESS, executor_id)

    async def try_to_lead(self, channel: ChannelName) -> bool:
        """Whether this process alone polls and sends on the channel from now on."""
        return await self._try(_LEAD, channel)

    async def _try(self, kind: int, name: str) -> bool:
        found = await self.connection.execute(_TRY, (kind, _number(name)))
        row = await found.fetchone()
        return bool(row and row[0])


def _conninfo(database_url: str) -> str:
    return dialects.parse_database_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)


def _number(name: str) -> int:
    """A signed number of 32 bits, as the locks take it."""
    return zlib.crc32(name.encode()) - 2**31
