"""The bot as a process that tests start, kill and start again, against the fake Telegram."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil

from tests.fakes.telegram_server import TOKEN
from tests.serving import REPOSITORY, free_port
from tests.torture.application import link_models

SECRET: Final = "kD83_nfPq0-Zx71mLw"
START_TIMEOUT_S: Final = 120.0
END_TIMEOUT_S: Final = 40.0


@dataclass(kw_only=True)
class Bot:
    """One `returnee-bot serve`, again and again, on the same database and port."""

    folder: Path
    api_url: str
    mode: str = "polling"
    public_url: str = ""
    database_url: str = ""
    token: str = TOKEN
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        link_models(self.folder)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> str:
        """Its database's address."""
        return self.database_url or f"sqlite:///{self.folder / 'returnee-bot.db'}"

    def start(self, more: Mapping[str, str] | None = None) -> None:
        """Starts it; returns at once."""
        settings = {
            "DATA_DIR": str(self.folder),
            "FILES_DIR": str(REPOSITORY),
            "DATABASE_URL": self.database_url,
            "PORT": str(self.port),
            "TELEGRAM_TOKEN": self.token,
            "TELEGRAM_API_URL": self.api_url,
            "TELEGRAM_MODE": self.mode,
        }
        if self.mode == "webhook":
            settings |= {"PUBLIC_URL": self.public_url or self.address, "TELEGRAM_WEBHOOK_SECRET": SECRET}
        kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "LC_ALL")}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bot", "serve"],
                env=kept | settings | dict(more or {}),
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def wait_until_up(self) -> bool:
        """Whether it came up before it died."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if not self.is_alive:
                return False
            try:
                if httpx.get(f"{self.address}/healthz", timeout=2, trust_env=False).status_code == 200:
                    return True
            except httpx.TransportError:
                time.sleep(0.02)
        raise TimeoutError(f"the bot did not come up; see {self.folder / 'log'}")

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Ends it as a power cut would."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """Ends it in order."""
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def rss_mb(self) -> float:
        """Its memory with that of its child, in MB."""
        if not self.process:
            return 0.0
        bot = psutil.Process(self.process.pid)
        return sum(process.memory_info().rss for process in (bot, *bot.children(recursive=True))) / 2**20

    def log(self) -> str:
        """All that it said."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")
