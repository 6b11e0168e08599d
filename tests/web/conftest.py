"""A served bot, as its users start it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.serving import Served, serving


@pytest.fixture(scope="session")
def served(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the tests that do not break it."""
    with serving(tmp_path_factory.mktemp("served"), models=models) as running:
        yield running


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    """A browser without a page: it has opened /chat and keeps the cookie."""
    with httpx.Client(base_url=served.address, timeout=20) as opened:
        opened.get("/chat")
        yield opened


def post(client: httpx.Client, text: str, message_id: str | None = None) -> httpx.Response:
    """Writes one message."""
    return client.post("/chat/api/messages", json={"id": message_id or str(uuid4()), "text": text})
