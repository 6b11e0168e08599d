"""Keys: what they seal opens in its own place alone; a destroyed one opens nothing; a new master key changes none."""

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import KeyDestroyed, SealBroken, SettingsError, StorageError
from bot.settings import REPOSITORY
from bot.storage import dialects, masterkeys
from bot.storage.crypto import Key, cell, digest, new_secret
from bot.storage.keys import LOOKED_UP_AGAIN_AFTER_S, KeyStore, open_keys
from bot.storage.vault import Vault

ROW, OTHER = UUID(int=1), UUID(int=2)
KEY = Key(new_secret())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "master.keys"
    masterkeys.make_master_keys(made)
    return made


@pytest.fixture
def store(empty_database_url: str, file: Path) -> Iterator[KeyStore]:
    with closing(open_keys(empty_database_url, file)) as opened:
        yield opened


def another(store: KeyStore, file: Path, clock: Callable[[], float] = lambda: 0.0) -> KeyStore:
    """As another process sees the same keys."""
    return KeyStore(writer=store._writer, reader=store._reader, file=file, clock=clock)


@given(st.binary(), st.binary())
def test_what_is_sealed_opens(plain: bytes, about: bytes) -> None:
    sealed = KEY.seal(plain, about)
    assert KEY.open(sealed, about) == plain
    assert KEY.seal(plain, about) != sealed
    assert len(sealed) == len(plain) + 29


@pytest.mark.parametrize(
    "about", [cell("messages", "body", OTHER), cell("messages", "buttons", ROW), cell("notes", "body", ROW)]
)
def test_a_value_opens_in_no_other_row_column_or_table(about: bytes) -> None:
    with pytest.raises(SealBroken):
        KEY.open(KEY.seal(b"words", cell("messages", "body", ROW)), about)


@given(st.integers(0, 33), st.integers(1, 255))
def test_a_changed_value_does_not_open(place: int, by: int) -> None:
    sealed = bytearray(KEY.seal(b"words", b"here"))
    sealed[place] ^= by
    with pytest.raises(SealBroken):
        KEY.open(bytes(sealed), b"here")


def test_a_value_that_was_never_sealed_and_one_cut_short_do_not_open() -> None:
    for value in (b"", b"words", b"\x01", KEY.seal(b"words", b"here")[:-1]):
        with pytest.raises(SealBroken):
            KEY.open(value, b"here")


def test_a_mark_finds_the_same_words_and_tells_no_others_apart_by_where_they_part() -> None:
    secret = new_secret()
    assert digest(secret, "ref", "ab") == digest(secret, "ref", "ab")
    assert len({digest(secret, "ref", "ab"), digest(secret, "refa", "b"), digest(new_secret(), "ref", "ab")}) == 3


def test_an_owner_keeps_its_key_and_shares_it_with_nobody(store: KeyStore, file: Path) -> None:
    sealed = store.key_or_new("a").seal(b"words", b"here")
    assert another(store, file).key("a").open(sealed, b"here") == b"words"
    with pytest.raises(SealBroken):
        store.key_or_new("b").open(sealed, b"here")


def test_the_store_holds_no_key_that_opens_without_the_master_key(store: KeyStore, file: Path) -> None:
    secret = store.secret_or_new("a")
    with store._reader.begin() as tx:
        assert secret not in b"".join(map(bytes, tx.scalars(sa.text("SELECT wrapped FROM data_keys"))))
    assert base64.b64encode(secret) not in file.read_bytes()


def test_what_a_destroyed_key_sealed_is_gone(store: KeyStore, file: Path) -> None:
    time = [0.0]
    elsewhere = another(store, file, clock=lambda: time[0])
    store.key_or_new("a")
    elsewhere.key("a")

    store.destroy("a", "never there")

    with pytest.raises(KeyDestroyed):
        store.key("a")
    time[0] += LOOKED_UP_AGAIN_AFTER_S
    with pytest.raises(KeyDestroyed):
        elsewhere.key("a")


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_destroyed_key_leaves_no_byte_in_the_file_or_beside_it(
    store: KeyStore, empty_database_url: str, tmp_path: Path
) -> None:
    store.key_or_new("a")
    with store._reader.begin() as tx:
        wrapped = bytes(tx.scalar(sa.text("SELECT wrapped FROM data_keys")))

    def bytes_on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.glob("test.db*"))

    assert wrapped in bytes_on_disk()
    store.destroy("a")
    assert wrapped not in bytes_on_disk()


def test_only_so_many_keys_are_held_in_memory(store: KeyStore, file: Path) -> None:
    small = KeyStore(writer=store._writer, reader=store._reader, file=file, kept=2)
    for owner in ("a", "b", "c"):
        small.key_or_new(owner)
    assert list(small._known) == ["b", "c"]


def test_a_new_master_key_wraps_every_key_and_changes_none(store: KeyStore, file: Path) -> None:
    elsewhere = another(store, file)
    sealed = {owner: store.key_or_new(owner).seal(b"words", b"here") for owner in map(str, range(450))}
    newest = masterkeys.add_master_key(file)

    rounds = [store.rewrap_some() for _ in range(4)]
    masterkeys.drop_master_keys(file, keep=newest)

    assert rounds == [200, 200, 50, 0]
    assert store.count_by_master() == {2: 450}
    for opened in (store, elsewhere, another(store, file)):
        assert {opened.key(owner).open(value, b"here") for owner, value in sealed.items()} == {b"words"}
    elsewhere.key_or_new("new").seal(b"words", b"here")


ROTATE = """
import sys; from pathlib import Path; from bot.storage import masterkeys; from bot.storage.keys import open_keys
import bot.storage.keys as keys
keys.REWRAPPED_AT_ONCE = 5
store = open_keys(sys.argv[1], Path(sys.argv[2]))
print("begun", flush=True)
while store.rewrap_some():
    print("some", flush=True)
"""


def test_a_rotation_that_is_killed_again_and_again_goes_on_and_every_key_opens_meanwhile(
    empty_database_url: str, file: Path
) -> None:
    with closing(open_keys(empty_database_url, file)) as store:
        sealed = {owner: store.key_or_new(owner).seal(b"words", b"here") for owner in map(str, range(300))}
        masterkeys.add_master_key(file)
        for lines in (1, 2, 4, 7, 1000):
            command = [sys.executable, "-c", ROTATE, empty_database_url, str(file)]
            with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as rotating:
                assert rotating.stdout
                for _ in range(lines):
                    rotating.stdout.readline()
                    reader = another(store, file)
                    assert all(reader.key(owner).open(sealed[owner], b"here") for owner in ("0", "150", "299"))
                    if rotating.poll() is not None:
                        break
                rotating.kill()
        assert store.count_by_master() == {2: 300}
        fresh = another(store, file)
        assert {fresh.key(owner).open(value, b"here") for owner, value in sealed.items()} == {b"words"}


def test_a_store_that_was_wrapped_by_another_master_key_is_refused(
    store: KeyStore, empty_database_url: str, tmp_path: Path
) -> None:
    store.key_or_new("a")
    other = tmp_path / "other.keys"
    masterkeys.make_master_keys(other)
    with pytest.raises(SettingsError, match="version 1 is not the key with which"):
        open_keys(empty_database_url, other)
    masterkeys.drop_master_keys(other, keep=masterkeys.add_master_key(other))
    with pytest.raises(SettingsError, match="version 1 of the master key is missing"):
        open_keys(empty_database_url, other)


GOOD = base64.b64encode(bytes(range(32))).decode()
WRONG = {
    "empty": "",
    "no version": GOOD,
    "no base64": "1 " + "*" * 44,
    "short": "1 " + base64.b64encode(bytes(range(31))).decode(),
    "all zero": "1 " + base64.b64encode(bytes(32)).decode(),
    "one letter": "1 " + base64.b64encode(b"a" * 32).decode(),
    "version twice": f"1 {GOOD}\n1 {base64.b64encode(bytes(range(1, 33))).decode()}",
    "key twice": f"1 {GOOD}\n2 {GOOD}",
    "version zero": f"0 {GOOD}",
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG.keys())
def test_a_file_with_a_wrong_key_is_refused_before_anything_is_made_and_is_not_quoted(
    tmp_path: Path, content: str
) -> None:
    file, database = tmp_path / "master.keys", tmp_path / "keys.db"
    file.write_text(content, encoding="ascii")
    file.chmod(0o600)
    with pytest.raises(SettingsError, match="MASTER_KEY_FILE") as refused:
        open_keys(f"sqlite:///{database}", file)
    assert len(refused.value.problems) == 1
    assert not any(part and part in str(refused.value) for part in content.replace("\n", " ").split() if len(part) > 5)
    assert not database.exists()


def test_a_file_that_is_missing_or_that_others_may_read_is_refused(tmp_path: Path, file: Path) -> None:
    with pytest.raises(SettingsError, match="can not be read: No such file"):
        open_keys(f"sqlite:///{tmp_path / 'keys.db'}", tmp_path / "none")
    file.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        open_keys(f"sqlite:///{tmp_path / 'keys.db'}", file)


def test_a_file_that_is_there_is_never_made_anew(file: Path) -> None:
    before = file.read_bytes()
    masterkeys.make_master_keys(file)
    assert file.read_bytes() == before
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_vault_shows_none_of_its_secrets_when_it_is_printed(vault: Vault) -> None:
    assert vault.look_up.hex()[:8] not in repr(vault).replace("\\x", "")
    assert "look_up" not in repr(vault)


def test_a_key_of_a_row_that_moved_to_another_owner_does_not_open_it(vault: Vault) -> None:
    owner, row = uuid4(), uuid4()
    sealed = vault.seal(owner, "messages", "body", row, "words")
    assert vault.open(owner, "messages", "body", row, sealed) == "words"
    vault.seal(uuid4(), "messages", "body", row, "other words")
    with pytest.raises(KeyDestroyed):
        vault.open(uuid4(), "messages", "body", row, sealed)


@pytest.mark.parametrize("wrong", ["mysql://x/y", "sqlite:///:memory:"])
def test_a_wrong_address_of_the_keys_is_explained(wrong: str, file: Path) -> None:
    with pytest.raises(StorageError):
        dialects.parse_database_url(wrong)
    with pytest.raises(StorageError):
        open_keys(wrong, file)
