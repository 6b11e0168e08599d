"""Trains in a child process, so that serving never loads scikit-learn, and keeps models by the hash of their inputs."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from bot.documents import parse_as, read_yaml
from bot.errors import ContentError, ContentErrors, ReturneeBotError, TrainingError
from bot.nlu.embedded import load_model, save_model
from bot.nlu.examples import load_examples
from bot.settings import Paths
from bot.topics import load_topics
from khmer_nlu import __version__ as package_version
from khmer_nlu.features import View

COMPONENT: Final = "khmer_rasa.KhmerIntentClassifier"
VIEWS: Final = ("cluster", "char", "word", "phonetic")
TIMEOUT_S: Final = 900

Share = Annotated[float, Field(ge=0, le=1)]
Lengths = tuple[Annotated[int, Field(ge=1, le=8)], Annotated[int, Field(ge=1, le=8)], Annotated[float, Field(ge=0)]]


class Pipeline(BaseModel):
    """The options of the classifier in config.yml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    cluster: Lengths
    char: Lengths
    word: Lengths
    phonetic: Lengths
    c: Annotated[float, Field(gt=0)]
    min_texts: Annotated[int, Field(ge=1)]
    wrong_answers: Share
    outside_answered: Share
    inside_refused: Share
    crisis_false_alarms: Share

    @property
    def views(self) -> tuple[View, ...]:
        """The n-gram views, without those of weight 0."""
        named = ((name, *getattr(self, name)) for name in VIEWS)
        return tuple(View(name=n, shortest=s, longest=e, weight=w) for n, s, e, w in named if w)


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
    inputs = [paths.pipeline, paths.topics, *sorted((paths.nlu / "data").glob("*.yml"))]
    package = [Path(str(part)) for part in files("khmer_nlu").iterdir()]
    inputs += sorted(path for part in package for path in ([part] if part.is_file() else part.glob("*.yml")))
    digest = hashlib.sha256(package_version.encode())
    for path in inputs:
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
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(unfinished, folder.with_suffix(".new"), dirs_exist_ok=True)
        folder.with_suffix(".new").replace(folder)


def train_here(paths: Paths, folder: Path) -> None:
    """Trains in this process and writes the model into folder: what the child does."""
    from khmer_nlu.training import Options, train

    pipeline = load_pipeline(paths.pipeline)
    examples = load_examples(paths.nlu / "data", load_topics(paths.topics))
    options = Options(
        views=pipeline.views,
        c=pipeline.c,
        min_texts=pipeline.min_texts,
        wrong_answers=pipeline.wrong_answers,
        outside_answered=pipeline.outside_answered,
        inside_refused=pipeline.inside_refused,
        crisis_false_alarms=pipeline.crisis_false_alarms,
    )
    save_model(train([(example.text, example.intent) for example in examples], options), folder)


if __name__ == "__main__":
    try:
        train_here(Paths(root=Path(sys.argv[1])), Path(sys.argv[2]))
    except ReturneeBotError as error:
        sys.exit(str(error))
