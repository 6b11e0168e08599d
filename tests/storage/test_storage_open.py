"""What can not be opened is refused with a reason, and without its password."""

from pathlib import Path

import pytest

from bot.errors import StorageError
from bot.storage.engine import open_storage
from bot.storage.vault import Vault
from tests.conftest import Dialect


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("", "not an address"),
        ("returnee-bot.db", "not an address"),
        ("mysql://host/database", "“mysql”"),
        ("postgres://host/database", "“postgres”"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:////no/such/folder/file.db", "folder /no/such/folder of the database does not exist"),
        ("postgresql://user:password@127.0.0.1:1/database", "can not be used: connection failed"),
    ],
)
def test_a_wrong_address_is_explained_without_its_password(wrong: str, says: str, vault: Vault) -> None:
    with pytest.raises(StorageError, match=says) as caught:
        open_storage(wrong, vault)

    assert "password" not in str(caught.value)


def test_a_database_without_tables_is_refused(
    empty_database_url: str, dialect: Dialect, tmp_path: Path, vault: Vault
) -> None:
    with pytest.raises(StorageError, match="has no tables yet; this version needs revision"):
        open_storage(empty_database_url, vault)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path: Path, vault: Vault) -> None:
    file = tmp_path / "file.db"
    file.write_text("not a database, but long enough to be looked at" * 50)

    with pytest.raises(StorageError, match="not a database"):
        open_storage(f"sqlite:///{file}", vault)
