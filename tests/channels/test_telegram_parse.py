"""What Telegram sends, read into messages: one file for each kind of update, as Telegram writes it."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot import model
from bot.channels.telegram_parse import chat_of, parse_update
from bot.model import Inbound
from bot.settings import REPOSITORY

FOLDER = REPOSITORY / "tests" / "data" / "telegram"
STAFF = frozenset({-1002233445566, -4433221100})


def read(name: str) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return kept


def parse(name: str, **changes: Any) -> list[Inbound]:
    update = read(name)["update"] | changes
    return parse_update(update, bot="7654321098", staff_groups=STAFF)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_an_update_is_read_as_its_file_says(file: Path) -> None:
    expected = read(file.stem)["payload"]
    payload = getattr(model, expected.pop("type"))(**expected) if expected else None

    assert [inbound.payload for inbound in parse(file.stem)] == ([payload] if payload else [])


def test_a_message_is_named_by_its_chat_and_number_and_each_edit_is_another() -> None:
    (first,) = parse("text")
    (again,) = parse("text", update_id=1)
    (edited,) = parse("text_edited")
    (edited_again,) = parse("text_edited", update_id=1)

    assert first.external_id == again.external_id == "5012345678:211"
    assert first.contact_ref == "5012345678"
    assert len({first.external_id, edited.external_id, edited_again.external_id}) == 3


def test_the_chat_of_an_update_is_found_without_reading_it_all() -> None:
    chats = {file.stem: chat_of(read(file.stem)["update"]) for file in FOLDER.glob("*.json")}

    assert {chats[name] for name in ("text", "text_edited", "press", "press_old_message", "blocked")} == {5012345678}
    assert chats["group_text"] == -1002233445566
    assert chats["unknown_kind"] == 0
    odd: list[dict[str, Any]] = [{}, {"message": 1}, {"message": {"chat": 1}}, {"message": {"chat": {}}}]
    assert [chat_of(update) for update in odd] == [0] * 4


@pytest.mark.parametrize("found", ["", [], {}, 7, None, {"update_id": 1, "message": {"chat": 1}}])
def test_what_is_no_update_is_an_error_that_ingest_can_count(found: Any) -> None:
    with pytest.raises((ValueError, TypeError, LookupError, AttributeError)):
        parse_update(found, bot="1", staff_groups=STAFF)
