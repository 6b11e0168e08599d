"""What Telegram itself shows of the bot: its name, descriptions and commands, and where it posts updates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from telegram import Bot, BotCommand

from bot.channels.telegram_client import sending
from bot.channels.telegram_parse import ALLOWED_UPDATES
from bot.model import CommandName, Language

WEBHOOK_CONNECTIONS: Final = 40


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The words in one language."""

    name: str
    description: str
    short_description: str
    commands: tuple[tuple[CommandName, str], ...]


async def take_by_webhook(bot: Bot, *, url: str, secret: str) -> None:
    """Lets updates be posted to the address, with the secret in a header.

    Raises:
        SendRetryable, SendRejected: as Telegram says.
    """
    with sending():
        await bot.set_webhook(
            url,
            secret_token=secret,
            allowed_updates=ALLOWED_UPDATES,
            max_connections=WEBHOOK_CONNECTIONS,
            drop_pending_updates=False,
        )


async def introduce(bot: Bot, profiles: Mapping[Language, Profile], *, default: Language) -> None:
    """Shows the profiles, each to those whose Telegram speaks its language, the default one to everybody else.

    Only what differs is written: Telegram allows a bot to change its name a few times a day.

    Raises:
        SendRetryable, SendRejected: as Telegram says.
    """
    with sending():
        for code, profile in ((None, profiles[default]), *profiles.items()):
            await _write_texts(bot, code, profile)
            commands = [BotCommand(name, words) for name, words in profile.commands]
            if list(await bot.get_my_commands(language_code=code)) != commands:
                await bot.set_my_commands(commands, language_code=code)


async def _write_texts(bot: Bot, code: Language | None, profile: Profile) -> None:
    if (await bot.get_my_name(language_code=code)).name != profile.name:
        await bot.set_my_name(profile.name, language_code=code)
    if (await bot.get_my_description(language_code=code)).description != profile.description:
        await bot.set_my_description(profile.description, language_code=code)
    shown = await bot.get_my_short_description(language_code=code)
    if shown.short_description != profile.short_description:
        await bot.set_my_short_description(profile.short_description, language_code=code)
