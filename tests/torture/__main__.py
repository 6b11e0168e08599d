"""The promises in their long forms: `make torture`. Prints each figure, and writes docs/promises.md.

TORTURE_SCALE (1 by default) makes everything shorter; TORTURE names the parts of ALL to run. Rows of parts that are not
run stay as they are.
"""

import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.postgres import start_postgres
from tests.serving import REPOSITORY
from tests.torture.bombs import bomb
from tests.torture.hostile import look_at_hostile_files
from tests.torture.killer import Killer
from tests.torture.outage import FAULTS, Outage, Outcome
from tests.torture.poison import poison
from tests.torture.proxy import Fault
from tests.torture.record import Findings
from tests.torture.rotation import rotate
from tests.torture.several import Several
from tests.torture.shuffle import shuffle
from tests.torture.size import back_up_and_restore, compare_sizes
from tests.torture.store import Store
from tests.torture.swap import swap

REPORT: Final = REPOSITORY / "docs" / "promises.md"
SCALE: Final = float(os.environ.get("TORTURE_SCALE", "1"))
CHATS: Final = 200  # with fewer, a chat writes more than a minute's limit, and is told so in place of an answer
OUTAGES_AT_ONCE: Final = 4
HEAD: Final = """# Promises

What is promised, how it is tried, and what came out. `make torture` runs the long forms and writes this table;
short forms run with `make test` (`tests/torture/test_torture.py`).
`TORTURE_SCALE=0.1` makes them shorter, `TORTURE="kills bombs"` runs some of them.

| # | promise | command | figure | date |
|---|---|---|---|---|
"""
Rows = dict[str, tuple[str, str, str]]
"""Promise, command and figure by number."""


def scaled(number: float) -> int:
    """So many in this run."""
    return max(int(number * SCALE), 1)


def kills(folder: Path) -> Rows:
    """Promises 1, 2 and 4, on SQLite with one process: half of the kills while polling, half with the webhook."""
    found: list[Findings] = []
    again, said = 0, []
    for mode in ("polling", "webhook"):
        killer = Killer(
            folder=folder / mode,
            updates=scaled(10_000),
            chats=CHATS,
            kills=scaled(100),
            mode=mode,
            seed=4,
        )
        found.append(killer.run())
        again += killer.redelivered
        said.append(f"{mode}: {found[-1]}")
        print(said[-1], flush=True)
    lost = sum(len(one.lost) + len(one.unanswered) for one in found)
    twice = sum(len(one.handled_twice) for one in found)
    sent = sum(one.messages for one in found)
    updates = sum(one.updates for one in found)
    turned = sum(len(one.inbound_turned) + len(one.outbound_turned) for one in found)
    killed = f"{scaled(100) * 2} kills"
    return {
        "1": (
            "inbound survives kill -9",
            "kills",
            f"{killed}, {updates} updates, {again} delivered again whose acknowledgement was lost: {lost} lost,"
            f" {twice} handled twice (SQLite, one process)",
        ),
        "2": (
            "outbound by class",
            "kills",
            f"{sent} messages taken: {sum(len(one.a_lost) for one in found)} of class A lost,"
            f" {sum(one.a_doubled for one in found)} doubled, all in flight at a kill;"
            f" {sum(len(one.b_doubled) for one in found)} of class B doubled,"
            f" {sum(one.b_maybe for one in found)} given up in flight;"
            f" {sum(len(one.unexplained) for one in found)} unexplained",
        ),
        "4": ("order in a conversation", "kills", f"{turned} inversions in {killed} (one process)"),
    }


def several(folder: Path) -> Rows:
    """Promises 1, 2 and 4 on PostgreSQL: three processes behind the webhook, then four of which one polls."""
    said, found = [], []
    with start_postgres() as server:
        for mode, processes in (("webhook", 3), ("polling", 4)):
            with server.database() as url:
                run = Several(
                    folder=folder / mode,
                    updates=scaled(10_000),
                    chats=CHATS,
                    kills=scaled(100),
                    mode=mode,
                    seed=4,
                    per_s=10.0,
                    database_url=url,
                    processes=processes,
                )
                found.append(run.run())
            again = f"{run.redelivered} delivered again whose acknowledgement was lost"
            said.append(f"{processes} processes, {mode}, {scaled(100)} kills: {found[-1]}; {again}")
            print(said[-1], flush=True)
    turned = sum(len(one.inbound_turned) + len(one.outbound_turned) for one in found)
    return {
        "1b": ("inbound survives kill -9, PostgreSQL", "several", "; ".join(said)),
        "4b": ("order in a conversation, PostgreSQL", "several", f"{turned} inversions in {scaled(100) * 2} kills"),
    }


def shuffled(folder: Path) -> Rows:
    """Promise 3."""
    outcome = shuffle(folder, updates=scaled(10_000), chats=max(scaled(1000), 20), seed=4)
    return {"3": ("duplicates, reordering", "shuffle", str(outcome))}


def poisoned(folder: Path) -> Rows:
    """Promise 5."""
    return {"5": ("poison update", "poison", str(poison(folder, times=max(scaled(20), 3))))}


def outage(folder: Path) -> Rows:
    """Promise 6; each fault strikes a bot of its own, a few of them at a time."""

    def struck(fault: Fault) -> Outcome:
        (outcome,) = Outage(folder=folder / fault, seconds=scaled(600), per_s=3).run(fault)
        print(outcome, flush=True)
        return outcome

    figures = []
    with ThreadPoolExecutor(OUTAGES_AT_ONCE) as pool:
        for one in pool.map(struck, FAULTS):
            figure = f"{one.fault}: {one.findings.faults or '0 faults'}, drained {one.drained_s:.0f} s after"
            if one.fault == "too_many":
                figure += f", {one.too_early} before retry_after (last in flight {one.latest_s:.2f} s after a refusal)"
            figures.append(figure)
    return {"6": (f"platform down {scaled(600)} s at 3 messages/s", "outage", "; ".join(figures))}


def store(folder: Path) -> Rows:
    """Promise 7; the databases are down for the longest on PostgreSQL, the rest is over in a minute."""
    run = Store(folder=folder, seconds=scaled(60))
    found = [run.on_sqlite(fault) for fault in ("fsync", "full", "frozen")]
    with start_postgres() as server, server.database() as url:
        found.append(Store(folder=folder / "stopped", seconds=scaled(300)).on_postgres("stopped", server, url))
    with start_postgres() as server, server.database() as url:
        found.append(Store(folder=folder / "frozen", seconds=scaled(60)).on_postgres("frozen", server, url))
    for outcome in found:
        print(outcome, flush=True)
    return {"7": ("database down, disk full, EIO on fsync", "store", "; ".join(map(str, found)))}


def size(folder: Path) -> Rows:
    """Promise 18, and a figure that must hold as years go by."""
    many = scaled(2_000_000)
    compared = compare_sizes(folder, few=10_000, many=many)
    return {
        "18": ("backup and restore", "size", str(back_up_and_restore(folder, size=many))),
        "21": ("handling does not slow down", "size", str(compared)),
    }


def rotated(folder: Path) -> Rows:
    """Promise 17."""
    outcome = rotate(folder / "bot", rotations=scaled(100), conversations=scaled(500))
    return {"17": ("key rotation under load, killed", "rotation", str(outcome))}


def bombed(folder: Path) -> Rows:
    """Promise 12, of messages and of files."""
    return {
        "12": ("message bombs", "bombs", str(bomb(folder))),
        "12b": ("hostile files", "bombs", str(look_at_hostile_files())),
    }


def swapped(folder: Path) -> Rows:
    """A figure of ADR 11: without being told, all processes serve what an editor changed."""
    with start_postgres() as server, server.database() as url:
        found = swap(folder, database_url=url, processes=3, changes=scaled(50), learns=True)
    return {"22": ("several processes serve the same", "swap", str(found))}


ALL: Final[dict[str, Callable[[Path], Rows]]] = {
    "bombs": bombed,
    "poison": poisoned,
    "shuffle": shuffled,
    "outage": outage,
    "kills": kills,
    "several": several,
    "store": store,
    "size": size,
    "rotation": rotated,
    "swap": swapped,
}


def main() -> None:
    """Runs the parts that are asked for."""
    parts = os.environ.get("TORTURE", "").split() or list(ALL)
    if unknown := sorted(set(parts) - set(ALL)):
        sys.exit(f"TORTURE: there is no {', '.join(unknown)}. There are: {', '.join(ALL)}.")
    rows, notes = _known(), _notes()
    today = datetime.now(UTC).date().isoformat()
    for part in parts:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found = ALL[part](Path(folder))
        scale = "" if SCALE == 1 else f"TORTURE_SCALE={SCALE:g} "
        for number, (promise, name, figure) in found.items():
            line = f"| {number} | {promise} | `{scale}TORTURE={name} make torture` | {figure} | {today} |"
            rows[number] = line
            print(line, flush=True)
        print(f"{part}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        machine = f"\nPython {platform.python_version()}, {platform.machine()}, 2 shared cores.\n"
        lines = "\n".join(rows[number] for number in sorted(rows, key=_place))
        REPORT.write_text(f"{HEAD}{lines}\n{notes}{machine}", encoding="utf-8")


def _place(number: str) -> tuple[int, str]:
    digits = number.rstrip("b")
    return int(digits), number


def _known() -> dict[str, str]:
    kept = REPORT.read_text(encoding="utf-8").splitlines() if REPORT.exists() else []
    matches = ((re.match(r"\| (\d+b?) \|", line), line) for line in kept)
    return {match[1]: line for match, line in matches if match}


def _notes() -> str:
    """What people wrote below the table."""
    kept = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    below = kept.rpartition("\n| ")[2].partition("\n")[2]
    return "".join(f"{line}\n" for line in below.splitlines() if not line.startswith("Python ")).rstrip() + "\n"


main()
