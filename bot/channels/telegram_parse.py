"""Reads Telegram's updates into messages. Pure: the same update gives the same messages."""

import re
from typing import Any, Final

from telegram import CallbackQuery, ChatMember, ChatMemberUpdated, Message, TelegramObject, Update
from telegram.constants import ChatType

from bot.model import (
    Attachment,
    AttachmentKind,
    Blocked,
    Command,
    CommandName,
    Inbound,
    Moved,
    Payload,
    Press,
    Returned,
    StaffCommand,
    Text,
)

NAME: Final = "telegram"
ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query", "my_chat_member")
_COMMANDS: Final[dict[str, CommandName]] = {
    "start": "start",
    "menu": "menu",
    "help": "help",
    "language": "language",
    "person": "person",
    "stop": "stop",
}
_COMMAND: Final = re.compile(r"/([A-Za-z_]+)(?:@\w+)?(?:\s+(.*))?", re.DOTALL)
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def parse_update(update_json: Any, *, bot: str, staff_groups: frozenset[int]) -> list[Inbound]:
    """The messages in an update: one, or none where it is of no concern to us.

    Args:
        update_json: what Telegram sends, as json.loads gives it.
        bot: our account's number.
        staff_groups: the numbers of the staff group; everything from other groups is left alone.

    Raises:
        ValueError, TypeError, LookupError: it is no update.
    """
    update = Update.de_json(update_json, None)
    found: tuple[str, int, Payload] | None = None
    if update.callback_query:
        found = _press(update.callback_query)
    elif update.my_chat_member:
        found = _membership(update.my_chat_member, update.update_id)
    elif message := update.message or update.edited_message:
        edit = f"edit{update.update_id}" if update.edited_message else ""
        found = _message(message, edit, staff_groups)
    if found is None:
        return []
    external_id, chat_id, payload = found
    return [
        Inbound(
            channel=NAME,
            bot=bot,
            external_id=external_id,
            contact_ref=str(chat_id),
            payload=payload,
            sent_at=update.message.date if update.message else None,
        ),
    ]


def chat_of(update: dict[str, Any]) -> int:
    """The chat an update belongs to, so that those of one chat stay in order; 0 where it belongs to none."""
    for kind in ALLOWED_UPDATES:
        part = update.get(kind)
        if isinstance(part, dict):
            part = part.get("message", part) if kind == "callback_query" else part
            chat = part.get("chat") if isinstance(part, dict) else None
            chat_id = chat.get("id") if isinstance(chat, dict) else None
            return chat_id if isinstance(chat_id, int) else 0
    return 0


def _press(query: CallbackQuery) -> tuple[str, int, Payload] | None:
    if query.message is None or query.message.chat.type != ChatType.PRIVATE:
        return None
    return f"press{query.id}", query.message.chat.id, Press(button=query.data or "")


def _membership(change: ChatMemberUpdated, update_id: int) -> tuple[str, int, Payload] | None:
    """In a private chat the bot is thrown out when it is blocked; groups are the channel's own affair."""
    if change.chat.type != ChatType.PRIVATE:
        return None
    payload = Blocked() if change.new_chat_member.status == ChatMember.BANNED else Returned()
    return f"member{update_id}", change.chat.id, payload


def _message(message: Message, edit: str, staff_groups: frozenset[int]) -> tuple[str, int, Payload] | None:
    chat_id = message.chat.id
    name = f"{chat_id}:{message.message_id}{edit}"
    if message.chat.type != ChatType.PRIVATE:
        return (name, chat_id, payload) if (payload := _in_group(message, edit, staff_groups)) else None
    if message.from_user is None or message.from_user.is_bot:
        return None
    if message.text is not None:
        return name, chat_id, _command(message.text) or Text(text=message.text)
    attachment = _attachment(message)
    if attachment is None or (edit and not attachment.caption):  # a shared place that moves is edited all the time
        return None
    return name, chat_id, attachment


def _in_group(message: Message, edit: str, staff_groups: frozenset[int]) -> Payload | None:
    if message.chat.id not in staff_groups or edit:
        return None
    if message.migrate_to_chat_id:
        return Moved(to=str(message.migrate_to_chat_id))
    is_command = _COMMAND.fullmatch(message.text or "") is not None
    return StaffCommand() if is_command and message.from_user and not message.from_user.is_bot else None


def _command(text: str) -> Command | None:
    match = _COMMAND.fullmatch(text)
    name = _COMMANDS.get(match[1].casefold()) if match else None
    if match is None or name is None:
        return None
    code = (match[2] or "").strip() if name == "start" else ""
    return Command(name=name, code=code if _CODE.fullmatch(code) else "")


def _attachment(message: Message) -> Attachment | None:
    caption, album = message.caption or "", message.media_group_id or ""
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        return _file("photo", largest, caption, album)
    kinds: tuple[tuple[AttachmentKind, TelegramObject | None], ...] = (
        ("voice", message.voice or message.audio),
        ("video", message.video or message.animation),
        ("video_note", message.video_note),
        ("document", message.document),
        ("sticker", message.sticker),
    )
    for kind, file in kinds:
        if file:
            return _file(kind, file, caption, album)
    if message.location:
        place = message.location
        return Attachment(kind="location", latitude=place.latitude, longitude=place.longitude)
    if message.contact:
        own = message.from_user is not None and message.contact.user_id == message.from_user.id
        return Attachment(kind="contact", phone=message.contact.phone_number, own=own)
    if message.poll or message.dice or message.game or message.story or message.paid_media:
        return Attachment(kind="other", caption=caption)
    return None


def _file(kind: AttachmentKind, file: TelegramObject, caption: str, album: str) -> Attachment:
    plain = file.to_dict()  # durations as seconds: PTB's attribute is about to change its type
    return Attachment(
        kind=kind,
        file_id=plain["file_id"],
        size=plain.get("file_size"),
        mime=plain.get("mime_type", ""),
        name=plain.get("file_name", ""),
        duration_s=plain.get("duration"),
        caption=caption,
        album=album,
    )
