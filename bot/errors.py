"""The one tree of errors; every other module raises these and nothing of its own.

ReturneeBotError
├── SettingsError      the environment is wrong: every problem at once
├── ContentError       one file of content, flows or examples is wrong: path, line, problem, mend
├── ContentErrors      all of them, collected
├── TrainingError      the understanding could not be trained
├── StorageError       the database can not be opened, or has not the schema that this version needs
│   ├── StorageDown    the database does not take a transaction now: try again later
│   ├── KeyDestroyed   the key of what is to be read was destroyed, on purpose
│   └── SealBroken     a sealed value was moved or changed
├── MediaRefused       a file is not kept: too big, damaged, or nothing that we keep
├── CustodyError       what is asked of a record may not be done: it names why
└── SendError
    ├── SendRetryable  a channel may succeed later
    └── SendRejected   a channel said no for good
"""

from collections.abc import Sequence
from pathlib import Path


class ReturneeBotError(Exception):
    """The root of everything that this application raises on purpose."""


class SettingsError(ReturneeBotError):
    """The settings are wrong; the message holds one line for each problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class ContentError(ReturneeBotError):
    """One thing that is wrong in one file, written for an editor."""

    def __init__(self, path: Path, line: int | None, problem: str, fix: str) -> None:
        self.path, self.line, self.problem, self.fix = path, line, problem, fix
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {problem} {fix}".rstrip())


class ContentErrors(ReturneeBotError):
    """All that is wrong in a set of files, in the order of paths and lines."""

    def __init__(self, errors: Sequence[ContentError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda e: (str(e.path), e.line or 0)))
        super().__init__("\n".join(str(error) for error in self.errors))


class TrainingError(ReturneeBotError):
    """The understanding could not be trained; the message says why."""


class StorageError(ReturneeBotError):
    """The database can not be used as it is; the message says what to mend, without any secret or content."""


class StorageDown(StorageError):
    """The database did not take a transaction; a later try may succeed.

    Nothing of it is written, except where PostgreSQL's answer to the very commit was lost: the same message again is
    then known.
    """


class KeyDestroyed(StorageError):
    """What is to be read was made unreadable for good: whoever shows it says that it is deleted."""


class SealBroken(StorageError):
    """A sealed value does not open in its place: somebody changed the database, or it is damaged."""


class MediaRefused(ReturneeBotError):
    """A file is not kept; reason is a code: empty, too_big, type, damaged, too_many_pixels."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class CustodyError(ReturneeBotError):
    """What is asked of a record may not be done, or there is none; the message says why and names no content."""


class SendError(ReturneeBotError):
    """A channel could not send one message."""


class SendRetryable(SendError):
    """The channel may take the message later.

    Args:
        reason: what happened, without any content of the message.
        retry_after_s: how many seconds the platform asked us to wait, if it did.
        maybe_sent: whether the message may have arrived all the same.
        chat_only: whether the wait concerns this contact alone; else the bot sends nothing to anybody meanwhile.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry_after_s: float | None = None,
        maybe_sent: bool = False,
        chat_only: bool = False,
    ) -> None:
        self.reason, self.retry_after_s = reason, retry_after_s
        self.maybe_sent, self.chat_only = maybe_sent, chat_only
        super().__init__(reason)


class SendRejected(SendError):
    """The channel will never take this message: the contact blocked us, or the message is not allowed."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
