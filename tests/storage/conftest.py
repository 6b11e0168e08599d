"""What the tests of storage share beside rows.py."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from bot.storage import dialects
from bot.storage.migrate import upgrade
from bot.storage.vault import Vault, carry


@pytest.fixture
def own_database_url(empty_database_url: str, vault: Vault) -> str:
    """The address of a database with all tables, for a test that changes them or leaves something running."""
    upgrade(empty_database_url, vault)
    return empty_database_url


@pytest.fixture
def tx(database_url: str, vault: Vault) -> Iterator[sa.Connection]:
    """A connection in a transaction that may write."""
    engine = dialects.create_engine(dialects.parse_database_url(database_url), connections=1)
    with carry(engine, vault).begin() as connection:
        yield connection
    engine.dispose()
