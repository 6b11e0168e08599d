"""Reads the settings, and refuses what is not safe: every problem at the same time, one line for each setting.

What a single value must look like stands with its field in settings.py; here is what depends on other settings, and
what production needs. No line quotes a secret.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import ValidationError

from bot.errors import ReturneeBotError, SettingsError
from bot.settings import NOT_IN_THIS_VERSION, Settings, is_loopback, is_safe_url

Problem = tuple[str, str]
"""The name of a setting, and what is wrong with it."""

SECRET_MIN_CHARS: Final = 16
SECRET_MIN_DIFFERENT: Final = 6
TELEGRAM_SECRET: Final = re.compile(rf"[A-Za-z0-9_-]{{{SECRET_MIN_CHARS},256}}")
_GUESSED: Final = (
    "changeme",
    "change-me",
    "change_me",
    "default",
    "example",
    "password",
    "secret",
    "12345678",
    "qwerty",
)
_EXAMPLES: Final = ("faketoken", "example")
"""What tokens of documentation hold; in one of BotFather's it would be a great chance."""
_PHONE: Final = re.compile(r"[0-9+][0-9 ()/-]{1,19}")


def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: one line for everything that is wrong.
    """
    settings, lines = look_at_settings()
    if settings.mode == "production":
        lines.append(NOT_IN_THIS_VERSION)
    if lines:
        raise SettingsError(lines)
    return settings


def look_at_settings() -> tuple[Settings, list[str]]:
    """The settings as far as they are right, and a line for each that is wrong; for whoever reports and starts nothing.

    Values that are wrong by themselves are replaced by their defaults.
    """
    settings, problems = _read()
    wrong = dict(problems)
    for name, problem in _problems(settings, is_mode_known="MODE" not in wrong):
        wrong.setdefault(name, problem)
    order = [name.upper() for name in Settings.model_fields]
    return settings, [f"{name}: {wrong[name]}" for name in sorted(wrong, key=order.index)]


def _read() -> tuple[Settings, list[Problem]]:
    """The settings with what is wrong by itself, which is then replaced by the default: the rest must be seen too."""
    try:
        return Settings(), []
    except ValidationError as error:
        found = [(str(one["loc"][0]), one["msg"].removeprefix("Value error, ")) for one in error.errors()]
    defaults = {name: Settings.model_fields[name].default for name, _ in found}
    return Settings(**defaults), [(name.upper(), problem) for name, problem in reversed(found)]


def _problems(settings: Settings, *, is_mode_known: bool) -> Iterator[Problem]:
    if settings.telegram_mode == "webhook":
        yield from _webhook(settings)
    if _place(settings.keys) == _place(settings.database):
        yield "KEYS_URL", "this is the database of the data. Its backups would hold the keys: use another."
    if settings.mode == "production":
        yield from _production(settings)
    elif is_mode_known and not is_loopback(settings.host):
        yield "HOST", f"MODE=demo listens on this machine only, not on {settings.host}. Use 127.0.0.1."


def _webhook(settings: Settings) -> Iterator[Problem]:
    secret, token = settings.telegram_webhook_secret.get_secret_value(), settings.telegram_token.get_secret_value()
    if not token:
        yield "TELEGRAM_TOKEN", "TELEGRAM_MODE=webhook needs it."
    if not secret:
        yield "TELEGRAM_WEBHOOK_SECRET", "TELEGRAM_MODE=webhook needs 16 to 256 random letters, digits, _ and -."
    elif not TELEGRAM_SECRET.fullmatch(secret) or len(set(secret)) < SECRET_MIN_DIFFERENT:
        yield "TELEGRAM_WEBHOOK_SECRET", "16 to 256 random letters, digits, _ and - are needed."
    elif secret in token:
        yield "TELEGRAM_WEBHOOK_SECRET", "It is part of the token. Use one of its own."
    if not is_safe_url(settings.public_url):
        yield "PUBLIC_URL", "TELEGRAM_MODE=webhook needs https://… under which Telegram reaches this server."


def _production(settings: Settings) -> Iterator[Problem]:
    if not settings.crisis_phone:
        yield "CRISIS_PHONE", "MODE=production needs the adult crisis line."
    elif not _PHONE.fullmatch(settings.crisis_phone):
        yield "CRISIS_PHONE", "This is no phone number. Use only the digits 0-9, spaces, +, /, - and ( )."
    yield from _master_keys(settings)
    address = urlsplit(settings.public_url)
    if address.scheme != "https" or not address.hostname:
        yield "PUBLIC_URL", "MODE=production needs https://… under which people reach this server."
    elif is_loopback(address.hostname):
        yield "PUBLIC_URL", "People do not reach this machine under this address. Use its https://… name."
    if settings.crash_at:
        yield "CRASH_AT", "MODE=production does not kill itself."
    yield from _secrets(settings)


def _master_keys(settings: Settings) -> Iterator[Problem]:
    from bot.storage.masterkeys import load_master_keys  # in demo, most commands never need it

    file = settings.master_key_file
    if file is None:
        yield "MASTER_KEY_FILE", "MODE=production needs a file of master keys."
    elif file.resolve().is_relative_to(settings.data_dir.resolve()):
        yield "MASTER_KEY_FILE", "It lies in DATA_DIR, whose backups would hold it. Put it elsewhere."
    else:
        try:
            load_master_keys(file)
        except ReturneeBotError as error:
            yield "MASTER_KEY_FILE", str(error).removeprefix("MASTER_KEY_FILE: ")


def _secrets(settings: Settings) -> Iterator[Problem]:
    """Secrets that can be guessed, or that are the same as another one: whoever knows that one knows both."""
    token = settings.telegram_token.get_secret_value().partition(":")[2]
    if token and (len(set(token)) < SECRET_MIN_DIFFERENT or any(word in token.casefold() for word in _EXAMPLES)):
        yield "TELEGRAM_TOKEN", "This is the token of an example. BotFather gives yours."
    given = {
        "TELEGRAM_TOKEN": token,
        "TELEGRAM_WEBHOOK_SECRET": settings.telegram_webhook_secret.get_secret_value(),
        "DATABASE_URL": _password(settings.database_url),
        "KEYS_URL": _password(settings.keys_url),
    }
    secrets = {name: secret for name, secret in given.items() if secret}
    for name, secret in secrets.items():
        if name != "TELEGRAM_TOKEN" and _is_weak(secret):
            yield name, "Its secret is short or easy to guess. Use 16 or more random letters and digits."
    for name, secret in secrets.items():
        same = [other for other in secrets if other != name and secret in secrets[other]]
        if same and not (name == "DATABASE_URL" and same == ["KEYS_URL"]):  # said once, of the keys
            yield name, f"Its secret is that of {same[0]} too. Use one of its own."


def _is_weak(secret: str) -> bool:
    return (
        len(secret) < SECRET_MIN_CHARS
        or len(set(secret)) < SECRET_MIN_DIFFERENT
        or secret in (secret + secret)[1:-1]  # the same few signs again and again
        or any(word in secret.casefold() for word in _GUESSED)
    )


def _place(database_url: str) -> tuple[str, ...]:
    """Where a database is, however its address is written."""
    scheme, _, rest = database_url.partition(":///")
    if scheme.startswith("sqlite"):
        return "sqlite", str(Path(rest.partition("?")[0]).resolve())
    parts = urlsplit(database_url)
    host = parts.hostname or _asked(database_url, "host")
    port = parts.port or _asked(database_url, "port") or 5432
    return "" if not host or is_loopback(host) else host, str(port), parts.path.rstrip("/")


def _password(database_url: str) -> str:
    return unquote(urlsplit(database_url).password or "") or _asked(database_url, "password")


def _asked(database_url: str, name: str) -> str:
    return parse_qs(urlsplit(database_url).query).get(name, [""])[0]
