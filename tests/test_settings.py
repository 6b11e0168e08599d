"""Settings: what is missing or unsafe stops the start, all of it is said at once, and nothing secret is shown."""

import base64
from itertools import combinations
from pathlib import Path

import pytest

from bot.environment import load_settings
from bot.errors import SettingsError
from bot.settings import NOT_IN_THIS_VERSION, REPOSITORY, Settings
from bot.storage.masterkeys import make_master_keys

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


PASSWORD, OTHER = "Xq7-vLw0_pRt5zN2kB", "mD4_hYs8cJ1uGe6-oA"


@pytest.fixture
def right(tmp_path: Path) -> dict[str, str]:
    """Everything that production needs."""
    file = tmp_path / "etc" / "master.keys"
    file.parent.mkdir()
    make_master_keys(file)
    return WHOLE | {
        "MODE": "production",
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": f"postgresql://bot:{PASSWORD}@db.example.org/data",
        "KEYS_URL": f"postgresql://bot:{OTHER}@db.example.org/keys",
        "MASTER_KEY_FILE": str(file),
        "CRISIS_PHONE": "012 345 678",
        "HOST": "10.0.0.5",
    }


REQUIRED = ("MASTER_KEY_FILE", "PUBLIC_URL", "CRISIS_PHONE", "TELEGRAM_TOKEN", "TELEGRAM_WEBHOOK_SECRET")
SUBSETS = [names for count in range(len(REQUIRED) + 1) for names in combinations(REQUIRED, count)]


def named(said: str) -> list[str]:
    """The settings that the lines begin with; the last line is that of this version."""
    *lines, last = said.splitlines()
    assert last == NOT_IN_THIS_VERSION
    return [line.partition(":")[0] for line in lines]


def test_of_production_with_everything_right_only_this_version_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, right: dict[str, str]
) -> None:
    assert named(problems(monkeypatch, tmp_path, right)) == []


@pytest.mark.parametrize("missing", SUBSETS)
@pytest.mark.parametrize("empty", [True, False])
def test_production_names_each_missing_setting_in_one_line_whichever_are_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, right: dict[str, str], missing: tuple[str, ...], empty: bool
) -> None:
    there = {name: value for name, value in right.items() if name not in missing}
    settings = there | (dict.fromkeys(missing, "") if empty else {})

    assert sorted(named(problems(monkeypatch, tmp_path, settings))) == sorted(missing)


@pytest.mark.parametrize("missing", SUBSETS)
def test_values_that_are_wrong_by_themselves_hide_nothing_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, right: dict[str, str], missing: tuple[str, ...]
) -> None:
    wrong = {"PORT": "99999", "RASA_URL": "http://a.example", "TELEGRAM_STAFF_GROUP": "x", "HOST": "a b"}
    settings = {name: value for name, value in right.items() if name not in missing} | wrong

    assert sorted(named(problems(monkeypatch, tmp_path, settings))) == sorted({*missing, *wrong})


BAD = {
    "MASTER_KEY_FILE": ["/nowhere/master.keys", "data/master.keys", "weak.keys", "open.keys", "twice.keys"],
    "PUBLIC_URL": ["http://bot.example.org", "https://", "https://127.0.0.1", "bot.example.org", "https://[::1"],
    "CRISIS_PHONE": ["call us", "1", "+"],
    "HOST": ["a b", "http://x", "/"],
    "CRASH_AT": ["deliver.sent:1"],
    "TELEGRAM_TOKEN": ["no token", "42:" + "A" * 35, "42:AAFakeTokenOfTheFakeServerOnThisMachine"],
    "TELEGRAM_WEBHOOK_SECRET": [
        "short",
        "a" * 40,
        "abcdefgh" * 4,
        "changeme-changeme-now",
        TOKEN[10:],
        PASSWORD,
    ],
    "DATABASE_URL": [
        "postgresql://bot:bot@db.example.org/data",
        f"postgresql://bot:{SECRET}@db.example.org/data",
        "postgresql://bot:my%2Dpassword%2Dis%2Dlong@db.example.org/data",
        f"postgresql://bot:{PASSWORD}@[::1/data",
        "postgresql://db.example.org/data?password=bot",
    ],
    "KEYS_URL": [
        "postgresql://bot:bot2@db.example.org/keys",
        f"postgresql://bot:{PASSWORD}@db.example.org/keys",
        f"postgresql+psycopg://other:{OTHER}@db.example.org:5432/data",
    ],
}


def make_bad_keys(folder: Path) -> None:
    """Files of master keys that are weak, open to others, or hold a key twice."""
    key = base64.b64encode(bytes(range(32))).decode()
    for name, words, mode in (
        ("weak.keys", f"1 {base64.b64encode(bytes(32)).decode()}\n", 0o600),
        ("open.keys", f"1 {key}\n", 0o644),
        ("twice.keys", f"1 {key}\n2 {key}\n", 0o600),
        ("data/master.keys", f"1 {key}\n", 0o600),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(words, encoding="ascii")
        (folder / name).chmod(mode)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_production_refuses_what_is_default_short_guessed_repeated_or_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, right: dict[str, str], name: str, value: str
) -> None:
    make_bad_keys(tmp_path)

    said = problems(monkeypatch, tmp_path, right | {name: value})

    assert name in named(said)
    assert not any(secret in said for secret in (TOKEN[10:], SECRET, PASSWORD, OTHER, "changeme", "my%2D"))


def test_all_of_any_wrong_settings_are_named_in_one_line_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, right: dict[str, str]
) -> None:
    for count in range(len(BAD) + 1):
        for names in combinations(BAD, count):
            with monkeypatch.context() as context:
                bad = {name: BAD[name][0] for name in names}
                assert sorted(named(problems(context, tmp_path, right | bad))) == sorted(names)


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        ("postgresql://a@localhost/x", "postgresql://b@127.0.0.1:5432/x"),
        ("postgresql:///x", "postgresql+psycopg://localhost/x?connect_timeout=3"),
        ("sqlite:///./one.db", "sqlite:///one.db?timeout=3"),
    ],
)
def test_the_database_of_the_data_is_known_however_its_address_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: str, keys: str
) -> None:
    assert "KEYS_URL" in problems(monkeypatch, tmp_path, {"DATABASE_URL": data, "KEYS_URL": keys})


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        ("postgresql://a@db/x", "postgresql://a@db/y"),
        ("postgresql://a@db/x", "postgresql://a@db:5433/x"),
        ("postgresql:///x?host=/run/a", "postgresql:///x?host=/run/b"),
        ("sqlite:///one.db", "sqlite:///two.db"),
    ],
)
def test_another_database_may_hold_the_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: str, keys: str
) -> None:
    assert load(monkeypatch, tmp_path, {"DATABASE_URL": data, "KEYS_URL": keys}).keys == keys


@pytest.mark.parametrize("mode", ["prod", "Production", "0"])
def test_a_mode_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: str) -> None:
    said = problems(monkeypatch, tmp_path, {"MODE": mode, "HOST": "0.0.0.0", "PORT": "x"})

    assert [line.partition(":")[0] for line in said.splitlines()] == ["MODE", "PORT"]
