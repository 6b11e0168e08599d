"""Telegram as a channel: python-telegram-bot is the typed client, the state is ours."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated

from bot.channels.base import Capabilities
from bot.channels.rendering import Part, parts_of
from bot.channels.splitting import clusters
from bot.channels.telegram_client import HttpRequest, sending
from bot.channels.telegram_parse import ALLOWED_UPDATES, chat_of, parse_update
from bot.errors import SendError, SendRejected
from bot.logs import open_log
from bot.model import Button, ChannelName, Inbound, OutboundMessage

log = open_log(__name__)

CAPABILITIES: Final = Capabilities(
    buttons=True,
    sends_per_s=30,
    chat_sends_per_s=1,
    heard_per_minute=30,
    text_max_units=4096,
    buttons_max=100,
    button_title_max_chars=64,
    edits=True,
    deletes_within_s=48 * 3600,
    voice_in=True,
    photo_in=True,
)
POLL_S: Final = 30
POLL_CONNECTIONS: Final = 2
FILE_CONNECTIONS: Final = 4
FILE_ANSWER_S: Final = 60.0
NARROW_MAX_CLUSTERS: Final = 8
"""Titles up to this width stand two in a row on a small telephone."""
TYPING_AFTER_S: Final = 1.0
TYPING_AGAIN_S: Final = 4.5  # Telegram shows it for 5 s
BETWEEN_PARTS_S: Final = 1.1
UNFINISHED_MOST: Final = 1_000
_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)


@dataclass(kw_only=True)
class TelegramChannel:
    """One bot account on Telegram.

    staff_groups are the numbers of the one staff group: Telegram gives it another when it becomes a supergroup.
    """

    bot: Bot = field(repr=False)
    polls: HttpRequest = field(repr=False)
    files: HttpRequest = field(repr=False)
    account: str
    staff_groups: frozenset[int] = frozenset()
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    name: ChannelName = "telegram"
    capabilities: Capabilities = CAPABILITIES
    _went: OrderedDict[UUID, int] = field(default_factory=OrderedDict, repr=False)
    _answering: set[asyncio.Task[None]] = field(default_factory=set, repr=False)

    async def send(self, message: OutboundMessage) -> str | None:
        """Sends the message in as many parts as it needs; a later try goes on after those that went.

        Raises:
            SendRetryable: Telegram may take it later.
            SendRejected: it never will.
        """
        parts = parts_of(message, self.capabilities)
        if not parts:
            raise SendRejected("telegram_empty")
        sent_id = 0
        for place in range(self._went.get(message.id, 0), len(parts)):
            if place:
                await self._show_typing(int(message.contact_ref))
                await self.sleep(BETWEEN_PARTS_S)
            sent_id = await self._send_part(int(message.contact_ref), parts[place])
            self._remember(message.id, place + 1)
        self._went.pop(message.id, None)
        return str(sent_id)

    def _remember(self, message_id: UUID, parts: int) -> None:
        self._went[message_id] = parts
        while len(self._went) > UNFINISHED_MOST:
            self._went.popitem(last=False)

    async def _send_part(self, chat_id: int, part: Part) -> int:
        try:
            return await self._send_to(chat_id, part)
        except ChatMigrated as moved:
            new = moved.new_chat_id
        self.follow(chat_id, new)
        try:
            return await self._send_to(new, part)
        except ChatMigrated:
            raise SendRejected("telegram_moved_twice") from None

    async def _send_to(self, chat_id: int, part: Part) -> int:
        with sending(to_group=chat_id < 0):
            sent = await self.bot.send_message(
                chat_id,
                part.text,
                entities=(),
                link_preview_options=_NO_PREVIEW,
                reply_markup=keyboard(part.buttons),
            )
            return sent.message_id

    def parse(self, raw: bytes) -> list[Inbound]:
        """The messages in an update.

        Raises:
            ValueError, TypeError, LookupError: it is no update.
        """
        update = json.loads(raw)
        found = parse_update(update, bot=self.account, staff_groups=self.staff_groups)
        self._watch_groups(update)
        return found

    def _watch_groups(self, update: dict[str, Any]) -> None:
        """Notes where groups go, and names the number of a group that the operator may have meant."""
        message, change = update.get("message") or {}, update.get("my_chat_member") or {}
        chat_id = chat_of(update)
        if moved_to := message.get("migrate_to_chat_id"):
            self.follow(chat_id, int(moved_to))
        elif change and chat_id < 0 and chat_id not in self.staff_groups:
            log.warning("telegram_group_ignored", group=chat_id)

    def follow(self, old: int, new: int) -> None:
        """Knows the staff group by its new number too."""
        if old in self.staff_groups and new not in self.staff_groups:
            self.staff_groups |= {new}
            log.error("telegram_group_moved", group=new, was=old)

    async def find_staff_group(self) -> None:
        """Asks where the staff group is now.

        Raises:
            SendRetryable, SendRejected: as Telegram says.
        """
        for group in sorted(self.staff_groups):
            try:
                with sending(to_group=True):
                    await self.bot.get_chat(group)
            except ChatMigrated as moved:
                self.follow(group, moved.new_chat_id)

    async def download(self, file_id: str, *, most_bytes: int) -> bytes:
        """The content of a file that a contact sent.

        Raises:
            SendRetryable: Telegram may give it later.
            SendRejected: it never will, or the file is larger.
        """
        with sending():
            file = await self.bot.get_file(file_id)
            if (file.file_size or 0) > most_bytes:
                raise BadRequest("file is too big")
            if not (file.file_path or "").startswith(self.bot.base_file_url):
                raise BadRequest("file_id")  # not one of Telegram's own addresses
            return await self.files.download(file.file_path or "", most_bytes=most_bytes)

    async def why_silent(self) -> str | None:
        """Why Telegram does not answer, as a code; None where it does."""
        try:
            with sending():
                await self.bot.get_me()
        except SendError as error:
            return str(error)
        return None

    async def tell_staff(self, words: str) -> None:
        """Says this in the staff group, if there is one.

        Raises:
            SendRetryable, SendRejected: as Telegram says.
        """
        for group in sorted(self.staff_groups):
            await self._send_part(group, Part(text=words))

    async def fetch(self, offset: int | None, *, wait_s: int = POLL_S) -> list[dict[str, Any]]:
        """The updates from offset on, as Telegram sends them; those below are then forgotten there.

        Asked beneath Bot.get_updates, which gives none of them if it can not read one.

        Raises:
            TelegramError: Telegram can not be reached, or refuses.
        """
        wanted = {"timeout": wait_s, "allowed_updates": json.dumps(ALLOWED_UPDATES)}
        query = urlencode(wanted | ({} if offset is None else {"offset": offset}))
        found = await self.polls.post(f"{self.bot.base_url}/getUpdates?{query}", read_timeout=wait_s + 10.0)
        return found if isinstance(found, list) else []

    @asynccontextmanager
    async def attending(self, update: dict[str, Any]) -> AsyncIterator[None]:
        """While the update is handled: shows “typing” if that takes long. Then ends the waiting circle of a press.

        Where handling fails, nothing is answered, for the update comes again.
        """
        chat_id = chat_of(update)
        typing = asyncio.create_task(self._type_on(chat_id)) if chat_id > 0 else None
        try:
            yield
        finally:
            if typing:
                typing.cancel()
        query = update.get("callback_query")
        if isinstance(query, dict) and query.get("id"):
            answering = asyncio.create_task(self._answer_press(str(query["id"])))
            self._answering.add(answering)
            answering.add_done_callback(self._answering.discard)

    async def _type_on(self, chat_id: int) -> None:
        await asyncio.sleep(TYPING_AFTER_S)
        while True:
            await self._show_typing(chat_id)
            await asyncio.sleep(TYPING_AGAIN_S)

    async def _show_typing(self, chat_id: int) -> None:
        with suppress(SendError, ChatMigrated), sending():
            await self.bot.send_chat_action(chat_id, ChatAction.TYPING)

    async def _answer_press(self, query_id: str) -> None:
        try:
            with sending():
                await self.bot.answer_callback_query(query_id)
        except SendError as error:
            log.warning("press_not_answered", code=str(error))

    async def close(self) -> None:
        """Ends what is under way and all connections."""
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        await self.bot.request.shutdown()
        await self.polls.shutdown()
        await self.files.shutdown()


def open_channel(*, token: str, api_url: str, staff_group: int | None) -> TelegramChannel:
    """The channel of the bot with this token; nothing is asked of Telegram yet."""
    polls = HttpRequest(connections=POLL_CONNECTIONS)
    bot = Bot(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=HttpRequest(),
        get_updates_request=polls,
    )
    return TelegramChannel(
        bot=bot,
        polls=polls,
        files=HttpRequest(connections=FILE_CONNECTIONS, answer_s=FILE_ANSWER_S),
        account=token.partition(":")[0],
        staff_groups=frozenset() if staff_group is None else frozenset({staff_group}),
    )


def keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    """The buttons under a message: two in a row where all titles are narrow, else one."""
    if not buttons:
        return None
    in_a_row = 2 if all(clusters(button.title) <= NARROW_MAX_CLUSTERS for button in buttons) else 1
    made = [InlineKeyboardButton(button.title, callback_data=button.id) for button in buttons]
    return InlineKeyboardMarkup([made[at : at + in_a_row] for at in range(0, len(made), in_a_row)])
