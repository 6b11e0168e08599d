"""What a process does when it begins to serve."""

import asyncio
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bot.app import open_application, utc_now
from bot.channels.telegram import open_channel
from bot.channels.webchat import WebChannel
from bot.serving import build_web
from bot.settings import Settings
from bot.storage import updates
from bot.storage.dialects import is_sqlite, parse_database_url
from tests.fakes.telegram_server import TOKEN
from tests.torture.application import ACCOUNT, link_models, raw_of, text_update

PATIENCE_S = 20


async def test_what_was_begun_is_taken_up_at_the_start_only_by_who_is_alone(
    empty_database_url: str, models: Path, tmp_path: Path
) -> None:
    link_models(tmp_path)
    application = open_application(
        Settings(data_dir=tmp_path, database_url=empty_database_url),
        WebChannel(),
        open_channel(token=TOKEN, api_url="http://127.0.0.1:9", staff_group=None),
    )
    raw = raw_of(text_update(1, 77, "hello"))
    await application.storage.run(
        partial(updates.receive, channel="telegram", bot=ACCOUNT, external_id="1", raw=raw, now=utc_now())
    )
    web = build_web(application)

    async with asyncio.timeout(PATIENCE_S), web.router.lifespan_context(web):
        status = await application.storage.read(lambda tx: tx.scalar(sa.text("SELECT status FROM raw_updates")))

    is_alone = is_sqlite(parse_database_url(empty_database_url))
    assert status == ("handled" if is_alone else "received")  # on PostgreSQL a living one may have it in hand
