"""Files are fetched after their message is kept, whatever fails on the way, and are readable with their key alone."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from bot.errors import KeyDestroyed, SendError, SendRejected, SendRetryable
from bot.media import BYTES_MOST
from bot.model import Attachment, ChannelName
from bot.storage import conversations
from bot.storage.media import MediaRow
from bot.storage.tables import METADATA
from bot.work.files import GIVEN_UP_AFTER, LONGEST_WAIT, FileFetcher, wait_before
from bot.work.together import Alone
from tests.files import CANARY, archive, photo
from tests.storage.rows import count
from tests.talk import Talk


@dataclass(kw_only=True)
class Platform:
    """Gives files, or fails."""

    name: ChannelName = "web"
    content: bytes = field(default_factory=photo)
    errors: list[SendError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def download(self, file_id: str, *, most_bytes: int) -> bytes:
        self.asked.append(file_id)
        if self.errors:
            raise self.errors.pop(0)
        return self.content


class Killed(BaseException):
    """The process is gone here."""


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def fetcher(talk: Talk, platform: Platform) -> FileFetcher:
    return FileFetcher(
        storage=talk.storage,
        keys=talk.vault.keys,
        files=talk.eraser.files,
        channels={platform.name: platform},
        processes=Alone(),
        tell_refused=talk.followups.tell_refused,
        now=lambda: talk.time[0],
    )


async def send(talk: Talk, **changes: object) -> None:
    sent = Attachment(kind="photo", file_id="secret-file-id", name="passport of Sokha.jpg", size=1000)
    await talk.send(replace(sent, **changes))  # type: ignore[arg-type]


async def rows(talk: Talk) -> list[MediaRow]:
    everything = sa.select(METADATA.tables["media"])
    return await talk.storage.read(lambda tx: [MediaRow(**row._mapping) for row in tx.execute(everything)])


async def only(talk: Talk) -> MediaRow:
    (row,) = await rows(talk)
    return row


async def test_a_photo_is_kept_as_it_was_sent(talk: Talk, fetcher: FileFetcher, platform: Platform) -> None:
    await send(talk)
    assert (await only(talk)).status == "wanted"

    assert await fetcher.fetch_wanted() == 1

    row = await only(talk)
    assert (row.status, row.type, row.size) == ("stored", "image/jpeg", len(platform.content))
    assert fetcher.files.read(row.id) == platform.content
    assert platform.asked == ["secret-file-id"]
    assert await fetcher.fetch_wanted() == 0


async def test_no_file_on_the_disk_says_anything(talk: Talk, fetcher: FileFetcher, tmp_path: Path) -> None:
    await send(talk)
    await fetcher.fetch_wanted()

    for content in contents(tmp_path):
        assert CANARY not in content
        assert b"Sokha" not in content
        assert b"secret-file-id" not in content


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


async def test_files_are_for_their_owner_alone(talk: Talk, fetcher: FileFetcher) -> None:
    await send(talk)
    await fetcher.fetch_wanted()

    modes = modes_in(fetcher.files.folder)
    assert modes == [0o600]
    assert fetcher.files.folder.stat().st_mode & 0o777 == 0o700


def modes_in(folder: Path) -> list[int]:
    return [file.stat().st_mode & 0o777 for file in folder.iterdir()]


async def test_what_fails_is_tried_again_later_and_later(talk: Talk, fetcher: FileFetcher, platform: Platform) -> None:
    await send(talk)
    platform.errors = [SendRetryable("telegram_unreachable"), SendRetryable("telegram_429", retry_after_s=100)]

    await fetcher.fetch_wanted()
    assert await fetcher.fetch_wanted() == 0
    talk.wait(seconds=5)
    await fetcher.fetch_wanted()
    row = await only(talk)
    assert (row.status, row.reason, row.attempts) == ("wanted", "telegram_429", 2)
    talk.wait(seconds=99)
    assert await fetcher.fetch_wanted() == 0
    talk.wait(seconds=1)
    await fetcher.fetch_wanted()

    assert (await only(talk)).status == "stored"


async def test_a_file_that_never_comes_is_given_up_and_the_contact_is_told(
    talk: Talk, fetcher: FileFetcher, platform: Platform
) -> None:
    await send(talk)
    platform.errors = [SendRetryable("telegram_unreachable")] * GIVEN_UP_AFTER

    for _ in range(GIVEN_UP_AFTER):
        await fetcher.fetch_wanted()
        talk.wait(hours=1)

    row = await only(talk)
    assert (row.status, row.reason) == ("refused", "telegram_unreachable")
    assert (await bodies(talk))[-1:] == [talk.words("file_refused")]


async def bodies(talk: Talk) -> list[str]:
    """All that the contact reads, once everything is sent."""
    find = partial(conversations.find, channel="web", bot="test", contact_ref=talk.contact_ref)
    conversation = await talk.storage.read(find)
    assert conversation
    await talk.deliverer.drain(conversation.id)
    return [message.body for message in await talk.shown()]


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        (archive(), None, "type"),
        (photo()[:30], None, "damaged"),
        (b"", None, "empty"),
        (photo(), SendRejected("telegram_file_too_big"), "telegram_file_too_big"),
    ],
)
async def test_what_is_not_kept_is_said_once(
    talk: Talk, fetcher: FileFetcher, platform: Platform, content: bytes, error: SendError | None, reason: str
) -> None:
    await send(talk)
    platform.content, platform.errors = content, [error] if error else []

    await fetcher.fetch_wanted()
    await fetcher.fetch_wanted()

    row = await only(talk)
    assert (row.status, row.reason) == ("refused", reason)
    assert (await bodies(talk)).count(talk.words("file_refused")) == 1
    assert not fetcher.files.folder.exists() or not list(fetcher.files.folder.iterdir())


async def test_what_says_that_it_is_too_big_is_not_asked_for(
    talk: Talk, fetcher: FileFetcher, platform: Platform
) -> None:
    await send(talk, size=BYTES_MOST + 1)

    await fetcher.fetch_wanted()

    assert platform.asked == []
    assert (await only(talk)).reason == "too_big"


@pytest.mark.parametrize("kind", ["sticker", "location", "contact"])
async def test_other_kinds_have_no_file(talk: Talk, kind: str) -> None:
    await send(talk, kind=kind)

    assert await rows(talk) == []


async def test_killed_after_the_file_is_written_it_is_done_again(talk: Talk, fetcher: FileFetcher) -> None:
    await send(talk)

    def reached(place: str) -> None:
        raise Killed

    with pytest.raises(Killed):
        await replace(fetcher, reached=reached).fetch_wanted()
    assert (await only(talk)).status == "wanted"
    await fetcher.fetch_wanted()

    assert (await only(talk)).status == "stored"
    assert len(modes_in(fetcher.files.folder)) == 1


async def test_erasing_a_conversation_takes_its_files_and_their_keys(talk: Talk, fetcher: FileFetcher) -> None:
    await send(talk)
    await fetcher.fetch_wanted()
    row = await only(talk)
    sealed = contents(fetcher.files.folder)[0]
    await talk.say("delete")
    await talk.say("yes")

    await talk.eraser.erase_due()

    assert contents(fetcher.files.folder) == []
    with pytest.raises(KeyDestroyed):
        talk.vault.open_bytes(row.id, "media", "file", row.id, sealed)
    assert await talk.storage.read(lambda tx: count(tx, "media")) == 0


async def test_a_file_that_no_message_has_goes_after_an_hour(talk: Talk, fetcher: FileFetcher) -> None:
    await send(talk)
    await fetcher.fetch_wanted()
    orphan = uuid4()
    fetcher.files.write(orphan, b"half an upload")

    assert await fetcher.forget_orphans() == 0
    talk.time[0] += timedelta(days=4000)  # files have the time of the disk

    assert await fetcher.forget_orphans() == 1
    assert len(contents(fetcher.files.folder)) == 1
    with pytest.raises(KeyDestroyed):
        talk.vault.keys.key(str(orphan))


@pytest.mark.parametrize("attempts", range(GIVEN_UP_AFTER))
def test_waits_grow_to_an_hour(attempts: int) -> None:
    grows: Callable[[int], timedelta] = wait_before
    assert grows(attempts) <= LONGEST_WAIT
    assert grows(attempts) >= grows(max(attempts - 1, 0))
