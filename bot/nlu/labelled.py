"""Reads labelled sentences, one JSON object a line."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bot.documents import read_text
from bot.errors import ContentError, ContentErrors

Line = TypeVar("Line", bound=BaseModel)


def read_labelled(path: Path, line: type[Line], *, form: str) -> tuple[Line, ...]:
    """The labelled sentences of a file; empty lines are left out. form shows how one is written.

    Raises:
        ContentErrors: each line that is not one, or that there is none.
    """
    lines, errors = [], []
    for number, written in enumerate(read_text(path).splitlines(), start=1):
        if not written.strip():
            continue
        try:
            lines.append(line.model_validate_json(written))
        except ValidationError as error:
            problem = "; ".join(f"{'.'.join(map(str, e['loc']))} {e['msg']}".strip() for e in error.errors())
            errors.append(ContentError(path, number, f"{problem}.", f"Write {form}."))
    if not lines and not errors:
        errors.append(ContentError(path, None, "The file is empty.", "Give it labelled sentences."))
    if errors:
        raise ContentErrors(errors)
    return tuple(lines)
