"""Raw updates: kept once, marked once, gone after a time."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.storage import updates
from bot.storage.updates import UpdateRow
from tests.storage.rows import NOW, count


def receive(tx: sa.Connection, external_id: str = "7", **more: object) -> UpdateRow:
    values = {"channel": "telegram", "bot": "b", "raw": b'{"update_id": 7}', "now": NOW} | more
    return updates.receive(tx, external_id=external_id, **values)  # type: ignore[arg-type]


def test_an_update_is_kept_as_it_came(tx: sa.Connection) -> None:
    row = receive(tx, raw=b"\xff not text")

    (kept,) = updates.list_open(tx, "received", received_until=NOW, limit=10)
    assert (kept, kept.raw) == (row, b"\xff not text")


def test_the_same_update_again_is_the_one_that_is_kept_and_counts_a_try(tx: sa.Connection) -> None:
    first = receive(tx)
    again = receive(tx, raw=b"changed", now=NOW + timedelta(hours=1))

    assert (again.id, again.raw, again.received_at, again.tries) == (first.id, first.raw, NOW, 2)
    assert count(tx, "raw_updates") == 1


def test_of_several_updates_the_new_ones_are_kept_and_the_others_stay_as_they_are(tx: sa.Connection) -> None:
    known, done = receive(tx, "1"), receive(tx, "2")
    updates.mark_handled(tx, done.id)
    raw_of = {"1": b"changed", "2": b"changed", "3": b"three", "4": b"\xff"}

    new = updates.receive_new(tx, channel="telegram", bot="b", raw_of=raw_of, now=NOW)

    assert {name: (row.raw, row.tries, row.status) for name, row in new.items()} == {
        "3": (b"three", 1, "received"),
        "4": (b"\xff", 1, "received"),
    }
    kept = updates.list_open(tx, "received", received_until=NOW + timedelta(seconds=1), limit=10)
    assert kept == [known, new["3"], new["4"]]
    assert new["3"].received_at < new["4"].received_at
    assert updates.receive_new(tx, channel="telegram", bot="b", raw_of={}, now=NOW) == {}


@pytest.mark.parametrize(("channel", "bot", "external_id"), [("web", "b", "7"), ("telegram", "c", "7")])
def test_the_same_number_elsewhere_is_another_update(
    tx: sa.Connection, channel: str, bot: str, external_id: str
) -> None:
    receive(tx)
    receive(tx, external_id, channel=channel, bot=bot)

    assert count(tx, "raw_updates") == 2


def test_what_is_done_with_stays_so(tx: sa.Connection) -> None:
    handled, aside = receive(tx, "1"), receive(tx, "2")
    updates.mark_handled(tx, handled.id)
    updates.quarantine(tx, aside.id, error="ValueError")

    updates.quarantine(tx, handled.id, error="late")
    updates.mark_handled(tx, aside.id)

    assert [receive(tx, n).status for n in "12"] == ["handled", "quarantined"]
    assert [receive(tx, n).tries for n in "12"] == [1, 1]
    assert updates.count_quarantined(tx) == 1
    (listed,) = updates.list_open(tx, "quarantined", received_until=NOW, limit=10)
    assert (listed.id, listed.error) == (aside.id, "ValueError")


def test_the_oldest_open_updates_come_first(tx: sa.Connection) -> None:
    receive(tx, "new")
    receive(tx, "old", now=NOW - timedelta(hours=1))

    def listed(received_until: object = NOW, limit: int = 10) -> list[str]:
        rows = updates.list_open(tx, "received", received_until=received_until, limit=limit)  # type: ignore[arg-type]
        return [row.external_id for row in rows]

    assert listed() == ["old", "new"]
    assert listed(limit=1) == listed(NOW - timedelta(minutes=1)) == ["old"]


def test_old_updates_are_deleted_whatever_became_of_them(tx: sa.Connection) -> None:
    for number, status in enumerate(("received", "handled", "quarantined")):
        row = receive(tx, status, now=NOW - timedelta(hours=number + 1))
        if status == "handled":
            updates.mark_handled(tx, row.id)
        elif status == "quarantined":
            updates.quarantine(tx, row.id, error="x")
    receive(tx, "new")

    assert updates.purge(tx, received_before=NOW, limit=2) == 2
    assert updates.purge(tx, received_before=NOW, limit=2) == 1
    assert updates.purge(tx, received_before=NOW, limit=2) == 0
    assert count(tx, "raw_updates") == 1
