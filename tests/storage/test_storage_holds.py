"""Holds: the later end counts, and outlives a restart."""

from datetime import timedelta

import sqlalchemy as sa

from bot.storage import holds
from tests.storage.rows import NOW

SOON, LATER = NOW + timedelta(seconds=5), NOW + timedelta(seconds=30)


def test_the_later_end_of_two_holds_counts(tx: sa.Connection) -> None:
    for until in (SOON, LATER, SOON):
        holds.hold(tx, channel="telegram", bot="b", until=until)
    holds.hold(tx, channel="telegram", bot="c", until=SOON)

    assert holds.all_after(tx, NOW) == {("telegram", "b"): LATER, ("telegram", "c"): SOON}
    assert holds.all_after(tx, SOON) == {("telegram", "b"): LATER}
