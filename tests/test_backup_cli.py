"""`backup` and `restore`, as an operator types them after the disk is gone."""

from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.settings import Settings
from bot.storage import messages
from bot.storage.alone import alone
from bot.storage.engine import open_storage
from bot.storage.tables import conversations
from bot.storage.vault import open_vault
from tests.commands import Run, over_the_talk_in
from tests.talk import Talk


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Types a command over the talk's data."""
    return over_the_talk_in(tmp_path)


def only(folder: Path) -> str:
    (found,) = folder.iterdir()
    return str(found)


def lose(folder: Path, *names: str) -> None:
    for name in names:
        for file in folder.glob(f"{name}*"):
            file.unlink()


async def said_in(folder: Path) -> list[str]:
    """All that can be read in the database, in the order of writing."""
    with (
        closing(open_vault(Settings(data_dir=folder))) as vault,
        closing(open_storage(f"sqlite:///{folder / 'bot.db'}", vault)) as storage,
    ):
        return await storage.read(what_contacts_said)


def what_contacts_said(tx: sa.Connection) -> list[str]:
    every = tx.scalars(sa.select(conversations.c.id)).all()
    said = (message for one in every for message in messages.after(tx, one, 0, 99))
    return sorted(message.body for message in said if message.author == "contact")


async def talk_twice(talk: Talk) -> None:
    await talk.say("wages one")
    talk.contact_ref = "another"
    await talk.say("wages two")


@pytest.mark.parametrize("lost", [("bot.db",), ("bot.db", "keys.db")])
async def test_after_the_disk_is_gone_the_talk_is_there_and_the_erased_is_not(
    talk: Talk, run: Run, tmp_path: Path, lost: tuple[str, ...]
) -> None:
    await talk_twice(talk)
    assert run("backup", str(tmp_path / "b" / "data")).returncode == 0
    assert run("keys", "backup", str(tmp_path / "b" / "keys")).returncode == 0
    await talk.say("delete")
    await talk.say("yes")
    assert await talk.eraser.erase_due() == 1
    talk.storage.close()
    talk.vault.close()
    lose(tmp_path, *lost)

    keys = ("--keys", only(tmp_path / "b" / "keys")) if "keys.db" in lost else ()
    done = run("restore", only(tmp_path / "b" / "data"), *keys)

    assert done.returncode == 0, done.stderr
    assert "Erased again: 1." in done.stdout
    assert await said_in(tmp_path) == ["wages one"]
    assert run("audit", "verify").returncode == 0


async def test_a_list_from_elsewhere_is_forgotten_too(talk: Talk, run: Run, tmp_path: Path) -> None:
    await talk_twice(talk)
    run("backup", str(tmp_path / "b" / "data"))
    await talk.say("delete")
    await talk.say("yes")
    await talk.eraser.erase_due()
    talk.storage.close()
    talk.vault.close()
    elsewhere = talk.eraser.erased.rename(tmp_path / "elsewhere.list")
    lose(tmp_path, "bot.db")

    assert run("restore", only(tmp_path / "b" / "data"), "--erased", str(tmp_path / "nowhere")).returncode == 1
    done = run("restore", only(tmp_path / "b" / "data"), "--erased", str(elsewhere))

    assert "Erased again: 1." in done.stdout
    assert await said_in(tmp_path) == ["wages one"]


async def test_what_is_there_is_not_overwritten_and_then_nobody_serves(talk: Talk, run: Run, tmp_path: Path) -> None:
    await talk_twice(talk)
    run("backup", str(tmp_path / "b" / "data"))

    done = run("restore", only(tmp_path / "b" / "data"))
    assert done.returncode == 1
    assert "Move it away first" in done.stderr

    assert len(await talk.shown()) > 0
    assert not (tmp_path / "restoring").exists()


async def test_after_a_restore_that_was_killed_nobody_serves(talk: Talk, run: Run, tmp_path: Path) -> None:
    (tmp_path / "restoring").touch()

    done = run("serve")

    assert done.returncode == 1
    assert "A restore did not end." in done.stderr


async def test_restoring_beside_a_bot_that_serves_is_refused(talk: Talk, run: Run, tmp_path: Path) -> None:
    await talk_twice(talk)
    run("backup", str(tmp_path / "b" / "data"))

    with alone(f"sqlite:///{tmp_path / 'bot.db'}", "other"):
        done = run("restore", only(tmp_path / "b" / "data"))

    assert done.returncode == 1
    assert "Another process serves" in done.stderr
