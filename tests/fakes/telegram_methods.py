"""The Bot API's methods over the fake's state. Each takes the parameters of a call and gives its result."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tests.fakes.telegram_checks import check_caption, check_markup, check_text, decode
from tests.fakes.telegram_errors import ApiError, bad
from tests.fakes.telegram_world import Chat, File, Json, World, file_json

DELETE_WITHIN_S: Final = 48 * 3600
DOWNLOAD_MAX_BYTES: Final = 20 * 2**20
ACTIONS: Final = (
    *("typing", "find_location", "choose_sticker", "upload_photo", "upload_document"),
    *("record_video", "upload_video", "record_voice", "upload_voice", "record_video_note", "upload_video_note"),
)
_TEXT_SETTINGS: Final = {"name": 64, "description": 512, "short_description": 120}
_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}")
_MIME: Final = {"photo": "image/jpeg", "voice": "audio/ogg", "document": "application/octet-stream"}


@dataclass(frozen=True, kw_only=True)
class Methods:
    """The methods that answer at once; getUpdates and the webhook's have a place of their own."""

    world: World

    def find(self, method: str) -> Callable[[Json], Any] | None:
        """The method of this name; capitals do not matter."""
        table: dict[str, Callable[[Json], Any]] = {
            "getme": lambda params: self.world.bot | {"can_join_groups": True, "can_read_all_group_messages": False},
            "sendmessage": self.send_message,
            "sendphoto": lambda params: self.send_file("photo", params),
            "sendvoice": lambda params: self.send_file("voice", params),
            "senddocument": lambda params: self.send_file("document", params),
            "sendchataction": self.send_chat_action,
            "editmessagetext": self.edit_text,
            "editmessagereplymarkup": self.edit_markup,
            "deletemessage": self.delete_message,
            "deletemessages": self.delete_messages,
            "answercallbackquery": self.answer_callback_query,
            "getfile": self.get_file,
            "getchat": self.get_chat,
            "getchatmember": self.get_chat_member,
            "createforumtopic": self.create_topic,
            "setmycommands": self.set_commands,
            "getmycommands": self.get_commands,
            "deletemycommands": self.delete_commands,
        }
        for name in _TEXT_SETTINGS:
            spelt = name.replace("_", "")
            table[f"setmy{spelt}"] = partial(self.set_text, name)
            table[f"getmy{spelt}"] = partial(self.get_text, name)
        return table.get(method.lower())

    def send_message(self, params: Json) -> Json:
        """Text, and buttons under it."""
        chat = self.world.chat_for_bot(params.get("chat_id"))
        text, entities = check_text(params)
        return self._send(chat, params, {"text": text, "entities": entities})

    def send_file(self, kind: str, params: Json) -> Json:
        """A picture, voice note or document: new, or by the id of one that Telegram has."""
        chat = self.world.chat_for_bot(params.get("chat_id"))
        caption, entities = check_caption(params)
        shown = file_json(self._file(kind, params), mime_type=_MIME[kind])
        media: Any = shown
        if kind == "photo":
            media = [shown | {"width": 640, "height": 480}]
        elif kind == "voice":
            media = shown | {"duration": int(params.get("duration") or 1)}
        return self._send(chat, params, {kind: media, "caption": caption, "caption_entities": entities})

    def _file(self, kind: str, params: Json) -> File:
        given = params.get(kind)
        if isinstance(given, str) and given.startswith("attach://"):
            given = params.get(given.removeprefix("attach://"))
        if isinstance(given, bytes) and given:
            return self.world.add_file(kind, "", given)
        if isinstance(given, str) and given in self.world.files:
            return self.world.files[given]
        raise bad(f"there is no {kind} in the request")

    def _send(self, chat: Chat, params: Json, parts: Json) -> Json:
        markup = check_markup(params.get("reply_markup"))
        thread = int(params.get("message_thread_id") or 0)
        if thread and thread not in chat.topics:
            raise bad("message thread not found")
        reply = decode(params.get("reply_parameters"), "reply parameters") or {}
        replied = chat.messages.get(int(reply.get("message_id", 0)))
        if reply and not replied and not reply.get("allow_sending_without_reply"):
            raise bad("message to be replied not found")
        self.world.rates.take(chat.id, self.world.clock.now())
        shown = markup if markup and "inline_keyboard" in markup else None
        topic = {"message_thread_id": thread, "is_topic_message": True} if thread else {}
        more = {"reply_markup": shown, "reply_to_message": replied, **topic}
        return self.world.add_message(chat, self.world.bot, parts, **more)

    def send_chat_action(self, params: Json) -> bool:
        """“typing …”"""
        self.world.chat_for_bot(params.get("chat_id"))
        if params.get("action") not in ACTIONS:
            raise bad("wrong parameter action in request")
        return True

    def edit_text(self, params: Json) -> Json:
        """Another text in place of the bot's own."""
        message = self._own(params, "edit")
        text, entities = check_text(params)
        markup = check_markup(params.get("reply_markup"))
        if (text, markup) == (message.get("text"), message.get("reply_markup")):
            raise bad("message is not modified")
        message |= {"text": text, "entities": entities, "edit_date": self.world.now()}
        _set_markup(message, markup)
        return message

    def edit_markup(self, params: Json) -> Json:
        """Other buttons, or none."""
        message = self._own(params, "edit")
        markup = check_markup(params.get("reply_markup"))
        if markup == message.get("reply_markup"):
            raise bad("message is not modified")
        _set_markup(message, markup)
        return message | {"edit_date": self.world.now()}

    def _own(self, params: Json, verb: str) -> Json:
        chat = self.world.chat_for_bot(params.get("chat_id"))
        message = chat.messages.get(int(params.get("message_id") or 0))
        if message is None:
            raise bad(f"message to {verb} not found")
        if message["from"]["id"] != self.world.bot["id"]:
            raise bad(f"message can't be {verb}ed")
        return message

    def delete_message(self, params: Json) -> bool:
        """Takes a message of the last two days away."""
        chat = self.world.chat_for_bot(params.get("chat_id"))
        message = chat.messages.get(int(params.get("message_id") or 0))
        if message is None:
            raise bad("message to delete not found")
        if self.world.now() - message["date"] > DELETE_WITHIN_S:
            raise bad("message can't be deleted for everyone")
        del chat.messages[message["message_id"]]
        return True

    def delete_messages(self, params: Json) -> bool:
        """Takes up to 100 messages away; those that are not there are passed over."""
        numbers = decode(params.get("message_ids"), "message identifiers") or []
        if not 1 <= len(numbers) <= 100:
            raise bad("message identifiers are not specified")
        for number in numbers:
            try:
                self.delete_message({"chat_id": params.get("chat_id"), "message_id": number})
            except ApiError as error:
                if "not found" not in error.description or "chat" in error.description:
                    raise
        return True

    def answer_callback_query(self, params: Json) -> bool:
        """Ends the waiting circle on a button."""
        if len(params.get("text") or "") > 200:
            raise bad("MESSAGE_TOO_LONG")
        self.world.answer_query(str(params.get("callback_query_id")), params)
        return True

    def get_file(self, params: Json) -> Json:
        """Where a file can be fetched."""
        file = self.world.files.get(str(params.get("file_id")))
        if file is None:
            raise bad("wrong file_id or the file is temporarily unavailable")
        if file.size > DOWNLOAD_MAX_BYTES:
            raise bad("file is too big")
        return file_json(file, file_path=file.path)

    def get_chat(self, params: Json) -> Json:
        """All about a chat."""
        chat = self.world.chat_for_bot(params.get("chat_id"))
        gifts = dict.fromkeys(
            ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
        )
        return chat.to_json() | {"accent_color_id": 1, "max_reaction_count": 11, "accepted_gift_types": gifts}

    def get_chat_member(self, params: Json) -> Json:
        """What somebody is in a chat."""
        self.world.chat_for_bot(params.get("chat_id"))
        return {"status": "member", "user": self.world.user(int(params["user_id"]))}

    def create_topic(self, params: Json) -> Json:
        """A new topic of a forum."""
        chat = self.world.chat_for_bot(params.get("chat_id"))
        name = str(params.get("name") or "")
        if not chat.forum:
            raise bad("the chat is not a forum")
        if not 1 <= len(name) <= 128:
            raise bad("TOPIC_TITLE_INVALID")
        started = self.world.add_message(chat, self.world.bot, {})
        topic = {"name": name, "icon_color": 7322096}
        started["forum_topic_created"] = topic
        chat.topics[started["message_id"]] = name
        return {"message_thread_id": started["message_id"], **topic}

    def set_commands(self, params: Json) -> bool:
        """The commands that Telegram's menu shows."""
        commands = decode(params.get("commands"), "commands") or []
        if len(commands) > 100:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            if not _COMMAND.fullmatch(str(command.get("command", ""))):
                raise bad("BOT_COMMAND_INVALID")
            if not 1 <= len(str(command.get("description", ""))) <= 256:
                raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.world.settings[_setting("commands", params)] = commands
        return True

    def get_commands(self, params: Json) -> Any:
        """The commands that were set."""
        return self.world.settings.get(_setting("commands", params), [])

    def delete_commands(self, params: Json) -> bool:
        """No commands."""
        self.world.settings.pop(_setting("commands", params), None)
        return True

    def set_text(self, name: str, params: Json) -> bool:
        """The bot's name or one of its descriptions, in one language or for all."""
        words = str(params.get(name) or "")
        if len(words) > _TEXT_SETTINGS[name]:
            raise bad(f"{name} is too long")
        self.world.settings[_setting(name, params)] = words
        return True

    def get_text(self, name: str, params: Json) -> Json:
        """What was set; in another language, what stands for all."""
        settings = self.world.settings
        otherwise = settings.get(name, self.world.bot["first_name"] if name == "name" else "")
        return {name: settings.get(_setting(name, params)) or otherwise}


def _setting(name: str, params: Json) -> str:
    language = params.get("language_code")
    return f"{name}:{language}" if language else name


def _set_markup(message: Json, markup: Json | None) -> None:
    message.pop("reply_markup", None)
    if markup and markup.get("inline_keyboard"):
        message["reply_markup"] = markup
