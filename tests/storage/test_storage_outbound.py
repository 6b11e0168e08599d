"""Outbound rows: in order, claimed once, never lost."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
import sqlalchemy as sa

from bot.model import SendClass
from bot.storage import outbound
from bot.storage.engine import Storage, open_storage
from bot.storage.vault import Vault
from tests.storage.rows import NOW, conversation_of, count, hear, say, status

LATER = NOW + timedelta(seconds=30)
ME = "this process"


def claim(tx: sa.Connection, contact_ref: str = "someone", *, now: datetime = NOW) -> int | None:
    row = outbound.claim(tx, conversation_of(tx, contact_ref).id, now, by=ME)
    return row.message.seq if row else None


def with_work(tx: sa.Connection, *, limit: int = 10, now: datetime = NOW) -> list[UUID]:
    return outbound.conversations_with_work(tx, now, limit, channels=["web", "telegram"])


def test_a_claim_gives_all_that_a_channel_needs(tx: sa.Connection) -> None:
    hear(tx, "7")
    row = say(tx, "7", send_class=SendClass.B, body="w€rds", buttons="[]", answer="a")

    claimed = outbound.claim(tx, row.conversation_id, NOW, by=ME)

    assert claimed == outbound.OutboundRow(message=row, contact_ref="7", send_class=SendClass.B, attempts=1)
    assert status(tx, row) == "sending"


def test_rows_are_claimed_in_order_and_never_twice(tx: sa.Connection) -> None:
    rows = [say(tx) for _ in range(2)]

    assert claim(tx) == 1
    assert claim(tx) is None
    outbound.mark_sent(tx, rows[0].id, platform_id="77", now=NOW)
    assert claim(tx) == 2
    outbound.mark_sent(tx, rows[1].id, platform_id=None, now=NOW)
    assert claim(tx) is None


def test_nothing_overtakes_a_row_that_has_to_wait(tx: sa.Connection) -> None:
    first, _ = say(tx), say(tx)
    claim(tx)
    outbound.mark_retry(tx, first.id, not_before=LATER, error="429", now=NOW)

    assert claim(tx) is None
    assert with_work(tx) == []

    assert with_work(tx, now=LATER) == [first.conversation_id]
    again = outbound.claim(tx, first.conversation_id, LATER, by=ME)
    assert again
    assert (again.message.id, again.attempts) == (first.id, 2)


def test_the_destination_is_that_of_the_row_that_may_be_claimed(tx: sa.Connection) -> None:
    row = say(tx, "7")
    find = partial(outbound.destination, tx, row.conversation_id)

    assert find(NOW) == outbound.Destination(
        conversation_id=row.conversation_id, channel=row.channel, bot=row.bot, contact_ref="7"
    )
    claim(tx, "7")
    assert find(NOW) is None


def test_what_will_not_be_sent_any_more_is_listed_and_counted(tx: sa.Connection) -> None:
    refused, given_up = say(tx, "refused"), say(tx, "given up")
    say(tx, "queued")
    claim(tx, "refused")
    outbound.mark_rejected(tx, refused.id, error="blocked", now=NOW)
    claim(tx, "given up")
    outbound.mark_failed(tx, given_up.id, error="timeout", now=LATER)

    listed = outbound.list_undelivered(tx, 10)
    assert [(row.conversation_id, row.status, row.error) for row in listed] == [
        (given_up.conversation_id, "failed", "timeout"),
        (refused.conversation_id, "rejected", "blocked"),
    ]
    assert outbound.count_undelivered(tx) == {refused.conversation_id: 1, given_up.conversation_id: 1}


def test_the_queue_says_how_long_it_is_and_since_when_the_oldest_waits(tx: sa.Connection) -> None:
    assert outbound.queue_state(tx, NOW) == outbound.QueueState(length=0, oldest_at=None)
    say(tx)
    outbound.enqueue(tx, hear(tx, author="bot"), send_class=SendClass.A, now=NOW - timedelta(hours=1), not_before=LATER)

    assert outbound.queue_state(tx, NOW) == outbound.QueueState(length=2, oldest_at=NOW)


def test_conversations_do_not_wait_for_each_other(tx: sa.Connection) -> None:
    stuck = say(tx, "stuck")
    claim(tx, "stuck")
    outbound.mark_retry(tx, stuck.id, not_before=LATER, error="429", now=NOW)
    free = say(tx, "free")

    assert with_work(tx) == [free.conversation_id]
    assert claim(tx, "free") == 1


def test_work_that_waits_longest_comes_first(tx: sa.Connection) -> None:
    old = hear(tx, "old", author="bot")
    new = say(tx, "new")
    outbound.enqueue(tx, old, send_class=SendClass.A, now=NOW - timedelta(hours=1))

    assert with_work(tx) == [old.conversation_id, new.conversation_id]
    assert with_work(tx, limit=1) == [old.conversation_id]


@pytest.mark.parametrize("final", ["sent", "rejected", "maybe_sent", "failed"])
def test_what_is_done_is_not_claimed_again(tx: sa.Connection, final: str) -> None:
    row = say(tx)
    claim(tx)

    match final:
        case "sent":
            outbound.mark_sent(tx, row.id, platform_id="77", now=NOW)
        case "rejected":
            outbound.mark_rejected(tx, row.id, error="blocked", now=NOW)
        case "failed":
            outbound.mark_failed(tx, row.id, error="timeout", now=NOW)
        case _:
            outbound.mark_maybe_sent(tx, row.id, error="timeout", now=NOW)

    assert status(tx, row) == final
    assert (claim(tx), with_work(tx)) == (None, [])


def test_a_late_retry_does_not_undo_what_was_recovered_and_sent(tx: sa.Connection) -> None:
    row = say(tx)
    claim(tx)
    outbound.mark_sent(tx, row.id, platform_id=None, now=NOW)

    outbound.mark_retry(tx, row.id, not_before=LATER, error="timeout", now=NOW)

    assert status(tx, row) == "sent"


def test_recovery_sends_class_a_again_and_class_b_never(tx: sa.Connection) -> None:
    must, may = say(tx, "must"), say(tx, "may", send_class=SendClass.B)
    untouched = say(tx, "untouched")
    claim(tx, "must")
    claim(tx, "may")

    assert outbound.recover(tx, NOW, claimers=[ME]) == 2

    assert [status(tx, row) for row in (must, may, untouched)] == ["queued", "maybe_sent", "queued"]
    assert outbound.recover(tx, NOW, claimers=[ME]) == 0


def test_recovery_leaves_what_another_process_sends(tx: sa.Connection) -> None:
    row = say(tx)
    claim(tx)

    assert outbound.claimers(tx) == [ME]
    assert outbound.recover(tx, NOW, claimers=["another"]) == 0
    assert outbound.recover(tx, NOW, claimers=["another", ME]) == 1
    assert status(tx, row) == "queued"
    assert outbound.claimers(tx) == []


def test_what_other_channels_have_to_say_is_left_to_others(tx: sa.Connection) -> None:
    row = say(tx)

    assert outbound.conversations_with_work(tx, NOW, 10, channels=["telegram"]) == []
    assert outbound.conversations_with_work(tx, NOW, 10, channels=[]) == []
    assert outbound.conversations_with_work(tx, NOW, 10, channels=["telegram", "web"]) == [row.conversation_id]


async def test_what_a_dead_process_had_claimed_is_sent_by_the_next(database_url: str, vault: Vault) -> None:
    dead = open_storage(database_url, vault)
    row = await dead.run(say)
    assert await dead.run(claim) == 1
    dead.close()

    storage = open_storage(database_url, vault)
    await storage.run(partial(outbound.recover, now=NOW, claimers=[ME]))

    assert await storage.read(with_work) == [row.conversation_id]
    assert await storage.run(claim) == 1
    storage.close()


async def test_twenty_claims_at_once_share_no_row(storage: Storage) -> None:
    for _ in range(5):
        await storage.run(say)

    claimed = await asyncio.gather(*(storage.run(claim) for _ in range(20)))

    assert [seq for seq in claimed if seq] == [1]


def test_an_unknown_class_or_a_second_row_for_a_message_is_refused(tx: sa.Connection) -> None:
    with pytest.raises(sa.exc.IntegrityError), tx.begin_nested():
        outbound.enqueue(tx, hear(tx), send_class="C", now=NOW)  # type: ignore[arg-type]
    row = say(tx)
    with pytest.raises(sa.exc.IntegrityError), tx.begin_nested():
        outbound.enqueue(tx, row, send_class=SendClass.A, now=NOW)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize("query", [claim, with_work])
def test_unsent_rows_are_found_by_their_index(tx: sa.Connection, query: Callable[[sa.Connection], object]) -> None:
    conversation_of(tx)
    said: list[tuple[str, object]] = []
    sa.event.listen(tx, "before_cursor_execute", lambda *args: said.append((args[2], args[3])))

    query(tx)

    (statement, parameters) = next(pair for pair in said if "FROM outbound" in pair[0])
    plan = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
    assert "ix_outbound_unsent" in " ".join(step.detail for step in plan)


def test_a_deleted_conversation_takes_everything_with_it(tx: sa.Connection) -> None:
    gone, kept = say(tx, "gone"), say(tx, "kept")

    tx.execute(
        sa.text("DELETE FROM conversations WHERE id = :id").bindparams(sa.bindparam("id", type_=sa.Uuid)),
        {"id": gone.conversation_id},
    )

    assert (count(tx, "messages"), count(tx, "outbound"), count(tx, "contacts")) == (1, 1, 2)
    assert status(tx, kept) == "queued"
