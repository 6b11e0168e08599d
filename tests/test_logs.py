"""What may be written down: codes, ids, counts, kinds of errors; never words, at any level, by whomever."""

import ast
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from bot.errors import ContentError, SettingsError, StorageDown, TrainingError
from bot.logs import ALLOWED, EVENTS, Lines, keep_allowed, open_log, write_logs
from bot.settings import REPOSITORY

CANARY = "Sokha 012 345 678 owes"
ID = UUID("0b5cbb1e-9ac1-4d9a-8a52-25f5a5a0c1f3")
log = open_log("bot.tests")


@contextmanager
def writing(stream: io.StringIO) -> Iterator[None]:
    """Lines go to the stream at the level debug; then all is as it was."""
    root, hooks = logging.getLogger(), (sys.excepthook, sys.unraisablehook, threading.excepthook)
    handlers, level = list(root.handlers), root.level
    write_logs(level="debug", as_json=True, stream=stream)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.excepthook, sys.unraisablehook, threading.excepthook = hooks


@pytest.fixture
def written() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was written at the level debug, as machines read it."""
    stream = io.StringIO()
    with writing(stream):
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a log in the program, and where it stands."""
    for path in sorted((REPOSITORY / "bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("debug", "info", "warning", "error", "exception", "critical")
                and ("log" in ast.unparse(node.func.value))
            ):
                yield f"{path.relative_to(REPOSITORY)}:{node.lineno}", node


def test_every_call_says_a_known_event_and_only_what_is_allowed_beside_it() -> None:
    said = set()
    for where, call in calls():
        assert len(call.args) == 1, where
        event = call.args[0]
        assert isinstance(event, ast.Constant), where
        assert event.value in EVENTS, where
        assert {keyword.arg for keyword in call.keywords} <= {*ALLOWED, "error"}, where
        said.add(event.value)

    assert said == set(EVENTS) - {"foreign"}


def test_nobody_but_the_module_of_logs_asks_for_a_logger() -> None:
    asking = [
        path.name
        for path in (REPOSITORY / "bot").rglob("*.py")
        if "getLogger" in path.read_text(encoding="utf-8") or "import logging" in path.read_text(encoding="utf-8")
    ]

    assert asking == ["logs.py"]


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_every_event_is_explained_to_operators(event: str) -> None:
    assert f"| `{event}` |" in (REPOSITORY / "docs" / "operator" / "logs.md").read_text(encoding="utf-8")


def test_what_is_allowed_is_written_with_its_event(written: Callable[[], list[dict[str, Any]]]) -> None:
    log.error("update_quarantined", update_id=ID, channel="telegram", error="KeyError")

    (line,) = written()
    assert datetime.fromisoformat(line.pop("at")).tzinfo == UTC
    assert line == {
        "level": "error",
        "logger": "bot.tests",
        "event": "update_quarantined",
        "update_id": str(ID),
        "channel": "telegram",
        "error": "KeyError",
    }


@pytest.mark.parametrize("key", sorted({*ALLOWED, "error"}))
@pytest.mark.parametrize("value", [CANARY, "012345678", 12345678, 7001234567, [CANARY], {"x": CANARY}, b"Sokha", None])
def test_a_value_of_another_form_is_dropped(key: str, value: object) -> None:
    kept = keep_allowed(None, "error", {"event": "storage_down", key: value})

    assert kept == {"event": "storage_down"} or (key, value) == ("version", "012345678")


@pytest.mark.parametrize("key", ["text", "name", "phone", "token", "body", "positional_args", "exc_info", "stack_info"])
def test_a_key_that_is_not_on_the_list_is_dropped(key: str) -> None:
    assert keep_allowed(None, "error", {"event": "storage_down", key: CANARY}) == {"event": "storage_down"}


def test_an_event_that_is_not_on_the_list_is_not_named() -> None:
    assert keep_allowed(None, "error", {"event": CANARY}) == {"event": "unnamed"}


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("seconds", 1.23456, 1.235),
        ("day", date(2026, 11, 22), "2026-11-22"),
        ("group", -100123456789, -100123456789),
        ("count", 0, 0),
        (
            "problem",
            ContentError(Path("content/facts.yml"), 7, "Wrong.", "Mend it."),
            "content/facts.yml:7: Wrong. Mend it.",
        ),
        ("problem", SettingsError(["PORT: is taken."]), "PORT: is taken."),
        ("problem", TrainingError("Training failed."), "Training failed."),
        ("problem", StorageDown(CANARY), "StorageDown"),
    ],
)
def test_a_value_of_the_right_form_is_kept(key: str, value: object, kept: object) -> None:
    assert keep_allowed(None, "error", {"event": "storage_down", key: value})[key] == kept


def fail(words: str) -> None:
    try:
        int(words)
    except ValueError as error:
        raise StorageDown(f"row of {words}") from error


def test_of_an_error_the_class_the_place_and_the_causes_are_written_but_no_word(
    written: Callable[[], list[dict[str, Any]]],
) -> None:
    try:
        fail(CANARY)
    except StorageDown as error:
        log.error("sweep_failed", error=error)
        log.critical("crashed", error=ExceptionGroup(CANARY, [error]))

    plain, whole = written()
    assert (plain["error"], plain["where"].partition(":")[0]) == ("StorageDown", "tests/test_logs.py")
    assert plain["causes"][0].startswith("ValueError tests/test_logs.py:")
    assert "trace" not in plain
    assert (whole["error"], [cause.split()[0] for cause in whole["causes"]]) == (
        "ExceptionGroup",
        ["StorageDown", "ValueError"],
    )
    assert "Sokha" not in json.dumps([plain, whole])
    assert all(datetime.fromisoformat(line["at"]).tzinfo == UTC for line in (plain, whole))


@pytest.mark.parametrize("name", ["httpx", "telegram.ext", "sqlalchemy.engine.Engine", "uvicorn.error", "asyncio"])
def test_of_what_a_library_says_its_name_and_the_level_are_written_but_no_word(
    written: Callable[[], list[dict[str, Any]]], name: str
) -> None:
    words = "at https://api.telegram.org/bot42:AA/x for %s"
    odd = {"name": name, "levelno": logging.ERROR, "levelname": "ERROR", "msg": "%d of %s", "args": (CANARY,)}
    try:
        fail(CANARY)
    except StorageDown:
        failed = odd | {"levelname": "WARNING", "msg": words, "exc_info": sys.exc_info()}
    for record in (failed, odd):  # formatting the words of the second would fail
        logging.getLogger().handlers[0].handle(logging.makeLogRecord(record))

    first, second = written()
    assert (first["event"], first["library"], first["level"], first["error"]) == (
        "foreign",
        name,
        "warning",
        "StorageDown",
    )
    assert first["trace"][-1].endswith(" fail")
    assert (second["event"], second["level"]) == ("foreign", "error")
    assert not any(word in json.dumps([first, second]) for word in ("Sokha", "42:AA"))


def test_a_warning_of_python_is_written_without_its_words(written: Callable[[], list[dict[str, Any]]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(CANARY, stacklevel=1)

    assert [line["event"] for line in written()] == ["foreign"]


def test_a_line_that_can_not_be_written_shows_nothing_either(capsys: pytest.CaptureFixture[str]) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            if "foreign" in text:
                raise OSError(28, CANARY)
            return super().write(text)

    stream = Full()
    with writing(stream):
        logging.getLogger("x").error(CANARY)

    assert json.loads(stream.getvalue()) == {"event": "unwritten", "logger": "x"}
    assert "Sokha" not in capsys.readouterr().err


def test_on_a_terminal_an_event_is_said_in_words_and_one_line() -> None:
    lines = []
    for problem in ("one\nERROR forged: \x1b[31m", "two"):
        event = keep_allowed(
            None,
            "error",
            {"event": "content_not_taken", "problem": ContentError(Path("a.yml"), 3, problem, "Mend it.")},
        )
        record = logging.makeLogRecord({"name": "bot.content.store", "levelname": "ERROR", "msg": event})
        lines.append(Lines(as_json=False).format(record))

    assert lines == [
        "ERROR content_not_taken: The content stays as it was: a.yml:3: one ERROR forged:  [31m Mend it.",
        "ERROR content_not_taken: The content stays as it was: a.yml:3: two Mend it.",
    ]


CRASHES = {
    "the program": "raise ValueError(WORDS)",
    "a thread": "import threading; t = threading.Thread(target=int, args=(WORDS,)); t.start(); t.join()",
    "a task": (
        "import asyncio, gc\n"
        "async def fail(): raise ValueError(WORDS)\n"
        "async def main():\n"
        "    task = asyncio.create_task(fail())\n"
        "    await asyncio.sleep(0.01)\n"
        "    del task; gc.collect()\n"
        "asyncio.run(main())"
    ),
    "a finaliser": "class A:\n    def __del__(self): raise ValueError(WORDS)\nA()",
    "a command": "import bot.cli as c\ndef fail(): raise ValueError(WORDS)\nc.load_settings = fail\n"
    "import sys; sys.argv = ['x', 'chat']; c.main()",
}


def test_dbos_does_not_write_beside_the_log() -> None:
    code = (
        "from bot.logs import write_logs; write_logs(level='info', as_json=True)\n"
        f"import dbos._logger as l; l.init_logger(); l.dbos_logger.error({CANARY!r})"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)

    assert json.loads(done.stderr)["library"] == "dbos"


@pytest.mark.parametrize("where", CRASHES)
def test_whatever_nobody_caught_is_written_without_its_words(where: str) -> None:
    code = (
        f"from bot.logs import write_logs\nwrite_logs(level='info', as_json=True)\nWORDS = {CANARY!r}\n{CRASHES[where]}"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)

    assert "ValueError" in done.stderr
    assert "Sokha" not in done.stderr + done.stdout
    assert done.returncode == (1 if where in ("the program", "a command") else 0)
