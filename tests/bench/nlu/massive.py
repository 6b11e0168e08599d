"""MASSIVE in Khmer, a public set that nobody of this project wrote: fit on train, choose on dev, test once."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from bot.settings import REPOSITORY, Paths
from khmer_nlu.artefact import code_hash
from tests.bench.nlu.cache import Trained, trained
from tests.bench.nlu.engines import own_environment, run_in_process
from tests.bench.nlu.process import Run, run_to_end
from tests.bench.row import Row, percentile

STRENGTHS = (0.25, 0.5, 1.0)
"""Values of `c` in config.yml that dev chooses from."""


@dataclass(frozen=True, kw_only=True)
class Partition:
    """Sentences and their intents."""

    texts: list[str]
    intents: list[str]


def measure_massive(folder: Path) -> list[Row]:
    """Accuracy on the test partition, of the model that does best on the dev partition."""
    dev, test = (_read(folder / f"{name}.jsonl") for name in ("dev", "test"))
    on_dev = {c: _accuracy(run_in_process(_train(folder, c).folder, dev.texts), dev) for c in STRENGTHS}
    best = max(on_dev, key=on_dev.__getitem__)
    model = _train(folder, best)
    run = run_in_process(model.folder, test.texts)
    chosen = ", ".join(f"{c}: {accuracy:.3f}" for c, accuracy in on_dev.items())
    return [
        Row(
            figure=f"MASSIVE km-KH, accuracy on test ({len(test.texts):,}); on dev by c: {chosen}",
            measured=f"{_accuracy(run, test):.3f}",
            goal="≥ 0.765",
        ),
        Row(
            figure="MASSIVE km-KH, a parse, p50 / p99",
            measured=f"{percentile(run.seconds, 0.5) * 1000:.2f} / {percentile(run.seconds, 0.99) * 1000:.2f} ms",
            goal="≤ 5 ms",
        ),
        Row(figure="MASSIVE km-KH, training", measured=f"{model.cost.seconds:.0f} s", goal=""),
    ]


def _train(folder: Path, c: float) -> Trained:
    train, config = folder / "train.jsonl", Paths(root=REPOSITORY).pipeline
    command = [sys.executable, "-m", "tests.bench.nlu.fit", str(train), str(c)]
    return trained(
        "massive",
        [train.read_bytes(), config.read_bytes(), code_hash().encode(), str(c).encode()],
        lambda to: run_to_end([*command, str(to)], environment=own_environment()),
    )


def _read(file: Path) -> Partition:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return Partition(texts=[row["text"] for row in rows], intents=[row["intent"] for row in rows])


def _accuracy(run: Run, gold: Partition) -> float:
    best = [answer["ranking"][0][0] if answer["ranking"] else None for answer in run.answers]
    return sum(map(str.__eq__, gold.intents, map(str, best))) / len(best)
