"""The key store: one key for each conversation, case and day of updates, wrapped by a master key.

A database of its own: a backup of the data holds no key, and what is destroyed here is gone from every backup.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from bot.errors import KeyDestroyed, SealBroken, SettingsError, StorageError
from bot.storage import dialects
from bot.storage.crypto import Key, new_secret
from bot.storage.masterkeys import MasterKeys, load_master_keys

WRITERS: Final = 2
READERS: Final = 6
KEPT: Final = 20_000
LOOKED_UP_AGAIN_AFTER_S: Final = 30.0
"""A key that another process destroyed opens nothing here after so long."""
REWRAPPED_AT_ONCE: Final = 200

METADATA = sa.MetaData()
data_keys = sa.Table(
    "data_keys",
    METADATA,
    sa.Column("owner", sa.Text(), primary_key=True),
    sa.Column("master", sa.Integer(), nullable=False, index=True),
    sa.Column("wrapped", sa.LargeBinary(), nullable=False),
)
_FIND = sa.select(data_keys.c.master, data_keys.c.wrapped).where(data_keys.c.owner == sa.bindparam("of_owner"))
_INSERT = dialects.insert_if_new(data_keys, "owner")
_DESTROY = sa.delete(data_keys).where(data_keys.c.owner == sa.bindparam("of_owner"))
_OWNERS = sa.select(data_keys.c.owner).where(data_keys.c.owner.startswith(sa.bindparam("prefix")))
_COUNT = sa.select(data_keys.c.master, sa.func.count().label("number")).group_by(data_keys.c.master)
_VERSIONS = sa.select(data_keys.c.master).distinct()
_SAMPLE = sa.select(data_keys).where(data_keys.c.master == sa.bindparam("of_master")).limit(1)
_OLD = sa.select(data_keys).where(data_keys.c.master != sa.bindparam("newest")).limit(sa.bindparam("at_most"))
_REWRAP = (
    sa.update(data_keys)
    .where(data_keys.c.owner == sa.bindparam("of_owner"), data_keys.c.wrapped == sa.bindparam("before"))
    .values(master=sa.bindparam("newest"), wrapped=sa.bindparam("after"))
)


class KeyStore:
    """The open key store. Its methods may be called from several threads, also inside a transaction on the data."""

    def __init__(
        self,
        *,
        writer: sa.Engine,
        reader: sa.Engine,
        file: Path,
        clock: Callable[[], float] = time.monotonic,
        kept: int = KEPT,
    ) -> None:
        """Over a database that has the table; file holds the master keys.

        Raises:
            SettingsError: the file is not as it must be.
        """
        self._writer, self._reader, self._file, self._clock, self._kept = writer, reader, file, clock, kept
        self._masters = load_master_keys(file)
        self._known: OrderedDict[str, tuple[Key, bytes, float]] = OrderedDict()
        self._lock = threading.Lock()

    def key(self, owner: str) -> Key:
        """The owner's key.

        Raises:
            KeyDestroyed: there is none (any more).
        """
        return self._find(owner)[0]

    def key_or_new(self, owner: str) -> Key:
        """The owner's key; a new one is on the disk before anything can be sealed with it."""
        try:
            return self._find(owner)[0]
        except KeyDestroyed:
            self._add(owner)
            return self._find(owner)[0]

    def secret_or_new(self, owner: str) -> bytes:
        """The bytes of the owner's key, for what is no sealing."""
        self.key_or_new(owner)
        return self._find(owner)[1]

    def destroy(self, *owners: str) -> None:
        """Makes everything that these keys sealed unreadable, in every copy of the data, for good."""
        with self._writer.begin() as tx:
            for owner in owners:
                tx.execute(_DESTROY, {"of_owner": owner})
        with self._lock:
            for owner in owners:
                self._known.pop(owner, None)
        dialects.forget_deleted(self._writer)

    def owners(self, prefix: str) -> list[str]:
        """The owners whose names begin so, in their order."""
        with self._reader.begin() as tx:
            return sorted(tx.scalars(_OWNERS, {"prefix": prefix}))

    def check(self) -> None:
        """Opens one key of each version, so that a wrong master key is met at the start and not by a contact.

        Raises:
            SettingsError: a master key is missing, or is not the one that wrapped the keys here.
        """
        with self._reader.begin() as tx:
            rows = [tx.execute(_SAMPLE, {"of_master": version}).first() for version in tx.scalars(_VERSIONS).all()]
        for row in filter(None, rows):
            try:
                self._master(row.master).open(row.wrapped, row.owner.encode())
            except SealBroken as error:
                problem = f"MASTER_KEY_FILE: version {row.master} is not the key with which this key store was made."
                raise SettingsError([problem]) from error

    def count_by_master(self) -> dict[int, int]:
        """How many keys each version of the master key wraps."""
        with self._reader.begin() as tx:
            return {row.master: row.number for row in tx.execute(_COUNT)}

    def rewrap_some(self) -> int:
        """Wraps some keys that an older master key wraps by the newest; how many, 0 when none is left.

        Safe beside other processes and after a kill: each key is wrapped anew at once, and stays the same key.
        """
        masters = self._load_masters()
        with self._writer.begin() as tx:
            old = tx.execute(_OLD, {"newest": masters.newest, "at_most": REWRAPPED_AT_ONCE}).all()
            for row in old:
                secret = self._master(row.master).open(row.wrapped, row.owner.encode())
                after = masters.by_version[masters.newest].seal(secret, row.owner.encode())
                values = {"of_owner": row.owner, "before": row.wrapped, "newest": masters.newest, "after": after}
                tx.execute(_REWRAP, values)
        return len(old)

    def close(self) -> None:
        """Lets go of the database."""
        self._writer.dispose()
        self._reader.dispose()

    def _find(self, owner: str) -> tuple[Key, bytes]:
        now = self._clock()
        with self._lock:
            known = self._known.get(owner)
            if known and now - known[2] < LOOKED_UP_AGAIN_AFTER_S:
                self._known.move_to_end(owner)
                return known[:2]
        secret = self._look_up(owner)
        key = known[0] if known and known[1] == secret else Key(secret)
        with self._lock:
            self._known[owner] = (key, secret, now)
            self._known.move_to_end(owner)
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
        return key, secret

    def _look_up(self, owner: str) -> bytes:
        with self._reader.begin() as tx:
            row = tx.execute(_FIND, {"of_owner": owner}).one_or_none()
        if row is None:
            with self._lock:
                self._known.pop(owner, None)
            raise KeyDestroyed("What was sealed here can not be read: its key was destroyed.")
        return self._master(row.master).open(row.wrapped, owner.encode())

    def _add(self, owner: str) -> None:
        masters = self._load_masters()  # the newest of now: an older one may be dropped soon
        wrapped = masters.by_version[masters.newest].seal(new_secret(), owner.encode())
        with self._writer.begin() as tx:
            tx.execute(_INSERT, {"owner": owner, "master": masters.newest, "wrapped": wrapped})

    def _master(self, version: int) -> Key:
        """The master key, read anew where another process has rotated it meanwhile."""
        masters = self._masters if version in self._masters.by_version else self._load_masters()
        if version not in masters.by_version:
            raise SettingsError([f"MASTER_KEY_FILE: version {version} of the master key is missing."])
        return masters.by_version[version]

    def _load_masters(self) -> MasterKeys:
        self._masters = load_master_keys(self._file)
        return self._masters


def open_keys(keys_url: str, file: Path) -> KeyStore:
    """The key store at this address, made if it is not there; close it in the end.

    Raises:
        StorageError: the address is wrong, or it can not be reached.
        SettingsError: the file of master keys is not as it must be, or holds none that wrapped the keys here.
    """
    url = dialects.parse_database_url(keys_url)
    load_master_keys(file)  # before anything is made
    if dialects.is_sqlite(url):
        dialects.make_private(Path(str(url.database)))
    writer = dialects.create_engine(url, connections=WRITERS)
    reader = dialects.create_engine(url, connections=READERS, read_only=True)
    try:
        METADATA.create_all(writer)
        store = KeyStore(writer=writer, reader=reader, file=file)
        store.check()
    except BaseException as error:
        writer.dispose()
        reader.dispose()
        if dialects.is_down(error):
            raise StorageError(f"The key store can not be used: {dialects.reason(error)}") from error
        raise
    return store
