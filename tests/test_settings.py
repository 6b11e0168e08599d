"""The settings of Telegram: what is missing or unsafe stops the start, and nothing secret is shown."""

from itertools import combinations
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import REPOSITORY, Settings, load_settings

TOKEN = "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
SECRET = "kD83_nfPq0-Zx71mLw"
WHOLE = {
    "TELEGRAM_MODE": "webhook",
    "TELEGRAM_TOKEN": TOKEN,
    "TELEGRAM_WEBHOOK_SECRET": SECRET,
    "PUBLIC_URL": "https://bot.example.org",
}


def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: dict[str, str]) -> Settings:
    monkeypatch.chdir(tmp_path)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def problems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, tmp_path, settings)
    return str(caught.value)


def test_a_token_alone_is_enough_to_poll(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = load(monkeypatch, tmp_path, {"TELEGRAM_TOKEN": TOKEN})

    assert (settings.telegram_mode, settings.telegram_api_url) == ("polling", "https://api.telegram.org")
    assert settings.telegram_token.get_secret_value() == TOKEN


def test_a_webhook_with_all_it_needs_may_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load(monkeypatch, tmp_path, WHOLE).telegram_mode == "webhook"


NEEDED = ("TELEGRAM_TOKEN", "TELEGRAM_WEBHOOK_SECRET", "PUBLIC_URL")


@pytest.mark.parametrize("missing", [names for count in (1, 2, 3) for names in combinations(NEEDED, count)])
def test_a_webhook_without_any_of_what_it_needs_is_refused_and_all_of_it_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: tuple[str, ...]
) -> None:
    said = problems(monkeypatch, tmp_path, {name: value for name, value in WHOLE.items() if name not in missing})

    assert [name for name in NEEDED if f"{name}:" in said] == [name for name in NEEDED if name in missing]


@pytest.mark.parametrize(
    "secret", ["short-secret-15", "a" * 40, "with spaces in it, and commas", "x" * 257, TOKEN[10:]]
)
def test_a_webhook_with_a_weak_secret_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secret: str) -> None:
    said = problems(monkeypatch, tmp_path, WHOLE | {"TELEGRAM_WEBHOOK_SECRET": secret})

    assert "TELEGRAM_WEBHOOK_SECRET" in said
    assert secret not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_TOKEN", "not-a-token"),
        ("TELEGRAM_API_URL", "http://api.telegram.org"),
        ("TELEGRAM_API_URL", "api.telegram.org"),
        ("TELEGRAM_MODE", "both"),
        ("TELEGRAM_STAFF_GROUP", "12"),
        ("TELEGRAM_STAFF_GROUP", "@group"),
        ("PUBLIC_URL", "http://bot.example.org"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str) -> None:
    assert name in problems(monkeypatch, tmp_path, WHOLE | {name: value})


def test_nothing_secret_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown = repr(load(monkeypatch, tmp_path, WHOLE))

    assert not any(secret in shown for secret in (TOKEN, TOKEN[10:], SECRET))


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name.upper()}`" in (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("crash_at", ["deliver.sent", "deliver.sent:x", "nowhere:1", ":1"])
def test_a_place_to_crash_at_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, crash_at: str) -> None:
    assert "CRASH_AT" in problems(monkeypatch, tmp_path, {"CRASH_AT": crash_at})


def test_production_does_not_kill_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = {"MODE": "production", "CRISIS_PHONE": "1", "CRASH_AT": "deliver.sent:1"}

    assert "CRASH_AT" in problems(monkeypatch, tmp_path, settings)
