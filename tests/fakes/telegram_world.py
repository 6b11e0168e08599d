"""The fake's state: people, chats, files, updates on their way, and the record of every call that was accepted."""

import random
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.fakes.telegram_clock import Clock
from tests.fakes.telegram_errors import bad, forbidden, migrated
from tests.fakes.telegram_limits import Rates
from tests.fakes.telegram_queue import Updates
from tests.files import photo

Json = dict[str, Any]
ChatType = Literal["private", "group", "supergroup"]
JPEG: Final = photo(size=(90, 67))
OGG: Final = b"OggS\x00\x02" + bytes(20) + b"OpusHead"
QUERY_ANSWER_S: Final = 60.0


@dataclass(kw_only=True)
class File:
    """A file that the bot can fetch by its id."""

    file_id: str
    path: str
    content: bytes
    size: int


@dataclass(kw_only=True)
class Chat:
    """A chat of the bot, with all messages in it."""

    id: int
    type: ChatType
    user: Json | None = None
    title: str = ""
    forum: bool = False
    blocked: bool = False
    bot_in: bool = True
    migrated_to: int | None = None
    topics: dict[int, str] = field(default_factory=dict)
    messages: dict[int, Json] = field(default_factory=dict)

    def to_json(self) -> Json:
        """The chat as messages show it."""
        if self.user:
            return {key: value for key, value in self.user.items() if key in ("id", "first_name", "username")} | {
                "type": "private"
            }
        return {"id": self.id, "type": self.type, "title": self.title} | ({"is_forum": True} if self.forum else {})


@dataclass(kw_only=True)
class Query:
    """A press that waits for answerCallbackQuery."""

    at: float
    answered_with: Json | None = None


@dataclass(kw_only=True)
class World:
    """Everything that the fake knows. Its methods are what Telegram itself does, not what people or bots ask for."""

    token: str
    clock: Clock = field(default_factory=Clock)
    rates: Rates = field(default_factory=Rates)
    updates: Updates = field(default_factory=Updates)
    chats: dict[int, Chat] = field(default_factory=dict)
    users: dict[int, Json] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    queries: dict[str, Query] = field(default_factory=dict)
    record: list[Json] = field(default_factory=list)
    refused: list[Json] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    _last_message_id: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(7))

    @property
    def bot(self) -> Json:
        """The bot as a user."""
        return {"id": int(self.token.partition(":")[0]), "is_bot": True, "first_name": "Fake", "username": "fake_bot"}

    def now(self) -> int:
        """The moment as messages carry it."""
        return int(self.clock.now())

    def user(self, user_id: int) -> Json:
        """The person of this number, who may be new."""
        person = {"id": user_id, "is_bot": False, "first_name": f"Person {user_id}", "language_code": "km"}
        return self.users.setdefault(user_id, person)

    def private(self, user_id: int) -> Chat:
        """The person's chat with the bot, which may be new."""
        if user_id not in self.chats:
            self.chats[user_id] = Chat(id=user_id, type="private", user=self.user(user_id))
        return self.chats[user_id]

    def chat_for_bot(self, chat_id: Any) -> Chat:
        """The chat that the bot wants to write to.

        Raises:
            ApiError: there is none, the group has moved, or the bot is not let in.
        """
        if chat_id in (None, ""):
            raise bad("chat_id is empty")
        try:
            chat = self.chats[int(chat_id)]
        except (KeyError, ValueError):
            raise bad("chat not found") from None
        if chat.migrated_to:
            raise migrated(chat.migrated_to)
        if chat.blocked:
            raise forbidden("bot was blocked by the user")
        if not chat.bot_in:
            raise forbidden("bot was kicked from the group chat")
        return chat

    def add_message(self, chat: Chat, sender: Json, parts: Json, **more: Any) -> Json:
        """A new message of the chat."""
        self._last_message_id += 1
        message: Json = {
            "message_id": self._last_message_id,
            "date": self.now(),
            "chat": chat.to_json(),
            "from": sender,
            **{key: value for key, value in (parts | more).items() if value not in (None, "", [])},
        }
        chat.messages[self._last_message_id] = message
        return message

    def add_file(self, folder: str, suffix: str, content: bytes, size: int | None = None) -> File:
        """A file of this content; a size that differs from it is what Telegram claims, as of a huge video."""
        number = len(self.files) + 1
        file_id = f"AgACAgUAAx{number:06d}{folder}"
        file = File(file_id=file_id, path=f"{folder}/file_{number}{suffix}", content=content, size=size or len(content))
        self.files[file_id] = file
        return file

    def push(self, kind: str, payload: Json, chat_id: int) -> Json | None:
        """Sends an update on its way, and gives it back; None where the bot did not ask for its kind."""
        pending = self.updates.add(kind, payload, chat_id=chat_id, now=self.clock.now())
        self.clock.wake()
        return pending.update if pending else None

    def new_query(self) -> str:
        """The id of a press."""
        query_id = str(self._random.randrange(10**17, 10**18))
        self.queries[query_id] = Query(at=self.clock.now())
        return query_id

    def answer_query(self, query_id: str, params: Json) -> None:
        """Ends the waiting circle on a button."""
        query = self.queries.get(query_id)
        if query is None or self.clock.now() - query.at > QUERY_ANSWER_S:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        query.answered_with = params

    def write_down(self, method: str, params: Json, result: Any) -> None:
        """Keeps an accepted call: the truth about what the bot did."""
        message_id = result.get("message_id") if isinstance(result, dict) else None
        chat_id = result["chat"]["id"] if message_id else params.get("chat_id")
        self.record.append(
            {
                "n": len(self.record) + 1,
                "at": self.clock.now(),
                "method": method,
                "chat_id": int(str(chat_id)) if str(chat_id).lstrip("-").isdigit() else None,
                "message_id": message_id,
                "params": {key: value for key, value in params.items() if not isinstance(value, bytes)},
                "file": _given(params),
            }
        )


def _given(params: Json) -> int | None:
    """How many bytes of a file came with a call."""
    return next((len(value) for value in params.values() if isinstance(value, bytes)), None)


def file_json(file: File, **more: Any) -> Json:
    """A file as messages show it."""
    unique = f"u{file.file_id[-20:]}"
    return {"file_id": file.file_id, "file_unique_id": unique, "file_size": file.size, **more}
