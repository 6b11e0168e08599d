"""The application in this process, without a network: for what is about updates and not about processes."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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


@asynccontextmanager
async def inbox(database_url: str, data_dir: Path) -> AsyncIterator[Inbox]:
    """The application over this database, with the keys of this folder; nothing is sent."""
    link_models(data_dir)
    settings = Settings(data_dir=data_dir, database_url=database_url)
    channel = open_channel(token=TOKEN, api_url="http://127.0.0.1:9", staff_group=None)
    application = open_application(settings, WebChannel(), channel)
    try:
        yield Inbox(application=application)
    finally:
        await application.aclose()


def link_models(data_dir: Path) -> None:
    """Lets a bot of this folder use the models of this checkout."""
    ours = REPOSITORY / "data" / "models"
    for folder in (data_dir, ours):
        folder.mkdir(parents=True, exist_ok=True)
    if not (data_dir / "models").exists():
        (data_dir / "models").symlink_to(ours)


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
