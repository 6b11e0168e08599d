"""The audit refuses to be changed; where somebody changes it all the same, that is seen."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
import sqlalchemy as sa

from bot.storage import audit, dialects
from bot.storage.audit import Head
from bot.storage.tables import audit as audit_table
from bot.storage.vault import Vault, carry
from tests.storage.rows import NOW


def add(tx: sa.Connection, number: int) -> None:
    audit.append(tx, actor="Sokha", action="hold_placed", object=f"case {number}", now=NOW, details={"n": number})


def unguarded(tx: sa.Connection) -> None:
    """What somebody does who owns the database."""
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql("DROP TRIGGER audit_refuses_UPDATE")
        tx.exec_driver_sql("DROP TRIGGER audit_refuses_DELETE")
    else:
        tx.exec_driver_sql("SET session_replication_role = replica")


def test_a_deed_is_read_back_in_its_order(tx: sa.Connection) -> None:
    for number in range(3):
        add(tx, number)

    rows = audit.newest(tx, 2)

    assert [row.object for row in rows] == ["case 1", "case 2"]
    assert rows[-1].details == {"n": 2}
    assert rows[-1].at == NOW
    assert audit.broken(tx) == []


@pytest.mark.parametrize("change", [sa.update(audit_table).values(actor="x"), sa.delete(audit_table)])
def test_the_database_refuses_to_change_or_delete_a_row(tx: sa.Connection, change: sa.Update | sa.Delete) -> None:
    add(tx, 1)

    with pytest.raises(sa.exc.DBAPIError, match="append-only"), tx.begin_nested():
        tx.execute(change)


def forge(tx: sa.Connection) -> None:
    tx.execute(sa.update(audit_table).where(audit_table.c.seq == 2).values(actor="Dara"))


def drop(tx: sa.Connection) -> None:
    tx.execute(sa.delete(audit_table).where(audit_table.c.seq == 2))


def swap(tx: sa.Connection) -> None:
    for seq, actor in ((2, "a"), (3, "b")):
        tx.execute(sa.update(audit_table).where(audit_table.c.seq == seq).values(object=actor))


def cut_off(tx: sa.Connection) -> None:
    tx.execute(sa.delete(audit_table).where(audit_table.c.seq > 2))


@pytest.mark.parametrize("tamper", [forge, drop, swap])
def test_a_row_changed_or_left_out_is_seen(tx: sa.Connection, tamper: Callable[[sa.Connection], None]) -> None:
    for number in range(4):
        add(tx, number)
    unguarded(tx)
    tamper(tx)

    assert audit.broken(tx) != []


def test_cutting_off_the_end_is_seen_by_a_head_kept_elsewhere(tx: sa.Connection) -> None:
    for number in range(4):
        add(tx, number)
    kept = audit.head(tx)
    unguarded(tx)
    cut_off(tx)

    assert audit.broken(tx) == []
    assert audit.broken(tx, [kept]) == ["row 4 is not the one whose mark was kept outside of the database"]
    assert audit.broken(tx, [Head(seq=0, chained=""), audit.head(tx)]) == []


def test_deeds_of_several_transactions_at_once_make_one_chain(database_url: str, vault: Vault) -> None:
    engine = carry(dialects.create_engine(dialects.parse_database_url(database_url), connections=4), vault)

    def work(first: int) -> None:
        for number in range(first, first + 10):
            with engine.begin() as tx:
                add(tx, number)

    threads = [threading.Thread(target=partial(work, 100 * place)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with engine.begin() as tx:
        assert len(audit.newest(tx, 100)) == 40
        assert audit.broken(tx) == []
    engine.dispose()
