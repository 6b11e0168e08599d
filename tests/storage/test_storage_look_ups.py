"""Conversations are found by keyed marks of what is in them."""

from functools import partial

import sqlalchemy as sa

from bot.storage import look_ups
from tests.storage.rows import conversation_of


def test_whoever_shares_a_key_is_found_once_and_nobody_else(tx: sa.Connection) -> None:
    one, two, other = (conversation_of(tx, ref).id for ref in ("one", "two", "other"))
    look_ups.note(tx, one, "phone", ["+85512345678", "+66812345678"])
    look_ups.note(tx, one, "phone", ["+85512345678"])
    look_ups.note(tx, two, "phone", ["+85512345678"])
    look_ups.note(tx, other, "name", ["+85512345678"])

    find = partial(look_ups.find, tx, "phone")

    assert set(find(["+85512345678", "+66812345678"])) == {one, two}
    assert len(find(["+85512345678", "+66812345678"])) == 2
    assert find(["+66812345678"]) == [one]
    assert find(["+85512345679"]) == find([]) == []


def test_the_marks_show_nothing_and_go_with_the_conversation(tx: sa.Connection) -> None:
    conversation = conversation_of(tx)
    look_ups.note(tx, conversation.id, "name", ["sokdara"])

    (mark,) = tx.scalars(sa.text("SELECT mark FROM look_ups")).all()
    assert b"sokdara" not in bytes(mark)
    assert len(bytes(mark)) == 32

    tx.execute(sa.text("DELETE FROM conversations"))
    assert tx.scalar(sa.text("SELECT count(*) FROM look_ups")) == 0
