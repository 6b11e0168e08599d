"""What happens to a running server: power cuts, broken content, wrong settings."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from bot.settings import REPOSITORY
from tests.nlu.few import append, block, few_of, write_few_examples
from tests.serving import Served, free_port, serving
from tests.web.conftest import post
from tests.web.test_webchat_api import first_answer, messages_after

CONTENT_DEADLINE_S = 20
TRAINING_DEADLINE_S = 120


def copy_files(folder: Path) -> Path:
    """The files that people edit, as a checkout of their own."""
    folder.mkdir()
    for name in ("content", "flows", "nlu"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns(".venv"))  # Rasa is 3 GB
    shutil.copy(REPOSITORY / "config.yml", folder)
    return folder


def open_client(served: Served) -> httpx.Client:
    """A browser without a page, with its cookie."""
    client = httpx.Client(base_url=served.address, timeout=20)
    client.get("/chat")
    return client


def try_to_serve(environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Starts a server that should refuse to start."""
    command = [sys.executable, "-m", "bot", "serve"]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60)


def wait_for_problems(client: httpx.Client, problems: bool) -> None:
    """Until /healthz says that content is, or is not, in order."""
    wait_for_health(client, lambda health: bool(health["content_problems"]) is problems, CONTENT_DEADLINE_S)


def wait_for_health(client: httpx.Client, is_so: Callable[[dict[str, Any]], bool], deadline_s: float) -> None:
    """Until /healthz says what is waited for."""
    deadline = time.monotonic() + deadline_s
    while not is_so(client.get("/healthz").json()):
        assert time.monotonic() < deadline, "the change was not seen"


def test_after_a_power_cut_the_talk_goes_on_where_it_was(models: Path, tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path / "data", models=models, port=port) as served:
        client = open_client(served)
        post(client, "thaoke ot berk luy oy nhom")
        before = first_answer(client)
        served.kill()

    with serving(tmp_path / "data", models=models, port=port):
        pressed = client.post("/chat/api/messages", json={"id": str(uuid4()), "button": before["buttons"][0]["id"]})
        after = first_answer(client, after=pressed.json()["seq"])
    client.close()

    assert after["seq"] > before["seq"]
    assert after["answer"] == before["answer"]


def test_a_second_process_on_the_same_file_is_refused_until_the_first_is_gone(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "PORT": str(free_port())}
    with serving(folder, models=models) as served:
        refused = try_to_serve(environment, folder)
        assert httpx.get(f"{served.address}/healthz").status_code == 200
        served.kill()
    with serving(folder, models=models) as after:
        assert httpx.get(f"{after.address}/healthz").status_code == 200

    assert refused.returncode == 1
    assert "Another process serves with this database already" in refused.stderr.replace("\n", " ")


def test_what_was_accepted_just_before_a_power_cut_is_answered_after_it(models: Path, tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path / "data", models=models, port=port) as served:
        client = open_client(served)
        accepted = post(client, "menu")
        served.kill()

    with serving(tmp_path / "data", models=models, port=port):
        answer = first_answer(client)
        everything = messages_after(client)
    client.close()

    assert accepted.status_code == 202
    assert answer["seq"] > accepted.json()["seq"]
    assert [message["seq"] for message in everything] == list(range(1, len(everything) + 1))


def test_broken_content_changes_nothing_and_the_error_names_the_line(
    models: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = copy_files(tmp_path / "files")
    body = root / "content" / "en" / "jobs" / "find_job.md"
    whole = body.read_text(encoding="utf-8")
    with (
        serving(tmp_path / "data", root=root, models=models) as served,
        httpx.Client(base_url=served.address) as client,
    ):
        client.get("/chat")
        body.write_text(whole.replace("{labour_ministry_phone}", "{no_such_fact}"), encoding="utf-8")
        wait_for_problems(client, True)
        post(client, "i am looking for a job near my village")
        answer = first_answer(client)

        assert (answer["answer"], "1297" in answer["text"]) == ("find_job", True)
        errors = capfd.readouterr().err
        line = next(n for n, text in enumerate(whole.splitlines(), 1) if "{labour_ministry_phone}" in text)
        assert f"find_job.md:{line}:" in errors
        assert "no_such_fact" in errors

        body.write_text(whole.replace("Call ", "Please call ", 1), encoding="utf-8")
        wait_for_problems(client, False)
        seq = post(client, "i am looking for a job near my village").json()["seq"]
        assert "Please call" in first_answer(client, after=seq)["text"]


@pytest.mark.parametrize("engine", ["embedded", "rasa"])
def test_examples_are_learnt_while_serving_and_broken_ones_are_named(tmp_path: Path, engine: str) -> None:
    root = copy_files(tmp_path / "files")
    shutil.rmtree(root / "nlu")
    paths = write_few_examples(root)
    good = few_of(paths).read_text(encoding="utf-8")
    settings = {"NLU_ENGINE": engine, "RASA_URL": f"http://127.0.0.1:{free_port()}"}
    with (
        serving(tmp_path / "data", root=root, more=settings) as served,
        httpx.Client(base_url=served.address) as client,
    ):
        client.get("/chat")
        before = client.get("/healthz").json()
        append(few_of(paths), "- intent: border_now\n  examples: |\n    no dash before it\n")
        wait_for_health(client, lambda health: health["examples_problems"] == 1, TRAINING_DEADLINE_S)
        line = len(few_of(paths).read_text(encoding="utf-8").splitlines())
        assert f"few.yml:{line}:" in (tmp_path / "data" / "log").read_text(encoding="utf-8")
        assert client.get("/healthz").json()["examples"] == before["examples"]

        few_of(paths).write_text(good, encoding="utf-8")
        append(few_of(paths), block("border_now", *(f"is gate number {n} open today" for n in range(2, 16))))
        wait_for_health(client, lambda health: health["examples"] != before["examples"], TRAINING_DEADLINE_S)
        post(client, "is gate number 7 open today")
        assert first_answer(client)["answer"] == "border_now"
        assert client.get("/healthz").json()["examples_problems"] == 0


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"MODE": "production"}, "CRISIS_PHONE"),
        ({"MODE": "production", "CRISIS_PHONE": "1"}, "MODE=production"),
        ({"MODE": "party"}, "MODE"),
        ({"HOST": "0.0.0.0"}, "HOST"),
        ({"PORT": "99999"}, "PORT"),
        ({"WEBCHAT_EMBED_ORIGINS": "https://a.example;x"}, "WEBCHAT_EMBED_ORIGINS"),
        ({"DATABASE_URL": "mysql://x"}, "mysql"),
    ],
)
def test_wrong_settings_stop_the_start_with_one_clear_line(
    tmp_path: Path, models: Path, settings: dict[str, str], named: str
) -> None:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "PORT": str(free_port()), **settings}

    done = try_to_serve(environment, tmp_path)

    assert done.returncode == 1
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_said_in_words(served: Served, tmp_path: Path) -> None:
    port = served.address.rpartition(":")[2]
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "PORT": port}

    done = try_to_serve(environment, tmp_path)

    assert done.returncode == 1
    assert f"PORT={port}" in done.stderr


def test_what_serve_loads_never_imports_the_training_libraries() -> None:
    code = (
        "import sys, bot.serving, bot.cli;"
        "sys.exit(any(name in sys.modules for name in ('sklearn', 'scipy', 'rasa', 'matplotlib')))"
    )

    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
