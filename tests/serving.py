"""Starts `returnee-bot serve` as its users do, in a process of its own, for browser tests and benchmarks."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

START_TIMEOUT_S = 120.0
REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(kw_only=True)
class Served:
    """A running server."""

    address: str
    process: subprocess.Popen[bytes]
    started_at: float

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    folder: Path,
    *,
    root: Path = REPOSITORY,
    models: Path | None = None,
    port: int | None = None,
    more: Mapping[str, str] | None = None,
    program: Sequence[str] = ("-m", "bot"),
) -> Iterator[Served]:
    """A server of the files in root whose database and models are in folder, with more settings; ends with the context.

    With more settings all that it writes is kept in folder/log. program: what Python runs in the place of the bot.
    """
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    if models and not (folder / "models").exists():
        (folder / "models").symlink_to(models)
    settings = {"DATA_DIR": str(folder), "PORT": str(port), "MODE": "demo", "FILES_DIR": str(root)}
    environment = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "LC_ALL")}
    started_at = time.perf_counter()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *program, "serve"],
            env=environment | settings | dict(more or {}),
            cwd=folder,
            stdout=log if more else None,
            stderr=log if more else None,
        )
    served = Served(address=f"http://127.0.0.1:{port}", process=process, started_at=started_at)
    try:
        _wait_until_up(served)
        yield served
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=20)


def _wait_until_up(served: Served) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if served.process.poll() is not None:
            raise RuntimeError(f"the server ended with exit code {served.process.returncode}")
        try:
            if httpx.get(f"{served.address}/healthz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise TimeoutError("the server did not come up")
