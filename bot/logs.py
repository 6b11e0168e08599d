"""What the program writes down about itself: codes, ids, counts and kinds of errors. Never what a person wrote or is.

Every line goes through one gate, at any level. Of our own events it keeps the keys of ALLOWED whose value has the form
that stands there; of what libraries say it keeps who said it and how bad it is, for their words hold addresses with
tokens, statements with parameters, whole messages. Errors keep their class and the places they passed, not their words.
"""

import errno
import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any, Final, Literal, TextIO, get_args
from uuid import UUID

from structlog import wrap_logger
from structlog.stdlib import BoundLogger, filter_by_level

from bot.errors import ContentError, SettingsError, TrainingError
from bot.model import ChannelName

Level = Literal["debug", "info", "warning"]

EVENTS: Final[Mapping[str, str]] = {
    "alarm": "A person must look at something soon.",
    "alarm_over": "What a person had to look at is over.",
    "alarms_not_looked_at": "Whether a person must look at something can not be told now.",
    "audit_head": "The end of the audit's chain.",
    "channel_led": "This process polls and sends on the channel from now on.",
    "clock_not_believed": "The clock may be wrong: nothing is deleted. Set it, or type returnee-bot purge.",
    "content_not_looked_at": "The content could not be looked at; it is tried again.",
    "content_not_taken": "The content stays as it was:",
    "content_served": "New content is served.",
    "crashed": "The program ended by an error that nobody foresaw. Send this to the developers.",
    "delivery_waits": "Messages wait for the next sweep.",
    "disk_failed": "The disk does not keep what is written: the program ends. Start it again; look at the disk.",
    "examples_not_looked_at": "The examples could not be looked at; they are tried again at their next change.",
    "examples_not_taken": "The examples stay as they were:",
    "examples_served": "The model of new examples answers.",
    "executor_id_taken": "EXECUTOR_ID: another process has this name. Give each its own.",
    "file_refused": "A file that a contact sent is not kept.",
    "files_not_fetched": "Files that contacts sent can not be fetched now; it is tried again.",
    "foreign": "A library says something.",
    "job_waits": "A regular job waits for its next time.",
    "message_given_up": "A message is given up.",
    "message_unreadable": "A message can not be opened any more, and is not sent.",
    "not_erased": "Not everything that is due could be erased; it is tried again.",
    "old_timers_stay": "Old timers are not deleted yet.",
    "press_not_answered": "The waiting circle of a button stays.",
    "processes_unreachable": "The other processes are out of reach; it is tried again.",
    "rasa_failed": "Rasa's server did not understand a message; this process answers for a while.",
    "request_failed": "A request failed; the page sends it again.",
    "send_crashed": "Sending a message failed by an error that nobody foresaw; a few tries later it is given up.",
    "send_not_written_down": "That a message was sent can not be written down yet.",
    "serving_ends": "Serving ends by an error.",
    "staff_not_told": "The staff's group was not told of an alarm.",
    "storage_down": "The database takes nothing: updates stay with Telegram; it is tried again.",
    "sweep_failed": "Messages that wait can not be looked for yet.",
    "telegram_401": "Telegram refuses TELEGRAM_TOKEN. Ask BotFather for a new one.",
    "telegram_409": "Another program polls for this bot, or it has a webhook. Stop the other one.",
    "telegram_429": "Telegram wants to hear nothing for a while; polling waits.",
    "telegram_group_ignored": "The bot is in a group that is not TELEGRAM_STAFF_GROUP, and is silent there.",
    "telegram_group_moved": "The staff's group has another number now. Set TELEGRAM_STAFF_GROUP to it.",
    "telegram_not_told": "Telegram was not told something at the start; it is tried again.",
    "telegram_poll_failed": "Polling failed; it is tried again.",
    "telegram_refuses": "Telegram refuses what it was told at the start.",
    "telegram_unreachable": "Telegram can not be reached; it is tried again.",
    "timers_not_looked_at": "Timers of other processes can not be looked at yet.",
    "timers_not_running": "Timers do not run yet; it is tried again.",
    "timers_taken_over": "Timers of processes that died are taken over.",
    "understanding_died": "The process that understands messages died; another is started.",
    "update_quarantined": "An update could not be handled and is set aside.",
    "vote_not_planned": "The question whether an answer helped is not planned.",
}
"""All events, and what they say on a terminal. What an operator does about each: docs/operator/logs.md."""

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
_CLASS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LOGGER: Final = re.compile(r"[A-Za-z0-9_.]{1,80}")
_VERSION: Final = re.compile(r"[0-9a-f]{6,64}")
_COUNT_MAX: Final = 1_000_000
"""Below what can be the number of a phone or of a chat."""
_CAUSES_MAX: Final = 8
_FRAMES_MAX: Final = 30
_HERE: Final = Path(__file__).resolve().parent.parent

Check = Callable[[Any], str | int | float | None]


def _matches(form: re.Pattern[str]) -> Check:
    return lambda value: value if isinstance(value, str) and form.fullmatch(value) else None


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < _COUNT_MAX else None


def _problem(value: object) -> str | None:
    """What was written for an editor or operator: it quotes files and settings of theirs, no person and no secret."""
    if isinstance(value, ContentError | SettingsError | TrainingError):
        return str(value)
    return type(value).__name__ if isinstance(value, BaseException) else None


ALLOWED: Final[Mapping[str, Check]] = {
    "attempts": _count,
    "channel": lambda value: value if value in get_args(ChannelName) else None,
    "code": _matches(_CODE),
    "count": _count,
    "day": lambda value: value.isoformat() if isinstance(value, date) else None,
    "group": lambda value: value if type(value) is int and value < 0 else None,  # contacts' numbers are positive
    "message_id": lambda value: str(value) if isinstance(value, UUID) else None,
    "problem": _problem,
    "seconds": lambda value: round(value, 3) if type(value) in (int, float) and abs(value) < _COUNT_MAX else None,
    "update_id": lambda value: str(value) if isinstance(value, UUID) else None,
    "version": _matches(_VERSION),
    "was": lambda value: value if type(value) is int and value < 0 else None,
    "what": _matches(_CODE),
}
"""What an event may say beside its code and `error`, and in which form."""


class Event(dict[str, Any]):
    """What is left of an event of ours behind the gate."""


def open_log(name: str) -> BoundLogger:
    """The log of one module: `log.error("update_quarantined", update_id=…, error=…)`.

    The event is a code of EVENTS; the keys are those of ALLOWED, and `error`: an exception, or the name of its class.
    """
    log: BoundLogger = wrap_logger(
        logging.getLogger(name), processors=[filter_by_level, keep_allowed, _hand_on], wrapper_class=BoundLogger
    )
    return log


def keep_allowed(log: object, level: str, event: MutableMapping[str, Any]) -> Event:
    """The gate for our own events: what is not on the list, or has another form, is dropped."""
    code = event.get("event")
    kept = Event(event=code if code in EVENTS else "unnamed")
    for key, check in ALLOWED.items():
        if key in event and (value := check(event[key])) is not None:
            kept[key] = value
    return Event({**kept, **about_error(event.get("error"), whole=level == "critical")})


def about_error(error: object, *, whole: bool) -> dict[str, Any]:
    """The class of an error, where it came from and what caused it, or the whole way it took; none of its words."""
    if isinstance(error, str) and _CLASS.fullmatch(error):
        return {"error": error}
    if not isinstance(error, BaseException):
        return {}
    frames = _frames(error.__traceback__)
    ours = [frame for frame in frames if frame.startswith(("bot/", "nlu/"))]
    found = {"error": _name(error), "where": next(reversed(ours or frames), None), "causes": _causes(error)}
    return {key: value for key, value in (found | {"trace": whole and frames[-_FRAMES_MAX:]}).items() if value}


def _causes(error: BaseException) -> list[str]:
    seen, waiting = {id(error)}, list(_reasons(error))
    causes: list[str] = []
    while waiting and len(causes) < _CAUSES_MAX:
        cause = waiting.pop(0)
        if id(cause) not in seen:
            seen.add(id(cause))
            causes.append(" ".join(filter(None, (_name(cause), *_frames(cause.__traceback__)[-1:]))))
            waiting.extend(_reasons(cause))
    return causes


def _reasons(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        yield from error.exceptions
    if cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        yield cause


def _name(error: BaseException) -> str:
    """The class, and the code that a database or the system gave."""
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    if isinstance(error, OSError):
        code = errno.errorcode.get(error.errno or 0)
    return (
        f"{type(error).__name__} {code}"
        if isinstance(code, str) and _CLASS.fullmatch(f"_{code}")
        else type(error).__name__
    )


def _frames(trace: TracebackType | None) -> list[str]:
    return [f"{_file(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}" for frame, line in walk_tb(trace)]


def _file(name: str) -> str:
    if "site-packages/" in name:
        return name.rpartition("site-packages/")[2]
    path = Path(name)
    return str(path.relative_to(_HERE)) if path.is_relative_to(_HERE) else path.name


def _hand_on(log: object, level: str, event: MutableMapping[str, Any]) -> tuple[tuple[object], dict[str, Any]]:
    return (Event(event),), {}


class Lines(logging.Formatter):
    """One line for each record: JSON for machines, or words for a terminal."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        event = record.msg if isinstance(record.msg, Event) else _foreign(record)
        if not self._as_json:
            return _words(record.levelname, event)
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        head = {"at": at, "level": record.levelname.lower(), "logger": _logger(record)}
        return json.dumps({**head, **event}, ensure_ascii=False, default=repr)


def _foreign(record: logging.LogRecord) -> Event:
    error = record.exc_info[1] if record.exc_info else None
    return Event(event="foreign", library=_logger(record), **about_error(error, whole=True))


def _logger(record: logging.LogRecord) -> str:
    return record.name if _LOGGER.fullmatch(record.name) else "unnamed"


def _words(level: str, event: Mapping[str, Any]) -> str:
    rest = dict(event)
    code, problem, trace = rest.pop("event"), rest.pop("problem", ""), rest.pop("trace", ())
    said = [f"{level} {code}: {EVENTS.get(code, '')}", problem, *(f"{key}={value}" for key, value in rest.items())]
    line = "".join(sign if sign.isprintable() else " " for sign in " ".join(filter(None, said)))
    return "\n".join([line, *(f"    {frame}" for frame in trace)])


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines. Where that fails it says so; what is usually said then shows the record as it was."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Says that a line is missing."""
        with suppress(OSError, ValueError):
            self.stream.write(f'{{"event": "unwritten", "logger": "{_logger(record)}"}}\n')


def write_logs(*, level: Level, as_json: bool, stream: TextIO | None = None) -> None:
    """From now on lines go to the stream, by default standard error, and so does whatever nobody caught.

    Libraries are heard from warnings on, at the level debug always.
    """
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(Lines(as_json=as_json))
    least = logging.DEBUG if level == "debug" else logging.WARNING
    handler.addFilter(lambda record: isinstance(record.msg, Event) or record.levelno >= least)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    logging.getLogger("dbos").addHandler(logging.NullHandler())  # without one, it adds its own with whole messages
    sys.excepthook = _uncaught
    threading.excepthook = lambda hook: _uncaught(hook.exc_type, hook.exc_value, hook.exc_traceback)
    sys.unraisablehook = lambda hook: _uncaught(hook.exc_type, hook.exc_value, hook.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        open_log(__name__).critical("crashed", error=error or kind.__name__)
