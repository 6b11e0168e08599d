"""The promises in their short forms; the long ones are run by `make torture`, see docs/promises.md."""

from datetime import date
from pathlib import Path

import pytest

from bot.nlu.embedded import load_model
from bot.nlu.training import fingerprint
from bot.settings import REPOSITORY, Paths
from khmer_nlu import parse
from tests.conftest import skip_or_fail
from tests.postgres import NotHere, Postgres, start_postgres
from tests.torture.bombs import bomb
from tests.torture.killer import Killer
from tests.torture.outage import Outage, late_by
from tests.torture.poison import poison
from tests.torture.proxy import Fault, Seen
from tests.torture.record import Row, compare
from tests.torture.rotation import rotate
from tests.torture.several import Several
from tests.torture.shuffle import shuffle
from tests.torture.size import back_up_and_restore, compare_sizes
from tests.torture.store import EXIT_OF_A_FAILED_DISK, Store
from tests.torture.store import Fault as StoreFault
from tests.torture.swap import swap
from tests.torture.words import ANSWERED, CRISIS, GREETINGS

TODAY = date(2026, 11, 25)
FAULT_S = 8


@pytest.mark.parametrize("mode", ["polling", "webhook"])
def test_kills_lose_nothing_and_double_nothing_that_may_not_be(models: Path, tmp_path: Path, mode: str) -> None:
    killer = Killer(folder=tmp_path / "bot", updates=60, chats=15, kills=3, mode=mode, seed=1)

    findings = killer.run()

    assert findings.faults == {}, findings
    assert findings.updates == 60


@pytest.mark.postgres
@pytest.mark.parametrize(("mode", "processes"), [("polling", 2), ("webhook", 3)])
def test_one_of_several_processes_can_be_killed(
    models: Path, tmp_path: Path, postgres: Postgres, mode: str, processes: int
) -> None:
    with postgres.database() as url:
        several = Several(
            folder=tmp_path / "bot",
            updates=60,
            chats=15,
            kills=2,
            mode=mode,
            seed=1,
            per_s=10.0,
            database_url=url,
            processes=processes,
        )
        findings = several.run()

    assert findings.faults == {}, findings
    assert findings.updates == 60


def test_a_platform_that_refuses_or_cuts_off_loses_nothing_and_hears_nothing_too_early(
    models: Path, tmp_path: Path
) -> None:
    faults: tuple[Fault, ...] = ("too_many", "truncate", "reset", "error", "duplicate", "reorder")
    for outcome in Outage(folder=tmp_path / "bot", seconds=4, chats=10).run(*faults):
        assert outcome.struck
        assert outcome.findings.faults == {}, outcome
        assert outcome.too_early == 0, outcome
        assert outcome.drained_s < 60


def test_updates_that_come_again_and_in_another_order_end_the_same(models: Path, tmp_path: Path) -> None:
    shuffled = shuffle(tmp_path, updates=150, chats=30, seed=1)

    assert shuffled.deliveries > 300
    assert shuffled.different == []


def test_bombs_are_handled_or_set_aside(models: Path, tmp_path: Path) -> None:
    bombed = bomb(tmp_path)

    assert bombed.answered_after
    assert bombed.rss_more_mb < 150
    assert bombed.slowest_ms < 500  # 50 on a machine that is not shared; the long form measures


def test_after_a_poison_update_the_next_message_of_that_person_is_answered_soon(models: Path, tmp_path: Path) -> None:
    poisoned = poison(tmp_path, times=2)

    assert poisoned.quarantined == 2
    assert poisoned.slowest_s < 5  # 2 on a machine that is not shared; the long form measures


FED = {"7": ["7:1", "7:2"]}


def row(seq: int, author: str, **more: object) -> Row:
    values: dict[str, object] = {"external_id": None, "body": f"words {seq}", "send_class": None, "status": None}
    values |= {"attempts": 1, "platform_id": None}
    if author == "bot":
        values |= {"send_class": "A", "status": "sent", "platform_id": str(seq)}
    return Row(chat="7", seq=seq, author=author, **(values | more))  # type: ignore[arg-type]


def call(message_id: int, text: str) -> dict[str, object]:
    return {"method": "sendmessage", "chat_id": 7, "message_id": message_id, "params": {"text": text}}


ROWS = [
    row(1, "contact", external_id="7:1"),
    row(2, "bot"),
    row(3, "contact", external_id="7:2"),
    row(4, "bot"),
]
TAKEN = [call(2, "words 2"), call(4, "words 4")]


def test_the_harness_finds_nothing_where_nothing_is_wrong() -> None:
    assert compare(FED, ROWS, TAKEN).faults == {}


@pytest.mark.parametrize(
    ("kind", "rows", "taken"),
    [
        ("lost", ROWS[2:], TAKEN[1:]),
        ("unanswered", ROWS[:3], TAKEN[:1]),
        ("inbound_turned", [ROWS[2], ROWS[3], ROWS[0], ROWS[1]], TAKEN),
        ("handled_twice", [*ROWS, row(5, "bot")], [*TAKEN, call(5, "words 5")]),
        ("handled_twice", [*ROWS, row(5, "contact", external_id="7:2")], TAKEN),
        ("a_lost", [*ROWS[:3], row(4, "bot", status="maybe_sent")], TAKEN[:1]),
        ("a_lost", ROWS, TAKEN[:1]),
        ("outbound_turned", ROWS, TAKEN[::-1]),
        ("b_doubled", [*ROWS[:3], row(4, "bot", send_class="B")], [*TAKEN, call(5, "words 4")]),
        ("unexplained", ROWS, [*TAKEN, call(5, "words 4")]),
    ],
)
def test_the_harness_sees_what_is_wrong(kind: str, rows: list[Row], taken: list[dict[str, object]]) -> None:
    assert kind in compare(FED, rows, taken).faults


def test_the_harness_sees_a_message_that_comes_too_early() -> None:
    refused = Seen(at=0.0, path="sendmessage", fault="too_many", passed=False, wait_s=2.0, wait_until=2.5)
    at = [Seen(at=at, path="sendmessage", fault="", passed=True) for at in (0.55, 1.0, 2.6)]

    assert late_by([refused, *at]) == [pytest.approx(0.05), pytest.approx(0.5)]


def test_the_words_of_the_harnesses_are_understood_whatever_was_said_before(models: Path) -> None:
    model = load_model(models / fingerprint(Paths(root=REPOSITORY)))

    decided = {words: parse(model, words, today=TODAY) for words in (*ANSWERED, *GREETINGS, CRISIS)}

    assert [words for words in (*ANSWERED, *GREETINGS) if decided[words].decision != "answer"] == []
    assert {decided[words].intent for words in GREETINGS} == {"show_menu"}
    assert decided[CRISIS].crisis


@pytest.mark.parametrize("fault", ["fsync", "full", "frozen"])
def test_a_disk_that_fails_loses_nothing_that_was_acknowledged(models: Path, tmp_path: Path, fault: StoreFault) -> None:
    try:
        outcome = Store(folder=tmp_path, seconds=FAULT_S).on_sqlite(fault)
    except NotHere as error:
        skip_or_fail(str(error))

    assert (outcome.lost, outcome.doubled) == (0, 0), outcome
    assert outcome.refused > 0
    assert outcome.slowest_s < FAULT_S, outcome  # no answer waits for the end of the fault
    assert outcome.exit_code == (EXIT_OF_A_FAILED_DISK if fault == "fsync" else None)


@pytest.mark.postgres
@pytest.mark.parametrize("fault", ["stopped", "frozen"])
def test_a_postgres_that_is_down_loses_nothing_that_was_acknowledged(
    models: Path, tmp_path: Path, fault: StoreFault
) -> None:
    try:
        with start_postgres() as server, server.database() as url:
            outcome = Store(folder=tmp_path, seconds=FAULT_S).on_postgres(fault, server, url)
    except NotHere as error:
        skip_or_fail(str(error))

    assert (outcome.lost, outcome.doubled) == (0, 0), outcome
    assert outcome.refused > 0
    assert outcome.slowest_s < FAULT_S, outcome  # no answer waits for the end of the fault
    assert outcome.exit_code is None


def test_a_message_is_handled_beside_many_others(models: Path, tmp_path: Path) -> None:
    compared = compare_sizes(tmp_path, few=200, many=2000)
    restored = back_up_and_restore(tmp_path, size=2000)

    assert compared.few_ms > 0
    assert compared.many_ms > 0
    assert restored.to_send == 0


def test_a_rotation_that_is_killed_leaves_every_message_readable(models: Path, tmp_path: Path) -> None:
    outcome = rotate(tmp_path / "bot", rotations=3, conversations=10)

    assert (outcome.failed, outcome.unreadable, outcome.versions) == (0, 0, 1), outcome


@pytest.mark.postgres
def test_all_processes_serve_what_an_editor_changed(models: Path, tmp_path: Path, postgres: Postgres) -> None:
    with postgres.database() as url:
        swaps = swap(tmp_path, database_url=url, processes=2, changes=3, learns=False)

    assert len(swaps.content) == 3
    assert max(last for _, last in swaps.content) < 30  # the long form measures
