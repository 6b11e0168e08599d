"""The classifier in Rasa's server, over HTTP. Whatever goes wrong there, the engine of this process answers.

What is found by rules is found here. Danger above all: a server that was not started anew after an update does not
know the latest phrases. And Rasa can be told neither the day of the contact nor what was asked.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

import httpx
from pydantic import BaseModel, model_validator

from bot.logs import open_log
from bot.metrics import RasaFailure
from bot.nlu.engine import Engine
from khmer_nlu import Parsed, Slot, complete
from khmer_nlu.classifier import Classified, Decision, Ranking

TIMEOUT_S: Final = 2.0
PAUSE_S: Final = 30.0

log = open_log(__name__)


class _Parsed(BaseModel):
    text: str
    decision: Decision
    ranking: Ranking
    crisis: str | None

    @model_validator(mode="after")
    def _can_be_answered(self) -> "_Parsed":
        if self.decision != "fallback" and not self.ranking:
            raise ValueError("a decision needs an intent")
        return self


class _Answer(BaseModel):
    """The part of Rasa's answer that khmer_rasa wrote; a server with another pipeline has none."""

    parsed: _Parsed


def open_client(url: str) -> httpx.AsyncClient:
    """The connection to Rasa's server: no redirects, and no proxy of the environment, which would read along."""
    return httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)


@dataclass(kw_only=True)
class RasaEngine:
    """An Engine over Rasa's server, which parses as the engine inside does.

    After a failure the server is left alone for PAUSE_S; then one message tries it again, and the others do not wait.

    Args:
        inside: the engine of this process, which answers instead.
        now: a clock that never goes back, in seconds.
        timeout_s: how long a message may wait for the server, all in all.
        failed: is told of each message that the server did not understand, and why; “paused”: it was not asked.
    """

    client: httpx.AsyncClient
    inside: Engine
    now: Callable[[], float]
    failed: Callable[[RasaFailure], None]
    timeout_s: float = TIMEOUT_S
    _resumes_at: float | None = None

    async def parse(self, text: str, *, today: date, slot: Slot | None = None) -> Parsed:
        """What the text means, on this day, as the answer to this question; never raises for any text."""
        if self._resumes_at is not None:
            if self.now() < self._resumes_at:
                self.failed("paused")
                return await self.inside.parse(text, today=today, slot=slot)
            self._pause()  # the others go on while this one tries
        try:
            classified = await self._ask(text)
        except (TimeoutError, httpx.HTTPError, ValueError) as error:
            self._pause()
            reason = _reason(error)
            self.failed(reason)
            log.warning("rasa_failed", code=reason, seconds=PAUSE_S)
            return await self.inside.parse(text, today=today, slot=slot)
        self._resumes_at = None
        return complete(text, classified, today=today, slot=slot)

    async def aclose(self) -> None:
        """Ends the connections."""
        await self.client.aclose()
        await self.inside.aclose()

    def _pause(self) -> None:
        self._resumes_at = self.now() + PAUSE_S

    async def _ask(self, text: str) -> Classified:
        async with asyncio.timeout(self.timeout_s):
            response = await self.client.post("/model/parse", content=json.dumps({"text": text}))
        parsed = _Answer.model_validate_json(response.raise_for_status().content).parsed
        if parsed.text != text.strip():  # Rasa takes off the space around a message
            raise ValueError("the answer is to another message")
        return Classified(decision=parsed.decision, ranking=parsed.ranking, crisis=parsed.crisis)


def _reason(error: Exception) -> RasaFailure:
    """A code for what went wrong, free of any text."""
    match error:
        case TimeoutError() | httpx.TimeoutException():
            return "timeout"
        case httpx.HTTPStatusError():
            return "status"
        case httpx.HTTPError():
            return "unreachable"
        case _:
            return "not_an_answer"
