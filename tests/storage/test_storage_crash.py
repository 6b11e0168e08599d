"""kill -9 leaves whole transactions, and all of those that were reported."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.storage import contacts, migrate
from bot.storage.vault import Vault

ROOT = Path(__file__).resolve().parents[2]
MESSAGES_OF_EACH = (
    "SELECT k.id, k.ref, count(m.id), c.last_seq FROM contacts k LEFT JOIN conversations c ON c.contact_id = k.id"
)
MESSAGES_OF_EACH += " LEFT JOIN messages m ON m.conversation_id = c.id GROUP BY k.id, k.ref, c.last_seq"


def killed_after(database_url: str, keys_dir: Path, what: str, lines: int) -> list[str]:
    """What a process said until it was killed, which happened after so many lines."""
    command = [sys.executable, "-m", "tests.storage.crash_child", database_url, str(keys_dir), what]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        said = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        rest = child.stdout.read()  # not communicate(): it would miss what readline() has read ahead
    return [line.strip() for line in [*said, *rest.splitlines(keepends=True)] if line.endswith("\n")]


def found(database_url: str, vault: Vault) -> dict[str, tuple[int, int]]:
    """For each contact the number of messages and the last seq."""
    with migrate.changing(database_url, vault) as connection:
        if "sqlite" in database_url:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        rows = connection.execute(sa.text(MESSAGES_OF_EACH).columns(id=sa.Uuid(), ref=sa.LargeBinary()))
        return {
            contacts.ref_of(connection, contact_id, ref): (messages, last_seq)
            for contact_id, ref, messages, last_seq in rows
        }


def test_a_kill_inside_a_transaction_leaves_nothing_of_it(own_database_url: str, keys_dir: Path, vault: Vault) -> None:
    assert killed_after(own_database_url, keys_dir, "hold", 1)[0] == "inside"

    assert found(own_database_url, vault) == {}


@pytest.mark.parametrize("lines", [1, 20, 75])
def test_a_kill_at_any_moment_leaves_whole_transactions(
    own_database_url: str, keys_dir: Path, vault: Vault, lines: int
) -> None:
    reported = killed_after(own_database_url, keys_dir, "go", lines)

    kept = found(own_database_url, vault)
    assert set(kept.values()) == {(2, 2)}
    assert len(reported) >= lines
    assert set(reported) <= set(kept)
