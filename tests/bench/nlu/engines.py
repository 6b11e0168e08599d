"""The three that are compared: Rasa's stock pipeline, ours on Rasa, ours in process. Same examples, same sentences."""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.settings import REPOSITORY, Paths
from khmer_nlu import FALLBACK, OUT_OF_SCOPE, Parsed, match_key
from khmer_nlu.artefact import code_hash
from khmer_nlu.classifier import CRISIS
from tests.bench.nlu.cache import Trained, trained
from tests.bench.nlu.process import Cost, Run, run_parser, run_to_end

RASA_BIN = REPOSITORY / "nlu" / "rasa_host" / ".venv" / "bin"
STOCK = Path(__file__).with_name("stock.yml")
MODEL = "model.tar.gz"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What an engine understood of each sentence, and what it cost."""

    parsed: list[Parsed]
    run: Run
    training: Cost


def measure_stock(house: Paths, texts: Sequence[str], epochs: int) -> Measured:
    """Rasa with the pipeline that it uses if none is named."""
    config = STOCK.read_text(encoding="utf-8").replace("epochs: 100", f"epochs: {epochs}")
    model = trained("stock", [config.encode(), *_examples(house)], lambda folder: _train_in_rasa(house, config, folder))
    return _measure_in_rasa(model, texts, parsed_of_stock)


def measure_ours_on_rasa(house: Paths, texts: Sequence[str]) -> Measured:
    """Rasa with config.yml."""
    config = house.pipeline.read_text(encoding="utf-8")
    inputs = [config.encode(), code_hash().encode(), *_examples(house)]
    model = trained("ours-on-rasa", inputs, lambda folder: _train_in_rasa(house, config, folder))
    return _measure_in_rasa(model, texts, lambda answer: parsed_of_ours(answer["parsed"]))


def measure_ours_in_process(house: Paths, texts: Sequence[str]) -> Measured:
    """What the bot does by default."""
    command = [sys.executable, "-m", "bot.nlu.training", str(house.root)]
    inputs = [house.pipeline.read_bytes(), code_hash().encode(), *_examples(house)]
    model = trained("ours", inputs, lambda folder: run_to_end([*command, str(folder)], environment=own_environment()))
    (folder,) = (path for path in model.folder.iterdir() if path.is_dir())
    run = run_in_process(folder, texts)
    return Measured(parsed=[parsed_of_ours(answer) for answer in run.answers], run=run, training=model.cost)


def run_in_process(model: Path, texts: Sequence[str]) -> Run:
    """Has the model of this folder parse the texts, in a process like the bot's."""
    return run_parser(
        [sys.executable, "-m", "tests.bench.nlu.inside", str(model)], texts, environment=own_environment()
    )


def own_environment() -> dict[str, str]:
    """As training.py runs its child."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def _examples(house: Paths) -> list[bytes]:
    return [path.read_bytes() for path in sorted((house.nlu / "data").glob("*.yml"))]


def _train_in_rasa(house: Paths, config: str, folder: Path) -> Cost:
    (folder / "config.yml").write_text(config, encoding="utf-8")
    command = [str(RASA_BIN / "rasa"), "train", "nlu", "--config", "config.yml", "--nlu", str(house.nlu / "data")]
    with tempfile.TemporaryDirectory() as cache:  # of its own, or Rasa would skip what it once trained
        environment = _rasa_environment() | {"RASA_CACHE_DIRECTORY": cache}
        return run_to_end(
            [*command, "--out", ".", "--fixed-model-name", MODEL.removesuffix(".tar.gz")],
            environment=environment,
            cwd=folder,
        )


def _rasa_environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{RASA_BIN}:{os.environ['PATH']}"}


def _measure_in_rasa(
    model: Trained, texts: Sequence[str], parsed_of: Callable[[Mapping[str, Any]], Parsed]
) -> Measured:
    command = [str(RASA_BIN / "python"), "-m", "khmer_rasa.predict", str(model.folder / MODEL)]
    run = run_parser(command, texts, environment=_rasa_environment())
    return Measured(parsed=[parsed_of(answer) for answer in run.answers], run=run, training=model.cost)


def parsed_of_ours(answer: Mapping[str, Any]) -> Parsed:
    """Our JSON as a Parsed, as far as it is judged."""
    return Parsed(
        text=answer["text"],
        key=match_key(answer["text"]),
        language=answer["language"],
        intent=answer["intent"],
        decision=answer["decision"],
        confidence=answer["confidence"],
        ranking=tuple((intent, confidence) for intent, confidence in answer["ranking"]),
        crisis=answer["crisis"],
    )


def parsed_of_stock(answer: Mapping[str, Any]) -> Parsed:
    """The stock pipeline's answer in our terms: its crisis intents raise the alarm, out_of_scope is a fallback."""
    name, confidence = answer["intent"]["name"], answer["intent"]["confidence"]
    ranking = [(one["name"], one["confidence"]) for one in answer["intent_ranking"]]
    is_fallback = name in (FALLBACK, OUT_OF_SCOPE, None)
    return Parsed(
        text=answer["text"],
        key=match_key(answer["text"]),
        language="und",
        intent=FALLBACK if is_fallback else name,
        decision="fallback" if is_fallback else "answer",
        confidence=confidence,
        ranking=tuple(
            pair for pair in ranking if pair[0] not in (FALLBACK, OUT_OF_SCOPE) and not pair[0].startswith(CRISIS)
        ),
        crisis=name if name and name.startswith(CRISIS) else None,
    )
