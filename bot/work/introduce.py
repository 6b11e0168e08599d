"""Tells Telegram at the start who we are and where to post updates; keeps trying until it has heard."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot.channels.telegram import TelegramChannel
from bot.channels.telegram_profile import Profile, introduce, take_by_webhook
from bot.content.model import Content
from bot.content.render import text
from bot.errors import SendError, SendRetryable
from bot.logs import open_log
from bot.model import LANGUAGES, CommandName, Language
from bot.work.loops import pause, unless_stopped

Tell = Callable[[], Coroutine[Any, Any, None]]
log = open_log(__name__)

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 300.0
_COMMANDS: Final[tuple[tuple[CommandName, str], ...]] = (
    ("menu", "control_show_menu"),
    ("person", "control_talk_to_human"),
    ("language", "control_change_language"),
    ("help", "command_help"),
    ("stop", "control_opt_out"),
)


@dataclass(frozen=True, kw_only=True)
class Introduction:
    """What is told at the start. webhook_url is empty where we poll."""

    channel: TelegramChannel
    profiles: Mapping[Language, Profile]
    chance: Callable[[], float]
    webhook_url: str = ""
    webhook_secret: str = field(default="", repr=False)
    first_wait_s: float = FIRST_WAIT_S

    async def run(self, stop: asyncio.Event) -> None:
        """Tells it, first what messages depend on; ends when all is told, or when stop is set."""
        if self.webhook_url:
            await self._until_told("webhook", self._ask_for_posts, stop)
        await self._until_told("staff_group", self.channel.find_staff_group, stop)
        await self._until_told("profile", self._show_profile, stop)

    async def _until_told(self, what: str, tell: Tell, stop: asyncio.Event) -> None:
        wait_s = self.first_wait_s
        while not stop.is_set():
            try:
                await unless_stopped(tell(), stop)
            except SendError as error:
                if not isinstance(error, SendRetryable):
                    log.error("telegram_refuses", what=what, code=str(error))
                    return
                log.warning("telegram_not_told", what=what, code=str(error))
                least_s = error.retry_after_s or 0.0
            else:
                return
            await pause(max(least_s, wait_s * (0.5 + self.chance())), stop)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def _ask_for_posts(self) -> None:
        await take_by_webhook(self.channel.bot, url=self.webhook_url, secret=self.webhook_secret)

    async def _show_profile(self) -> None:
        await introduce(self.channel.bot, self.profiles, default="km")


def profiles_of(content: Content, *, staffed: bool) -> dict[Language, Profile]:
    """What Telegram shows of the bot, in each language; where nobody answers yet, that is said."""
    return {language: _profile(content, language, staffed=staffed) for language in LANGUAGES}


def _profile(content: Content, language: Language, *, staffed: bool) -> Profile:
    described = text(content, language, "profile_description")
    return Profile(
        name=text(content, language, "profile_name"),
        description=described if staffed else f"{described}\n{text(content, language, 'profile_demo')}",
        short_description=text(content, language, "profile_short"),
        commands=tuple((name, text(content, language, key)) for name, key in _COMMANDS),
    )
