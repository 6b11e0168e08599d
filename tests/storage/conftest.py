"""A bare transaction for the tests of queries."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from bot.storage import dialects


@pytest.fixture
def tx(database_url: str) -> Iterator[sa.Connection]:
    """A connection in a transaction that may write."""
    engine = dialects.create_engine(dialects.parse_database_url(database_url), connections=1)
    with engine.begin() as connection:
        yield connection
    engine.dispose()
