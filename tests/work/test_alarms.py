"""What a person must look at soon is told once an hour, in the log and in the staff group, and when it is over."""

from collections import namedtuple
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from bot.errors import SendRetryable
from bot.model import ChannelName
from bot.storage import updates
from bot.storage.engine import Storage
from bot.work.alarms import AGAIN_AFTER, ALARMS, DISK_LEFT_MB, Alarm, Signs, Watchman, alarms_of, to_tell
from bot.work.together import Alone

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
WELL = Signs(
    quarantined=0,
    oldest_waits=timedelta(minutes=10),
    erasing_late=timedelta(hours=1),
    disk_left_mb=DISK_LEFT_MB,
    platform=None,
    clock_problem="",
)


@pytest.mark.parametrize(
    ("changes", "alarm"),
    [
        ({"quarantined": 1}, "updates_quarantined"),
        ({"oldest_waits": timedelta(minutes=10, seconds=1)}, "messages_waiting"),
        ({"platform": "telegram_unreachable"}, "platform_unreachable"),
        ({"platform": "telegram_token_refused"}, "token_refused"),
        ({"disk_left_mb": DISK_LEFT_MB - 1.0}, "disk_nearly_full"),
        ({"erasing_late": timedelta(hours=1, seconds=1)}, "erasing_stands_still"),
        ({"clock_problem": "the clock says 2020"}, "clock_wrong"),
    ],
)
def test_each_sign_raises_its_own_alarm(changes: dict[str, object], alarm: Alarm) -> None:
    assert alarms_of(WELL) == frozenset()
    assert alarms_of(replace(WELL, **changes)) == {alarm}  # type: ignore[arg-type]


def test_an_alarm_is_told_once_an_hour_and_once_when_it_is_over() -> None:
    raised: frozenset[Alarm] = frozenset({"messages_waiting"})

    assert to_tell(raised, {}, NOW) == (("messages_waiting",), ())
    assert to_tell(raised, {"messages_waiting": NOW}, NOW + AGAIN_AFTER - timedelta(seconds=1)) == ((), ())
    assert to_tell(raised, {"messages_waiting": NOW}, NOW + AGAIN_AFTER) == (("messages_waiting",), ())
    assert to_tell(frozenset(), {"messages_waiting": NOW}, NOW) == ((), ("messages_waiting",))


@dataclass(kw_only=True)
class Group:
    """A staff group; silent: why its platform does not answer."""

    name: ChannelName = "telegram"
    silent: str | None = None
    said: list[str] = field(default_factory=list)

    async def why_silent(self) -> str | None:
        return self.silent

    async def tell_staff(self, words: str) -> None:
        if self.silent:
            raise SendRetryable(self.silent)
        self.said.append(words)


def watchman(storage: Storage, folder: Path, group: Group, time: list[datetime]) -> Watchman:
    async def no_problem() -> str:
        return ""

    return Watchman(
        storage=storage,
        folder=folder,
        group=group,
        clock_problem=no_problem,
        words=lambda key, **args: " ".join((key, *args.values())),
        processes=Alone(),
        now=lambda: time[0],
    )


async def quarantine_one(storage: Storage) -> None:
    receive = partial(updates.receive, channel="telegram", bot="b", external_id="1", raw=b"{}", now=NOW)
    update = await storage.run(receive)
    await storage.run(partial(updates.quarantine, update_id=update.id, error="KeyError"))


async def purge(storage: Storage) -> None:
    await storage.run(partial(updates.purge, received_before=NOW + timedelta(days=1), limit=10))


@pytest.fixture(autouse=True)
def disk(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(2**40, 0, 2**40))


async def test_the_staff_group_reads_of_it_and_of_its_end(storage: Storage, tmp_path: Path) -> None:
    group, time = Group(), [NOW]
    watch = watchman(storage, tmp_path, group, time)
    await quarantine_one(storage)

    for _ in range(3):
        await watch.look()
    assert group.said == ["alarm_told alarm_updates_quarantined updates_quarantined"]

    time[0] += timedelta(hours=1)
    await watch.look()
    assert len(group.said) == 2

    await purge(storage)
    await watch.look()
    await watch.look()
    assert group.said[2:] == ["alarm_is_over alarm_updates_quarantined"]


async def test_a_platform_that_is_away_is_logged_and_breaks_nothing(
    storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    group = Group(silent="telegram_token_refused")
    watch = watchman(storage, tmp_path, group, [NOW])

    await watch.look()
    group.silent = None
    await watch.look()

    assert "token_refused" in caplog.text
    assert group.said == ["alarm_is_over alarm_token_refused"]


async def test_without_a_group_the_log_is_enough(
    storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await quarantine_one(storage)

    await replace(watchman(storage, tmp_path, Group(), [NOW]), group=None).look()

    assert "updates_quarantined" in caplog.text


def test_every_alarm_has_its_words() -> None:
    said = (Path(__file__).parents[2] / "bot" / "content" / "said.txt").read_text(encoding="utf-8").split()

    assert {f"bot.alarm_{alarm}" for alarm in ALARMS} <= set(said)
