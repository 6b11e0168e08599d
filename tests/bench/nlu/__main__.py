"""`make bench-nlu`: Rasa's stock pipeline, ours on Rasa and ours in process, on the same data in one run.

Training is kept by the hash of its inputs under data/bench-nlu; what is measured of parsing is always of this run.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bot.nlu.evaluation import Line, read_lines
from bot.settings import REPOSITORY, Paths
from bot.topics import load_topics
from tests.bench.nlu.compare import mcnemar, report_of, rights
from tests.bench.nlu.engines import Measured, measure_ours_in_process, measure_ours_on_rasa, measure_stock
from tests.bench.nlu.massive import measure_massive
from tests.bench.report import MACHINE, write_section
from tests.bench.row import percentile, table_of
from tests.some_examples import copy_some_examples

STOCK, ON_RASA, INSIDE = "Rasa, stock", "ours on Rasa", "ours in process"
STOCK_EPOCHS = 100


def main() -> None:
    """Measures, prints, and writes the sections of docs/benchmarks.md; a trial with less writes nothing."""
    options = _options()
    table = compare(options.examples_per_intent, options.epochs)
    print(table, flush=True)
    if options.examples_per_intent is None:
        write_section("Understanding", table)
    if options.massive:
        public = f"Printed by `make bench-nlu` on {MACHINE}.\n\n{table_of(measure_massive(options.massive))}"
        print(public)
        write_section("Understanding, a public set", public)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--massive", type=Path, help="folder with train.jsonl, dev.jsonl and test.jsonl")
    parser.add_argument("--epochs", type=int, default=STOCK_EPOCHS, help="of DIET, which its default config gives 100")
    parser.add_argument("--examples-per-intent", type=int, help="for a trial; nothing is written then")
    return parser.parse_args()


def compare(examples_per_intent: int | None, epochs: int) -> str:
    """The table of the three engines."""
    here = Paths(root=REPOSITORY)
    lines = read_lines(here.nlu / "evaluation" / "test.jsonl")
    texts = [line.text for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        house = Paths(root=Path(folder))
        copy_some_examples(house, examples_per_intent)
        measured = {
            STOCK: measure_stock(house, texts, epochs),
            ON_RASA: measure_ours_on_rasa(house, texts),
            INSIDE: measure_ours_in_process(house, texts),
        }
    rows = [*_quality(lines, measured), *_costs(measured)]
    table = [("", *measured, "goal"), ("---",) * 5, *rows]
    head = (
        f"Printed by `make bench-nlu` on {MACHINE}: {len(lines):,} sentences of nlu/evaluation/test.jsonl;"
        f" stock is Rasa's default pipeline, DIET with {epochs} epochs."
    )
    return "\n".join([head, "", *("| " + " | ".join(row) + " |" for row in table)])


Rows = list[tuple[str, ...]]


def _quality(lines: Sequence[Line], measured: dict[str, Measured]) -> Rows:
    topics = load_topics(Paths(root=REPOSITORY).topics)
    reports = [report_of(lines, one.parsed, topics) for one in measured.values()]
    right = {name: rights(lines, one.parsed) for name, one in measured.items()}

    def row(name: str, figure: Callable[[dict[str, Any]], float], goal: str = "") -> tuple[str, ...]:
        return (name, *(f"{figure(report):.3f}" for report in reports), goal)

    chance = [mcnemar(right[STOCK], right[name]) for name in (ON_RASA, INSIDE)]
    ahead = reports[-1]["accuracy"] - reports[0]["accuracy"]
    return [
        row("accuracy", lambda report: report["accuracy"], f"stock + 0.10 (is {ahead:+.3f}); ≥ 0.90"),
        ("McNemar's p against stock", "", *(f"{p:.1g}" for p in chance), ""),
        row("top-3", lambda report: report["top3"], "≥ 0.97"),
        row("accuracy, romanised", lambda report: report["by_style"].get("romanised", {}).get("accuracy", 0), "≥ 0.85"),
        row("in scope, wrong direct answer", lambda report: report["in_scope_wrong_answer"], "≤ 0.05"),
        row("out of scope, answered", lambda report: report["out_of_scope_answered"], "≤ 0.15"),
        row("crisis recall", lambda report: report["crisis"]["recall"], "≥ 0.98"),
        row("crisis false alarms", lambda report: report["crisis"]["false_alarms"], "≤ 0.02"),
    ]


def _costs(measured: dict[str, Measured]) -> Rows:
    runs, training = [one.run for one in measured.values()], [one.training for one in measured.values()]
    rates = [len(run.seconds) / sum(run.seconds) for run in runs]
    memory = runs[-1].rss_mb / runs[0].rss_mb
    return [
        ("a parse, p50 (ms)", *(f"{percentile(run.seconds, 0.5) * 1000:.2f}" for run in runs), ""),
        ("a parse, p99 (ms)", *(f"{percentile(run.seconds, 0.99) * 1000:.2f}" for run in runs), ""),
        ("parses a second", *(f"{rate:.0f}" for rate in rates), f"10 × stock (is {rates[-1] / rates[0]:.1f} ×)"),
        ("memory, RSS (MB)", *(f"{run.rss_mb:.0f}" for run in runs), f"⅛ of stock (is 1/{1 / memory:.1f})"),
        ("start to the first answer (s)", *(f"{run.start_s:.2f}" for run in runs), "≤ 1"),
        ("training (s)", *(f"{cost.seconds:.0f}" for cost in training), ""),
        ("training, most memory (MB)", *(f"{cost.peak_mb:.0f}" for cost in training), ""),
    ]


main()
