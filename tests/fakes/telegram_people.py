"""What people do to the bot: write, press, send, block, and move groups about. Each gives the update it leads to."""

import base64
from dataclasses import dataclass
from typing import Any, Final

from tests.fakes.telegram_world import JPEG, OGG, Chat, Json, World, file_json
from tests.files import film, pdf

_BOT_ADMIN_RIGHTS: Final = (
    "can_be_edited is_anonymous can_manage_chat can_delete_messages can_manage_video_chats can_restrict_members"
    " can_promote_members can_change_info can_invite_users can_post_stories can_edit_stories can_delete_stories"
)


class WrongUse(Exception):
    """A test asks people for what they can not do."""


@dataclass(frozen=True, kw_only=True)
class People:
    """The actions of the control API, one method each."""

    world: World

    def text(self, user: int, text: str, chat: int | None = None, reply_to: int | None = None) -> Json | None:
        """Writes, in the private chat or in a group."""
        return self._send(user, chat, {"text": text, "entities": _entities(text)}, reply_to=reply_to)

    def edit(self, user: int, message_id: int, text: str, chat: int | None = None) -> Json | None:
        """Changes the text of an own message."""
        where = self._chat(user, chat)
        message = self._message(where, message_id)
        if message["from"]["id"] != user:
            raise WrongUse("this is another's message")
        message |= {"text": text, "edit_date": self.world.now()}
        return self.world.push("edited_message", dict(message), where.id)

    def press(
        self,
        user: int,
        message_id: int,
        *,
        data: str | None = None,
        title: str | None = None,
        index: int | None = None,
        chat: int | None = None,
        stale: bool = False,
    ) -> Json | None:
        """Presses a button of a message: by its data, its words or its place. stale: one that is no longer there."""
        where = self._chat(user, chat)
        message = self._message(where, message_id)
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        buttons = [button for row in rows for button in row if "callback_data" in button]
        if not stale:
            data = _find(buttons, data, title, index)["callback_data"]
        query = {
            "id": self.world.new_query(),
            "from": self.world.user(user),
            "message": message,
            "chat_instance": str(-where.id * 7919),
            "data": data,
        }
        return self.world.push("callback_query", query, where.id)

    def voice(self, user: int, seconds: int = 3, caption: str = "", content: str = "", chat: int | None = None) -> Any:
        """Sends a voice note; content is base64."""
        file = self.world.add_file("voice", ".oga", _bytes(content, OGG))
        return self._send(
            user, chat, {"voice": file_json(file, duration=seconds, mime_type="audio/ogg"), "caption": caption}
        )

    def photo(
        self, user: int, caption: str = "", content: str = "", album: str = "", chat: int | None = None
    ) -> Json | None:
        """Sends a picture in two sizes."""
        small = self.world.add_file("photos", ".jpg", JPEG)
        large = self.world.add_file("photos", ".jpg", _bytes(content, JPEG), size=60_000 if not content else None)
        sizes = [file_json(small, width=90, height=67), file_json(large, width=1280, height=960)]
        return self._send(user, chat, {"photo": sizes, "caption": caption, "media_group_id": album})

    def album(self, user: int, count: int = 3, caption: str = "") -> list[Json | None]:
        """Sends several pictures at once; the first carries the caption."""
        album = str(13_000_000_000 + len(self.world.files))
        return [self.photo(user, caption=caption if not place else "", album=album) for place in range(count)]

    def document(
        self,
        user: int,
        name: str = "contract.pdf",
        mime_type: str = "application/pdf",
        caption: str = "",
        size: int | None = None,
    ) -> Json | None:
        """Sends a file; a size over 20 MB can not be fetched by a bot."""
        file = self.world.add_file("documents", f".{name.rpartition('.')[2]}", pdf(), size=size)
        return self._send(
            user, None, {"document": file_json(file, file_name=name, mime_type=mime_type), "caption": caption}
        )

    def video(self, user: int, seconds: int = 5, caption: str = "") -> Json | None:
        """Sends a film."""
        file = self.world.add_file("videos", ".mp4", film())
        video = file_json(file, width=640, height=360, duration=seconds, mime_type="video/mp4")
        return self._send(user, None, {"video": video, "caption": caption})

    def video_note(self, user: int, seconds: int = 5) -> Json | None:
        """Sends a round film."""
        file = self.world.add_file("video_notes", ".mp4", film())
        return self._send(user, None, {"video_note": file_json(file, length=384, duration=seconds)})

    def sticker(self, user: int, emoji: str = "") -> Json | None:
        """Sends a sticker."""
        file = self.world.add_file("stickers", ".webp", b"RIFF")
        kind = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
        return self._send(user, None, {"sticker": file_json(file, **kind) | ({"emoji": emoji} if emoji else {})})

    def location(self, user: int, latitude: float = 13.66, longitude: float = 102.56) -> Json | None:
        """Sends a place."""
        return self._send(user, None, {"location": {"latitude": latitude, "longitude": longitude}})

    def contact(self, user: int, phone: str, *, own: bool = True) -> Json | None:
        """Sends a contact card, their own or another's."""
        card: Json = {"phone_number": phone, "first_name": "Card"} | ({"user_id": user} if own else {})
        return self._send(user, None, {"contact": card})

    def block(self, user: int) -> Json | None:
        """Blocks the bot."""
        return self._member(self.world.private(user), user, "member", "kicked")

    def unblock(self, user: int) -> Json | None:
        """Lets the bot write again."""
        return self._member(self.world.private(user), user, "kicked", "member")

    def group(self, user: int, title: str = "Staff", *, forum: bool = False, chat: int | None = None) -> int:
        """Makes a group with the bot in it, and gives its number."""
        number = chat or -(100 + len(self.world.chats)) - (1_001_000_000_000 if forum else 0)
        kind = "supergroup" if str(number).startswith("-100") else "group"
        where = Chat(id=number, type="supergroup" if kind == "supergroup" else "group", title=title, forum=forum)
        self.world.chats[number] = where
        self._member(where, user, "left", "administrator")
        return number

    def leave(self, user: int, chat: int) -> Json | None:
        """Throws the bot out of a group."""
        return self._member(self._chat(user, chat), user, "member", "kicked")

    def migrate(self, user: int, chat: int) -> int:
        """Turns a group into a supergroup, and gives its new number."""
        old = self._chat(user, chat)
        new = Chat(id=-1_002_000_000_000 + old.id, type="supergroup", title=old.title)
        self.world.chats[new.id] = new
        person = self.world.user(user)
        leaving = self.world.add_message(old, person, {"migrate_to_chat_id": new.id})
        old.migrated_to = new.id
        self.world.push("message", leaving, old.id)
        self.world.push("message", self.world.add_message(new, person, {"migrate_from_chat_id": old.id}), new.id)
        return new.id

    def delete_topic(self, chat: int, thread: int) -> None:
        """Deletes a topic of a forum."""
        self.world.chats[chat].topics.pop(thread)

    def raw(self, update: Json, chat: int = 1, kind: str = "message") -> Json | None:
        """Sends an update of any content, as only a broken or future Telegram would."""
        return self.world.push(kind, update, chat)

    def _chat(self, user: int, chat: int | None) -> Chat:
        if chat is None:
            return self.world.private(user)
        if chat not in self.world.chats:
            raise WrongUse(f"there is no chat {chat}")
        return self.world.chats[chat]

    def _message(self, chat: Chat, message_id: int) -> Json:
        if message_id not in chat.messages:
            raise WrongUse(f"there is no message {message_id} in chat {chat.id}")
        return chat.messages[message_id]

    def _send(self, user: int, chat: int | None, parts: Json, reply_to: int | None = None) -> Json | None:
        where = self._chat(user, chat)
        if where.blocked:
            self.unblock(user)
        replied = {"reply_to_message": self._message(where, reply_to)} if reply_to else {}
        message = self.world.add_message(where, self.world.user(user), parts, **replied)
        return self.world.push("message", message, where.id)

    def _member(self, chat: Chat, user: int, old: str, new: str) -> Json | None:
        chat.blocked = chat.type == "private" and new == "kicked"
        chat.bot_in = chat.type == "private" or new in ("member", "administrator")
        change = {
            "chat": chat.to_json(),
            "from": self.world.user(user),
            "date": self.world.now(),
            "old_chat_member": self._status(old),
            "new_chat_member": self._status(new),
        }
        return self.world.push("my_chat_member", change, chat.id)

    def _status(self, status: str) -> Json:
        more: Json = {}
        if status == "kicked":
            more = {"until_date": 0}
        elif status == "administrator":
            more = dict.fromkeys(_BOT_ADMIN_RIGHTS.split(), False) | {"can_manage_topics": True}
        return {"user": self.world.bot, "status": status, **more}


def _find(buttons: list[Json], data: str | None, title: str | None, index: int | None) -> Json:
    if index is not None and index < len(buttons):
        return buttons[index]
    for button in buttons:
        if button["callback_data"] == data or button["text"] == title:
            return button
    raise WrongUse(f"there is no such button, only {[button['text'] for button in buttons]}")


def _entities(text: str) -> list[Json]:
    word = text.split(maxsplit=1)[0] if text.startswith("/") else ""
    return [{"type": "bot_command", "offset": 0, "length": len(word)}] if len(word) > 1 else []


def _bytes(content: str, otherwise: bytes) -> bytes:
    return base64.b64decode(content) if content else otherwise
