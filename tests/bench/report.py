"""docs/benchmarks.md: one section for each command that measures; the others stay as they are."""

import platform
import re
from pathlib import Path

from bot.settings import REPOSITORY

REPORT = REPOSITORY / "docs" / "benchmarks.md"
HEAD = "# Benchmarks\n\nTimes depend on the machine; ratios are taken within one run.\n"
MACHINE = f"Python {platform.python_version()}, {platform.machine()}, 2 shared cores"


def write_section(title: str, body: str, *, report: Path = REPORT) -> None:
    """Writes “## title” and its body in the place of the section of that title, or at the end."""
    text = report.read_text(encoding="utf-8") if report.exists() else HEAD
    _, *sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    section = f"## {title}\n\n{body.strip()}\n"
    places = [place for place, one in enumerate(sections) if one.startswith(f"## {title}\n")]
    if places:
        sections[places[0]] = section
    else:
        sections.append(section)
    report.write_text("\n".join([HEAD, *(one.strip() + "\n" for one in sections)]), encoding="utf-8")
