"""Rasa's own server beside ours: REST channel, SQL tracker store, the same understanding, one answer for each intent.

BENCH_RASA names its program, such as nlu/rasa_host/.venv/bin/rasa; without it nothing is measured.
"""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from tests.bench.row import Row
from tests.serving import free_port
from tests.torture.words import ANSWERED

PROGRAM: Final = os.environ.get("BENCH_RASA", "") and str(Path(os.environ["BENCH_RASA"]).absolute())
SECONDS: Final = 30.0
TASKS: Final = 8
START_S: Final = 240.0
TRAIN_S: Final = 900.0
_QUIET: Final = {"RASA_TELEMETRY_ENABLED": "false", "SQLALCHEMY_SILENCE_UBER_WARNING": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def measure_rasa(ours_per_s: float) -> list[Row]:
    """How many messages a second Rasa answers, and how many times as many we take."""
    if not PROGRAM:
        return [Row(figure="Rasa's own server", measured="not measured: no BENCH_RASA", goal="≥ 5 ×")]
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        _write_project(folder)
        environment = os.environ | _QUIET
        train = [PROGRAM, "train", "--quiet", "--fixed-model-name", "m"]
        subprocess.run(train, cwd=folder, env=environment, check=True, timeout=TRAIN_S, capture_output=True)
        run = [PROGRAM, "run", "--quiet", "--port", str(port), "--interface", "127.0.0.1"]
        run += ["--credentials", "credentials.yml", "--endpoints", "endpoints.yml"]
        process = subprocess.Popen(
            run, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait(port)
            rasa_per_s = _drive(port)
        finally:
            process.terminate()
            process.wait(60)
    measured = f"{ours_per_s / rasa_per_s:.1f} × ({ours_per_s:.0f}/s ÷ {rasa_per_s:.1f}/s)"
    return [Row(figure="most inbound messages ÷ Rasa's server (REST, SQL tracker)", measured=measured, goal="≥ 5 ×")]


def _write_project(folder: Path) -> None:
    """A Rasa project over our examples: a rule and an answer for each intent."""
    host = Path(PROGRAM).resolve().parents[2]
    root = host.parents[1]
    shutil.copytree(root / "nlu" / "data", folder / "data")
    config = yaml.safe_load((root / "config.yml").read_text(encoding="utf-8"))
    config["policies"] = [{"name": "RulePolicy", "core_fallback_threshold": 0.3, "enable_fallback_prediction": True}]
    domain = yaml.safe_load((host / "domain.yml").read_text(encoding="utf-8"))
    intents = [intent if isinstance(intent, str) else next(iter(intent)) for intent in domain["intents"]]
    intents.remove("restart")  # Rasa answers that one itself
    domain["responses"] = {f"utter_{intent}": [{"text": f"answer {intent} " * 20}] for intent in intents}
    rules = [
        {"rule": f"rule {intent}", "steps": [{"intent": intent}, {"action": f"utter_{intent}"}]} for intent in intents
    ]
    files: dict[str, Any] = {
        "config.yml": config,
        "domain.yml": domain,
        "data/rules.yml": {"version": "3.1", "rules": rules},
        "credentials.yml": {"rest": None},
        "endpoints.yml": {"tracker_store": {"type": "SQL", "dialect": "sqlite", "db": "rasa.db"}},
    }
    for name, value in files.items():
        (folder / name).write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8")


def _wait(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if _ask(httpx.Client(trust_env=False, timeout=30), port, 0):
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise TimeoutError("Rasa did not come up")


def _ask(client: httpx.Client, port: int, number: int) -> Any:
    body = {"sender": str(number % 10_000), "message": ANSWERED[number % len(ANSWERED)]}
    return client.post(f"http://127.0.0.1:{port}/webhooks/rest/webhook", json=body).json()


def _drive(port: int) -> float:
    counts, until = [0] * TASKS, time.monotonic() + SECONDS

    def work(place: int) -> None:
        with httpx.Client(trust_env=False, timeout=60) as client:
            while time.monotonic() < until:
                assert _ask(client, port, place * 100_000 + counts[place])
                counts[place] += 1

    threads = [threading.Thread(target=work, args=(place,)) for place in range(TASKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS
