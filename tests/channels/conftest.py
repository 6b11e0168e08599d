"""A fake Telegram, and our channel that speaks to it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.channels.telegram import TelegramChannel, open_channel
from tests.fakes.telegram import FakeTelegram, fake_telegram


@pytest.fixture
def fake() -> Iterator[FakeTelegram]:
    """A server of this test's own, without limits."""
    with fake_telegram() as running:
        running.do("limits", overall_per_s=0, chat_per_s=0, group_per_min=0)
        yield running


@pytest.fixture
async def channel(fake: FakeTelegram) -> AsyncIterator[TelegramChannel]:
    """The channel of its bot; it does not pause between parts."""
    opened = open_channel(token=fake.token, api_url=fake.address, staff_group=-77)

    async def at_once(seconds: float) -> None:
        return None

    opened.sleep = at_once
    yield opened
    await opened.close()
