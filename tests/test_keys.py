"""What people wrote can be read nowhere on the disk; and the commands for the keys, as an operator types them."""

import json
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from bot.model import Attachment, Text
from bot.storage import cases, masterkeys, updates
from tests.commands import environment_of, run
from tests.talk import Talk


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A data folder of the test's own."""
    return environment_of(tmp_path)


async def test_of_fifty_canaries_none_stands_in_any_file(talk: Talk, tmp_path: Path) -> None:
    canaries = [f"canary-{uuid4().hex}" for _ in range(50)]
    talk.contact_ref = canaries[0]
    for canary in canaries[1:30]:
        await talk.say(f"wages {canary}")
    for canary in canaries[30:40]:
        await talk.send(Attachment(kind="document", file_id=canary, name=canary, caption=canary))
    talk.wait(minutes=5)  # so many at once are a flood
    handled = await talk.send(Text(text="person"))
    await talk.storage.run(
        partial(write_notes, talk=talk, conversation_id=handled.conversation_id, notes=canaries[40:45])
    )
    await talk.send(Text(text="wages"), external_id=f"{canaries[0]}:7")
    for canary in canaries[45:]:
        await talk.storage.run(partial(receive, talk=talk, words=canary))

    assert any(canaries[29] in message.body for message in await talk.shown())
    found = contents(tmp_path)
    assert {"bot.db", "bot.db-wal", "keys.db", "master.keys"} <= found.keys()
    for name, content in found.items():
        assert not [canary for canary in canaries if canary.encode() in content], name


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_notes(tx: Connection, *, talk: Talk, conversation_id: UUID, notes: list[str]) -> None:
    (case,) = cases.of_conversation(tx, conversation_id)
    for note in notes:
        cases.add_event(tx, case_id=case.id, kind="note", now=talk.time[0], note=note)


def receive(tx: Connection, *, talk: Talk, words: str) -> None:
    raw = json.dumps({"text": words}).encode()
    updates.receive(tx, channel="web", bot="test", external_id=uuid4().hex, raw=raw, now=talk.time[0])


def test_a_new_master_key_wraps_every_key_and_the_old_one_leaves_the_file(
    environment: dict[str, str], tmp_path: Path
) -> None:
    assert run(environment, "db", "upgrade").returncode == 0
    file = tmp_path / "master.keys"
    before = file.read_text(encoding="ascii")

    assert "version 1: 1 keys (new keys are wrapped by it)" in run(environment, "keys", "status").stdout
    rotated = run(environment, "keys", "rotate")
    assert "1 keys are wrapped by version 2 now" in rotated.stdout
    assert file.read_text(encoding="ascii").startswith(before)
    dropped = run(environment, "keys", "drop-old")

    assert f"{file} holds version 2 alone" in dropped.stdout.replace("\n", "")
    assert before.strip() not in file.read_text(encoding="ascii")
    assert "version 2: 1 keys" in run(environment, "keys", "status").stdout
    assert run(environment, "cases").returncode == 0


def test_old_master_keys_stay_while_they_are_needed(environment: dict[str, str], tmp_path: Path) -> None:
    assert run(environment, "db", "upgrade").returncode == 0
    masterkeys.add_master_key(tmp_path / "master.keys")

    refused = run(environment, "keys", "drop-old")

    assert refused.returncode == 1
    assert "First: returnee-bot keys rotate" in refused.stderr
    assert len((tmp_path / "master.keys").read_text(encoding="ascii").splitlines()) == 2


def test_a_master_key_that_is_lost_stops_the_start_before_anything_is_written(
    environment: dict[str, str], tmp_path: Path
) -> None:
    assert run(environment, "db", "upgrade").returncode == 0
    (tmp_path / "master.keys").unlink()

    refused = run(environment | {"MASTER_KEY_FILE": str(tmp_path / "master.keys")}, "serve")
    made_anew = run(environment, "serve")

    assert (refused.returncode, made_anew.returncode) == (1, 1)
    assert "MASTER_KEY_FILE" in refused.stderr
    assert "version 1 is not the key with which this key store was made" in made_anew.stderr


def test_keys_do_not_lie_with_the_data(environment: dict[str, str], tmp_path: Path) -> None:
    same = f"sqlite:///{tmp_path / 'one.db'}"
    refused = run(environment | {"DATABASE_URL": same, "KEYS_URL": same}, "db", "upgrade")
    assert refused.returncode == 1
    assert "KEYS_URL: this is the database of the data" in refused.stderr
