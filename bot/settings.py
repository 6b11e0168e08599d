"""What the operator sets: one field each, with what its value must look like by itself. environment.py reads them."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parent.parent

CRASH_PLACES = (
    "ingest.stored",
    "ingest.handled",
    "deliver.claimed",
    "deliver.sent",
    "deliver.marked",
    "erase.noted",
    "erase.destroyed",
    "files.written",
)
HOST: Final = re.compile(r"[A-Za-z0-9.:-]+")
TELEGRAM_TOKEN: Final = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{20,100}")
NOT_IN_THIS_VERSION = (
    "MODE=production needs the staff console and the on-call list, which this version does not have yet. Use MODE=demo."
)


class Settings(BaseSettings):
    """One field for each setting; the names in the environment are these in capitals."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    mode: Literal["demo", "production"] = Field(
        "demo", description="demo: loopback only, no staff. production: refused by this version."
    )
    data_dir: Path = Field(Path("data"), description="Folder of the database and the trained models; made if missing.")
    files_dir: Path = Field(REPOSITORY, description="Folder that holds content/, flows/, nlu/ and config.yml.")
    database_url: str = Field(
        "", description="sqlite:///file or postgresql://…; empty: SQLite in DATA_DIR.", repr=False
    )
    keys_url: str = Field(
        "", description="Database of the keys, never that of the data; empty: SQLite, keys.db in DATA_DIR.", repr=False
    )
    master_key_file: Path | None = Field(
        None, description="File of the master keys, for its owner alone; demo makes master.keys in DATA_DIR."
    )
    host: str = Field("127.0.0.1", description="Address to listen on; demo allows loopback only.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    public_url: str = Field("", description="Address under which people reach the server, https://…; empty: local.")
    crisis_phone: str = Field("", description="The adult crisis line; required in production, none is known yet.")
    webchat_embed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins, separated by commas, whose pages may show /chat in a frame; empty: none."
    )
    telegram_token: SecretStr = Field(
        SecretStr(""), description="Token of the bot, from BotFather; empty: no Telegram."
    )
    telegram_api_url: str = Field(
        "https://api.telegram.org", description="Address of the Bot API; another one for tests or a server of your own."
    )
    telegram_mode: Literal["polling", "webhook"] = Field(
        "polling", description="polling: we ask Telegram. webhook: it posts to PUBLIC_URL/webhooks/telegram."
    )
    telegram_webhook_secret: SecretStr = Field(
        SecretStr(""), description="16 to 256 letters, digits, _ and -, which only Telegram and we know; for webhook."
    )
    telegram_staff_group: int | None = Field(
        None, lt=0, description="Number of the staff's group; all other groups are left alone. Empty: none."
    )
    nlu_engine: Literal["embedded", "rasa"] = Field(
        "embedded", description="What understands messages; embedded: a child process. rasa: the server at RASA_URL."
    )
    rasa_url: str = Field("http://127.0.0.1:5005", description="Rasa's server: https, or on this machine.", repr=False)

    log_level: Literal["debug", "info", "warning"] = Field(
        "info", description="From which level on lines are written; debug: libraries too. None holds what people wrote."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="json: one object a line. auto: text on a terminal and in demo, else json."
    )
    executor_id: str = Field(
        "returnee-bot",
        min_length=1,
        description="Name of this process: its own where several share a database, and the same after each restart.",
    )
    crash_at: str = Field(
        "", description="For tests alone: place:n, where the process kills itself; refused in production."
    )

    @field_validator("webchat_embed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("webchat_embed_origins")
    @classmethod
    def _only_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            scheme, _, rest = origin.partition("://")
            if scheme not in ("http", "https") or not rest or set(rest) & set("/;,' \"*"):
                raise ValueError(f"“{origin}” is not an origin such as https://example.org")
        return origins

    @field_validator("host")
    @classmethod
    def _is_host(cls, host: str) -> str:
        if not HOST.fullmatch(host):
            raise ValueError("This is no address to listen on, such as 127.0.0.1.")
        return host

    @field_validator("public_url", "database_url", "keys_url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        try:
            urlsplit(url).port  # noqa: B018 - it is read here, and raises
        except ValueError:  # whose words may quote a password
            raise ValueError("This is no address.") from None
        return url

    @field_validator("rasa_url")
    @classmethod
    def _only_where_nobody_reads_along(cls, url: str) -> str:
        if is_safe_url(url):
            return url
        raise ValueError("messages go to https://… or to http://127.0.0.1:5005 on this machine only")

    @field_validator("crash_at")
    @classmethod
    def _place_and_number(cls, crash_at: str) -> str:
        place, _, times = crash_at.partition(":")
        if crash_at and not (place in CRASH_PLACES and times.isdigit()):
            raise ValueError(f"“{crash_at}” is not a place and a number, such as deliver.sent:3")
        return crash_at

    @field_validator("telegram_token")
    @classmethod
    def _is_token(cls, token: SecretStr) -> SecretStr:
        if token.get_secret_value() and not TELEGRAM_TOKEN.fullmatch(token.get_secret_value()):
            raise ValueError("This is no token. BotFather gives one such as 123456789:AAE…")
        return token

    @field_validator("telegram_api_url")
    @classmethod
    def _no_token_in_the_clear(cls, url: str) -> str:
        if not is_safe_url(url):
            raise ValueError("Use https://…, or http:// on this machine.")
        return url.rstrip("/")

    @property
    def database(self) -> str:
        """The database's address, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'returnee-bot.db'}"

    @property
    def keys(self) -> str:
        """The address of the key store, with the default filled in."""
        return self.keys_url or f"sqlite:///{self.data_dir.resolve() / 'keys.db'}"

    @property
    def master_keys(self) -> Path:
        """The file of the master keys, with the default filled in."""
        return self.master_key_file or self.data_dir / "master.keys"

    def logs_json(self, *, on_terminal: bool) -> bool:
        """Whether lines of the log are JSON."""
        return self.log_format == "json" or (
            self.log_format == "auto" and self.mode == "production" and not on_terminal
        )

    @property
    def erased_list(self) -> Path:
        """The list of what was erased, which a restored backup must forget again."""
        return self.data_dir / "erased.list"

    @property
    def media_dir(self) -> Path:
        """The folder of what contacts sent besides words, sealed."""
        return self.data_dir / "media"

    @property
    def restoring(self) -> Path:
        """A file that is there from the begin of a restore to its end: until then nobody may serve."""
        return self.data_dir / "restoring"

    @property
    def audit_heads(self) -> Path:
        """The ends of the audit's chain, outside of the database."""
        return self.data_dir / "audit-heads.list"

    @property
    def paths(self) -> "Paths":
        """Where the files that people edit are."""
        return Paths(root=self.files_dir)

    @property
    def models_dir(self) -> Path:
        """Where trained models are kept, one folder for each set of inputs."""
        return self.data_dir / "models"


def is_loopback(host: str) -> bool:
    """Whether it is an address of this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_safe_url(url: str) -> bool:
    """Whether nobody on the way can read what is sent there: https, or http on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where the files that people edit are, below FILES_DIR."""

    root: Path

    @property
    def content(self) -> Path:
        """Answers, facts and texts."""
        return self.root / "content"

    @property
    def flows(self) -> Path:
        """The menu and the flows."""
        return self.root / "flows"

    @property
    def nlu(self) -> Path:
        """topics.yml, the training examples in data/, and the test sets in evaluation/."""
        return self.root / "nlu"

    @property
    def topics(self) -> Path:
        """The ids of everything the bot understands."""
        return self.nlu / "topics.yml"

    @property
    def pipeline(self) -> Path:
        """The options of the understanding, in Rasa's format."""
        return self.root / "config.yml"
