"""What tests of several folders share: databases of both kinds, and the one way to leave a test out."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, NoReturn

import pytest

from bot.logs import Lines
from bot.nlu.training import ensure_model
from bot.settings import REPOSITORY, Paths, Settings
from bot.storage.engine import Storage, open_storage
from bot.storage.migrate import upgrade
from bot.storage.tables import METADATA
from bot.storage.vault import Vault, open_vault
from tests.postgres import NotHere, Postgres, delete_all_rows, start_postgres
from tests.talk import Talk, open_talk

Dialect = Literal["sqlite", "postgres"]


def skip_or_fail(reason: str) -> NoReturn:
    """Leaves the test out where something is missing; with REQUIRE_ALL=1, as in CI, that fails."""
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"REQUIRE_ALL=1, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def log_as_written(caplog: pytest.LogCaptureFixture) -> None:
    """caplog.text is what the program would write."""
    caplog.handler.setFormatter(Lines(as_json=True))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this test run's own."""
    try:
        with start_postgres() as server:
            yield server
    except NotHere as error:
        skip_or_fail(str(error))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """The kind of database: whatever uses it runs on both."""
    found: Dialect = request.param
    return found


@pytest.fixture
def empty_database_url(dialect: Dialect, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database without tables; the SQLite file does not exist."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        with server.database() as url:
            yield url


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this test run's own keys."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def vault(keys_dir: Path) -> Iterator[Vault]:
    """Keys for databases of both kinds."""
    with closing(open_vault(Settings(data_dir=keys_dir))) as opened:
        yield opened


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, vault: Vault) -> Path:
    """A SQLite database with all tables, to be copied."""
    file = tmp_path_factory.mktemp("template") / "template.db"
    upgrade(f"sqlite:///{file}", vault)
    return file


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres, vault: Vault) -> Iterator[str]:
    """A PostgreSQL database with all tables, which tests use one after the other."""
    with postgres.database() as url:
        upgrade(url, vault)
        yield url


@pytest.fixture
def database_url(dialect: Dialect, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of a database with all tables and no rows; a test may not change its tables."""
    if dialect == "sqlite":
        file = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "test.db")
        return f"sqlite:///{file}"
    url: str = request.getfixturevalue("postgres_url")
    delete_all_rows(url, [table.name for table in reversed(METADATA.sorted_tables)])
    return url


@pytest.fixture
def storage(database_url: str, vault: Vault) -> Iterator[Storage]:
    """The open database, without rows."""
    opened = open_storage(database_url, vault)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def models() -> Path:
    """Trained models of this checkout; trains once."""
    folder = REPOSITORY / "data" / "models"
    ensure_model(Paths(root=REPOSITORY), folder)
    return folder


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    """A contact's side of a conversation."""
    with open_talk(tmp_path) as opened:
        yield opened
