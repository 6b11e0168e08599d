"""`returnee-bot parse`: a JSON object a line in, one out; a bad line gives an error of its own, the rest goes on."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.nlu.engine import Engine
from khmer_nlu import Slot


class Request(BaseModel):
    """A message to understand, what was asked before it, and the day it came."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    text: str
    slot: Slot | None = None
    today: date | None = None


async def answer_lines(engine: Engine, lines: Iterable[str], *, today: date) -> list[dict[str, Any]]:
    """The answer to each line that is not blank, in their order; today is the day of those that name none."""
    return [
        await _answer(engine, line, number, today)
        for number, line in enumerate(lines, start=1)
        if line.strip("\ufeff \t\r\n")
    ]


async def _answer(engine: Engine, line: str, number: int, today: date) -> dict[str, Any]:
    try:
        request = Request.model_validate_json(line.lstrip("\ufeff"))
    except ValidationError as error:
        return {"error": _in_words(error), "line": number}
    parsed = await engine.parse(request.text, today=request.today or today, slot=request.slot)
    return parsed.to_json()


def _in_words(error: ValidationError) -> str:
    return "; ".join(": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"]))) for e in error.errors())
