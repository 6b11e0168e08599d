"""Keeps the end of the audit's chain outside of the database, every day: nobody can cut the chain off unseen."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import StorageError
from bot.logs import open_log
from bot.storage import audit
from bot.storage.audit import Head
from bot.storage.engine import Storage

log = open_log(__name__)


@dataclass(frozen=True, kw_only=True)
class AuditHeads:
    """The file of heads, one JSON object a line; copy it to where the server can not write."""

    storage: Storage
    file: Path
    now: Callable[[], datetime]

    async def keep(self) -> Head:
        """Adds the head of now.

        Raises:
            StorageError: the file can not be written.
        """
        head = await self.storage.read(audit.head)
        line = {"at": self.now().isoformat(timespec="seconds"), "seq": head.seq, "chained": head.chained}
        try:
            descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as opened:
                opened.write(json.dumps(line) + "\n")
        except OSError as error:
            raise StorageError(f"The heads of the audit, {self.file}, can not be written: {error.strerror}.") from error
        log.info("audit_head", count=head.seq, version=head.chained)
        return head


def read_heads(file: Path) -> list[Head]:
    """The heads in the file; none where there is no file.

    Raises:
        StorageError: a line is none of ours.
    """
    if not file.exists():
        return []
    heads = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            plain = json.loads(line)
            heads.append(Head(seq=int(plain["seq"]), chained=str(plain["chained"])))
        except (ValueError, KeyError, TypeError) as error:
            raise StorageError(f"{file}:{number}: this is no line of the audit's heads.") from error
    return heads
