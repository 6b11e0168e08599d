"""Trains once for the same inputs; what training cost is kept beside the model."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from bot.settings import REPOSITORY
from tests.bench.nlu.process import Cost

CACHE = REPOSITORY / "data" / "bench-nlu"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A folder that holds a model, and what it cost to train it."""

    folder: Path
    cost: Cost


def trained(name: str, inputs: list[bytes], train: Callable[[Path], Cost]) -> Trained:
    """What train(folder) made of these inputs, now or in an earlier run."""
    digest = sha256(b"".join(sha256(part).digest() for part in inputs)).hexdigest()[:16]
    folder = CACHE / f"{name}-{digest}"
    cost = folder / "cost.json"
    if not cost.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        cost.write_text(json.dumps(asdict(train(folder))), encoding="utf-8")
    return Trained(folder=folder, cost=Cost(**json.loads(cost.read_text(encoding="utf-8"))))
