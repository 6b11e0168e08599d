"""`returnee-bot parse`: a JSON object a line in, one out; a bad line gives an error of its own, the rest goes on."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.nlu.engine import Engine

Slot = Literal["money", "duration", "date", "count", "phone", "province", "district", "yesno"]


class Request(BaseModel):
    """A message to understand; slot and today serve a later step, and are checked already."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    text: str
    slot: Slot | None = None
    today: date | None = None


async def answer_lines(engine: Engine, lines: Iterable[str]) -> list[dict[str, Any]]:
    """The answer to each line that is not blank, in their order."""
    return [
        await _answer(engine, line, number) for number, line in enumerate(lines, start=1) if line.strip("\ufeff \t\r\n")
    ]


async def _answer(engine: Engine, line: str, number: int) -> dict[str, Any]:
    try:
        request = Request.model_validate_json(line.lstrip("\ufeff"))
    except ValidationError as error:
        return {"error": _in_words(error), "line": number}
    return (await engine.parse(request.text)).to_json()


def _in_words(error: ValidationError) -> str:
    return "; ".join(": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"]))) for e in error.errors())
