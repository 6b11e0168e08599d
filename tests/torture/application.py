"""The application in this process, without a network: for what is about updates and not about processes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.app import Application, open_application
from bot.channels.telegram import open_channel
from bot.channels.webchat import WebChannel
from bot.settings import REPOSITORY, Settings
from tests.fakes.telegram_server import TOKEN

ACCOUNT = TOKEN.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """Takes updates as the webhook would."""

    application: Application

    async def deliver(self, update_id: int, raw: bytes) -> None:
        """One update, as Telegram writes it."""
        await self.application.ingest("telegram", ACCOUNT, str(update_id), raw)


@contextmanager
def inbox(database_url: str) -> Iterator[Inbox]:
    """The application over this database; nothing is sent."""
    settings = Settings(data_dir=REPOSITORY / "data", database_url=database_url)
    channel = open_channel(token=TOKEN, api_url="http://127.0.0.1:9", staff_group=None)
    application = open_application(settings, WebChannel(), channel)
    try:
        yield Inbox(application=application)
    finally:
        application.storage.close()


def text_update(number: int, user: int, text: str) -> dict[str, Any]:
    """A text as Telegram writes it; number names both the update and the message."""
    return {
        "update_id": 500_000_000 + number,
        "message": {
            "message_id": number,
            "date": 1_795_000_000,
            "chat": {"id": user, "type": "private", "first_name": "P"},
            "from": {"id": user, "is_bot": False, "first_name": "P"},
            "text": text,
        },
    }


def raw_of(update: dict[str, Any]) -> bytes:
    """The bytes of an update."""
    return json.dumps(update).encode()


def fresh(folder: Path, name: str) -> str:
    """The address of a database that does not exist yet."""
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / name}.db"
