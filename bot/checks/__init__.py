"""What `returnee-bot check` finds in the files that people edit. Each module checks one folder; cli.py prints."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from bot.errors import ContentError

Level = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something to mend: an error keeps the files from being used, a warning does not."""

    level: Level
    path: Path
    line: int | None
    problem: str
    fix: str

    @property
    def is_error(self) -> bool:
        """Whether it keeps the files from being used."""
        return self.level == "error"

    def to_json(self) -> dict[str, str | int | None]:
        """The finding for machines."""
        return {**asdict(self), "path": str(self.path)}

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{where}: {self.level}: {self.problem} {self.fix}".rstrip()


def as_finding(error: ContentError) -> Finding:
    """The finding that says what the error says."""
    return Finding(level="error", path=error.path, line=error.line, problem=error.problem, fix=error.fix)
