"""Seals and opens the cells of the data with the keys of the key store. A connection carries its vault."""

from dataclasses import dataclass, field
from typing import Final, overload
from uuid import UUID

import sqlalchemy as sa

from bot.settings import Settings
from bot.storage.crypto import cell, digest
from bot.storage.keys import KeyStore, open_keys
from bot.storage.masterkeys import make_master_keys
from bot.storage.texts import to_bytes, to_text

LOOK_UP: Final = "look-up"
_OPTION: Final = "vault"


@dataclass(frozen=True, kw_only=True)
class Vault:
    """What storage functions seal with.

    owner: whose key it is; destroying that key makes the cell unreadable. A conversation's and a contact's is their id,
    a case's is its id.
    """

    keys: KeyStore
    look_up: bytes = field(repr=False)

    @overload
    def seal(self, owner: UUID | str, table: str, column: str, row: UUID, words: str) -> bytes: ...
    @overload
    def seal(self, owner: UUID | str, table: str, column: str, row: UUID, words: None) -> None: ...
    def seal(self, owner: UUID | str, table: str, column: str, row: UUID, words: str | None) -> bytes | None:
        """The words for this cell."""
        return None if words is None else self.seal_bytes(owner, table, column, row, to_bytes(words))

    def seal_bytes(self, owner: UUID | str, table: str, column: str, row: UUID, plain: bytes) -> bytes:
        """The bytes for this cell."""
        return self.keys.key_or_new(str(owner)).seal(plain, cell(table, column, row))

    @overload
    def open(self, owner: UUID | str, table: str, column: str, row: UUID, sealed: bytes) -> str: ...
    @overload
    def open(self, owner: UUID | str, table: str, column: str, row: UUID, sealed: None) -> None: ...
    def open(self, owner: UUID | str, table: str, column: str, row: UUID, sealed: bytes | None) -> str | None:
        """The words of this cell.

        Raises:
            KeyDestroyed: they were made unreadable.
            SealBroken: the cell was moved or changed.
        """
        return None if sealed is None else to_text(self.open_bytes(owner, table, column, row, sealed))

    def open_bytes(self, owner: UUID | str, table: str, column: str, row: UUID, sealed: bytes) -> bytes:
        """The bytes of this cell; raises as open()."""
        return self.keys.key(str(owner)).open(sealed, cell(table, column, row))

    def mark(self, kind: str, words: str) -> bytes:
        """What words of this kind (the ref of a contact, a phone) are found by; shows nothing of them."""
        return digest(self.look_up, kind, words)

    def close(self) -> None:
        """Lets go of the key store."""
        self.keys.close()


def open_vault(settings: Settings) -> Vault:
    """The vault of these settings; demo makes its master key. Close it in the end.

    Raises:
        SettingsError: the file of master keys is not as it must be.
        StorageError: the key store can not be used.
    """
    if settings.mode == "demo" and settings.master_key_file is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        make_master_keys(settings.master_keys)
    keys = open_keys(settings.keys, settings.master_keys)
    return Vault(keys=keys, look_up=keys.secret_or_new(LOOK_UP))


def carry(engine: sa.Engine, vault: Vault) -> sa.Engine:
    """The engine, whose connections carry the vault."""
    return engine.execution_options(**{_OPTION: vault})


def vault_of(tx: sa.Connection) -> Vault:
    """The vault that the connection carries."""
    vault: Vault = tx.get_execution_options()[_OPTION]
    return vault
