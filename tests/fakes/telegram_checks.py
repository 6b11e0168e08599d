"""What Telegram checks in a message before it takes it: lengths, entities, buttons."""

import json
from typing import Any, Final

from tests.fakes.telegram_errors import bad

TEXT_MAX: Final = 4096
CAPTION_MAX: Final = 1024
ENTITIES_MAX: Final = 100
BUTTONS_MAX: Final = 100
CALLBACK_DATA_MAX_BYTES: Final = 64
_PLAIN: Final = (
    *("bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "blockquote", "expandable_blockquote"),
    *("url", "email", "phone_number", "mention", "hashtag", "cashtag", "bot_command"),
    *("text_link", "text_mention", "custom_emoji"),
)


def utf16_length(text: str) -> int:
    """The length as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def check_text(params: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """The text of a message and its entities."""
    _refuse_markup(params)
    text = params.get("text")
    if not isinstance(text, str) or not text.strip():
        raise bad("message text is empty")
    if utf16_length(text) > TEXT_MAX:
        raise bad("message is too long")
    return text, check_entities(text, params.get("entities"))


def check_caption(params: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """The caption of a file, which may be empty, and its entities."""
    _refuse_markup(params)
    caption = params.get("caption") or ""
    if utf16_length(caption) > CAPTION_MAX:
        raise bad("message caption is too long")
    return caption, check_entities(caption, params.get("caption_entities"))


def _refuse_markup(params: dict[str, Any]) -> None:
    if params.get("parse_mode"):
        raise bad("this fake takes entities only, no parse_mode")


def check_entities(text: str, plain: Any) -> list[dict[str, Any]]:
    """The entities of the text, whose offsets and lengths count UTF-16 units."""
    entities = decode(plain, "entities") or []
    if not isinstance(entities, list):
        raise bad("can't parse entities: expected an Array")
    if len(entities) > ENTITIES_MAX:
        raise bad("too many entities")
    edges = _edges(text)
    for entity in entities:
        _check_entity(entity, edges)
    return entities


def _edges(text: str) -> set[int]:
    edges, at = {0}, 0
    for character in text:
        at += 2 if ord(character) > 0xFFFF else 1
        edges.add(at)
    return edges


def _check_entity(entity: Any, edges: set[int]) -> None:
    if not isinstance(entity, dict) or entity.get("type") not in _PLAIN:
        raise bad("can't parse MessageEntity: Unsupported type specified")
    offset, length = entity.get("offset"), entity.get("length")
    if not isinstance(offset, int) or not isinstance(length, int) or length <= 0 or offset < 0:
        raise bad("ENTITY_BOUNDS_INVALID")
    if offset + length > max(edges):
        raise bad("ENTITY_BOUNDS_INVALID")
    for at in (offset, offset + length):
        if at not in edges:
            raise bad(f"entity beginning at UTF-16 offset {offset} ends in a middle of a UTF-16 symbol at {at}")
    if entity["type"] == "text_link" and not str(entity.get("url", "")).startswith(("http://", "https://", "tg://")):
        raise bad("can't parse entities: wrong URL")


def check_markup(plain: Any) -> dict[str, Any] | None:
    """The keyboard of a message."""
    markup = decode(plain, "reply markup")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad("object expected as reply markup")
    rows = markup.get("inline_keyboard")
    if rows is None:
        return markup
    buttons = [button for row in rows for button in row]
    if len(buttons) > BUTTONS_MAX:
        raise bad("reply markup is too long")
    for button in buttons:
        _check_button(button)
    return markup


def _check_button(button: Any) -> None:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str) or not button["text"].strip():
        raise bad('can\'t parse inline keyboard button: Field "text" must be of type String and not empty')
    kinds = [kind for kind in ("callback_data", "url", "switch_inline_query", "copy_text") if kind in button]
    if len(kinds) != 1:
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= CALLBACK_DATA_MAX_BYTES:
        raise bad("BUTTON_DATA_INVALID")


def decode(plain: Any, name: str) -> Any:
    """A parameter that is JSON, whether it came as text or not."""
    if not isinstance(plain, str):
        return plain
    if not plain:
        return None
    try:
        return json.loads(plain)
    except ValueError as error:
        raise bad(f"can't parse {name} JSON object") from error
