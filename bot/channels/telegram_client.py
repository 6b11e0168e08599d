"""How we speak HTTP to Telegram, beneath python-telegram-bot: our own limits and time-outs, and errors without secrets.

PTB's own request logs the body of a broken answer, does not tell whether a request left this machine, and keeps
retry_after behind a warning; here each is settled.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import httpx
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, TelegramError
from telegram.request import BaseRequest, RequestData

from bot.errors import SendRejected, SendRetryable

CONNECTIONS: Final = 64
CONNECTIONS_KEPT: Final = 8
"""So many stay open when nothing is sent: the pool looks at each of them again whenever a message is."""
CONNECT_S: Final = 5.0
ANSWER_S: Final = 15.0
TOKEN_REFUSED_WAIT_S: Final = 60.0
_SAID: Final = {
    "bot was blocked by the user": "blocked",
    "user is deactivated": "deactivated",
    "bot can't initiate conversation with a user": "not_started",
    "bot was kicked": "kicked",
    "chat not found": "chat_not_found",
    "message is too long": "too_long",
    "file is too big": "file_too_big",
    "wrong file_id": "file_gone",
    "file_id": "file_gone",
    "temporarily unavailable": "file_gone",
    "message text is empty": "empty",
    "message thread not found": "topic_not_found",
    "button_data_invalid": "button_invalid",
    "bad webhook": "bad_webhook",
}


class NotSent(NetworkError):
    """The request did not leave this machine."""


class Flooded(TelegramError):
    """429: Telegram wants to hear nothing for some seconds."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__("flooded")


class HttpRequest(BaseRequest):
    """PTB's port to the network, over one httpx client: no redirects, nothing from the environment, nothing logged."""

    def __init__(self, *, connections: int = CONNECTIONS, answer_s: float = ANSWER_S) -> None:
        self._timeout = httpx.Timeout(connect=CONNECT_S, read=answer_s, write=answer_s, pool=answer_s)
        self._limits = httpx.Limits(max_connections=connections, max_keepalive_connections=CONNECTIONS_KEPT)
        self._client: httpx.AsyncClient | None = None

    @property
    def read_timeout(self) -> float | None:
        """How many seconds an answer may take."""
        return self._timeout.read

    async def initialize(self) -> None:
        """Nothing to do: the client is made when it is first used, inside the running loop."""

    async def shutdown(self) -> None:
        """Closes all connections."""
        if self._client:
            await self._client.aclose()
            self._client = None

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer, which must be an object.

        Raises:
            TelegramError: it is cut off, or something else.
        """
        try:
            found = json.loads(payload)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise TelegramError("not JSON")
        return found

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: object = BaseRequest.DEFAULT_NONE,
        write_timeout: object = BaseRequest.DEFAULT_NONE,
        connect_timeout: object = BaseRequest.DEFAULT_NONE,
        pool_timeout: object = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Sends one request; only the time for the answer can be chosen, the rest is ours."""
        timeout = self._timeout
        if isinstance(read_timeout, int | float):
            timeout = httpx.Timeout(connect=timeout.connect, read=read_timeout, write=timeout.write, pool=timeout.pool)
        if self._client is None:
            self._client = httpx.AsyncClient(limits=self._limits, timeout=timeout, trust_env=False)
        # PTB gives each file as (name, content, type)
        files = cast(dict[str, tuple[str, bytes, str]] | None, request_data.multipart_data if request_data else None)
        data = request_data.json_parameters if request_data else None
        try:
            response = await self._client.request(method, url, data=data, files=files, timeout=timeout)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(type(error).__name__) from None
        except httpx.HTTPError as error:
            raise NetworkError(type(error).__name__) from None  # its words hold the address, and that the token
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise Flooded(_retry_after_s(response.content))
        return response.status_code, response.content

    async def download(self, url: str, *, most_bytes: int) -> bytes:
        """A file, whole.

        Raises:
            TelegramError: it can not be had, or is larger.
        """
        if self._client is None:
            self._client = httpx.AsyncClient(limits=self._limits, timeout=self._timeout, trust_env=False)
        content = bytearray()
        try:
            async with self._client.stream("GET", url) as response:
                if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    raise Flooded(_retry_after_s(await response.aread()))
                if response.status_code != httpx.codes.OK:
                    raise NetworkError(f"status {response.status_code}")
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > most_bytes:
                        raise BadRequest("file is too big")
        except httpx.HTTPError as error:
            raise NetworkError(type(error).__name__) from None
        return bytes(content)


def _retry_after_s(payload: bytes) -> float:
    try:
        return float(json.loads(payload)["parameters"]["retry_after"])
    except (ValueError, TypeError, LookupError):
        return 1.0


@contextmanager
def sending(*, to_group: bool = False) -> Iterator[None]:
    """Turns what PTB raises inside into the two errors that may leave a channel; ChatMigrated passes.

    Raises:
        SendRetryable, SendRejected: with a code, and no word of the message or of the address.
    """
    try:
        yield
    except ChatMigrated:
        raise
    except Flooded as error:
        raise SendRetryable("telegram_429", retry_after_s=error.retry_after_s, chat_only=to_group) from None
    except NotSent:
        raise SendRetryable("telegram_unreachable") from None
    except (Forbidden, BadRequest, InvalidToken) as error:
        if isinstance(error.__cause__, TelegramError):  # not Telegram's JSON: something on the way said so
            raise SendRetryable("telegram_not_telegram", maybe_sent=True) from None
        if isinstance(error, InvalidToken):
            raise SendRetryable("telegram_token_refused", retry_after_s=TOKEN_REFUSED_WAIT_S) from None
        raise SendRejected(f"telegram_{code_of(error)}") from None
    except TelegramError:
        raise SendRetryable("telegram_no_answer", maybe_sent=True) from None


def code_of(error: TelegramError) -> str:
    """One word for what Telegram said, which may go to logs and to staff."""
    said = error.message.casefold()
    for words, code in _SAID.items():
        if words in said:
            return code
    return {Forbidden: "forbidden", BadRequest: "bad_request"}.get(type(error), type(error).__name__)
