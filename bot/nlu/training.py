"""Trains in a child process, so that serving never loads scikit-learn, and keeps models by the hash of their inputs."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from bot.documents import parse_as, read_yaml
from bot.errors import ContentError, ContentErrors, ReturneeBotError, TrainingError
from bot.nlu.embedded import load_model, load_rasa_model, save_model
from bot.nlu.examples import load_examples
from bot.settings import Paths
from bot.topics import load_topics
from khmer_nlu.artefact import code_hash

COMPONENT: Final = "khmer_rasa.KhmerIntentClassifier"
TIMEOUT_S: Final = 900

Share = Annotated[float, Field(ge=0, le=1)]
Lengths = tuple[Annotated[int, Field(ge=1, le=8)], Annotated[int, Field(ge=1, le=8)], Annotated[float, Field(ge=0)]]


class Pipeline(BaseModel):
    """The options of the classifier in config.yml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    cluster: Lengths
    phonetic: Lengths
    concept: Lengths
    concept_pair: Lengths
    danger: Lengths
    c: Annotated[float, Field(gt=0)]
    min_texts: Annotated[int, Field(ge=1)]
    wrong_answers: Share
    outside_answered: Share
    inside_refused: Share
    crisis_false_alarms: Share


def load_pipeline(path: Path) -> Pipeline:
    """The classifier's options.

    Raises:
        ContentErrors: everything that is wrong with them.
    """
    try:
        document = read_yaml(path)
    except ContentError as error:
        raise ContentErrors([error]) from error
    parts = document.value.get("pipeline") if isinstance(document.value, dict) else None
    for place, part in enumerate(parts if isinstance(parts, list) else ()):
        if isinstance(part, dict) and part.get("name") == COMPONENT:
            return parse_as(Pipeline, document, "pipeline", place)
    raise ContentErrors([document.error(f"There is no {COMPONENT} in the pipeline.", "Put it back.", "pipeline")])


def fingerprint(paths: Paths) -> str:
    """The hash of everything that a model depends on."""
    digest = hashlib.sha256(code_hash().encode())
    for path in (paths.pipeline, paths.topics, *sorted((paths.nlu / "data").glob("*.yml"))):
        digest.update(b"\0" + path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:24]


def ensure_model(paths: Paths, models_dir: Path) -> Path:
    """The folder of the model of exactly these inputs; trains it if it is not there or damaged.

    Raises:
        ContentErrors: the examples or options are wrong.
        TrainingError: training failed.
    """
    folder = models_dir / fingerprint(paths)
    try:
        load_model(folder)
    except TrainingError:
        load_pipeline(paths.pipeline)
        load_examples(paths.nlu / "data", load_topics(paths.topics))
        models_dir.mkdir(parents=True, exist_ok=True)
        _train_in_child(paths, folder)
    return folder


def adopt_model(archive: Path, paths: Paths, models_dir: Path) -> Path:
    """The folder of the model of these inputs, filled from the archive of `rasa train nlu` instead of by training.

    Raises:
        ContentErrors: the examples are wrong.
        TrainingError: the archive is damaged, or its model was trained for other intents.
    """
    model = load_rasa_model(archive)
    examples = load_examples(paths.nlu / "data", load_topics(paths.topics))
    if set(model.labels) != {example.intent for example in examples}:
        raise TrainingError(f"The model in {archive} was trained for other intents than {paths.nlu / 'data'} has.")
    folder = models_dir / fingerprint(paths)
    models_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models_dir, prefix="training-") as unfinished:
        save_model(model, Path(unfinished))
        _keep(Path(unfinished), folder)
    return folder


def _train_in_child(paths: Paths, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="training-") as unfinished:
        command = [sys.executable, "-m", "bot.nlu.training", str(paths.root), unfinished]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and module
                command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TrainingError(f"Training did not finish ({error}).") from error
        if done.returncode:
            raise TrainingError(f"Training failed: {done.stderr.strip() or done.returncode}")
        _keep(Path(unfinished), folder)


def _keep(unfinished: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(unfinished, folder.with_suffix(".new"), dirs_exist_ok=True)
    folder.with_suffix(".new").replace(folder)


def train_here(paths: Paths, folder: Path) -> None:
    """Trains in this process and writes the model into folder: what the child does."""
    from khmer_nlu.training import Options, train

    pipeline = load_pipeline(paths.pipeline)
    examples = load_examples(paths.nlu / "data", load_topics(paths.topics))
    options = Options.from_config(pipeline.model_dump())
    save_model(train([(example.text, example.intent) for example in examples], options), folder)


if __name__ == "__main__":
    try:
        train_here(Paths(root=Path(sys.argv[1])), Path(sys.argv[2]))
    except ReturneeBotError as error:
        sys.exit(str(error))
