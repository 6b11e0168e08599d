"""Trains on a file of {"text", "intent"} lines: `python -m tests.bench.nlu.fit TRAIN.jsonl C FOLDER`."""

import json
import sys
from pathlib import Path

from bot.nlu.embedded import save_model
from bot.nlu.training import load_pipeline
from bot.settings import REPOSITORY, Paths
from khmer_nlu.training import Options, train

file, c, folder = Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
options = Options.from_config(load_pipeline(Paths(root=REPOSITORY).pipeline).model_dump() | {"c": c})
save_model(train([(row["text"], row["intent"]) for row in rows], options), folder)
