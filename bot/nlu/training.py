"""Trains in a child process, so that serving never loads scikit-learn, and keeps models by the hash of their inputs."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from bot.documents import parse_as, read_text, read_yaml
from bot.errors import ContentError, ContentErrors, ReturneeBotError, TrainingError
from bot.nlu import models
from bot.nlu.embedded import load_rasa_model
from bot.nlu.examples import Example, load_examples
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
    """The hash of everything that a model depends on.

    Raises:
        ContentErrors: a file can not be read.
    """
    digest = hashlib.sha256(code_hash().encode())
    try:
        for path in (paths.pipeline, paths.topics, *sorted((paths.nlu / "data").glob("*.yml"))):
            digest.update(b"\0" + path.name.encode() + b"\0" + read_text(path).encode())
    except ContentError as error:
        raise ContentErrors([error]) from error
    return digest.hexdigest()[:24]


def ensure_model(paths: Paths, models_dir: Path) -> Path:
    """The folder of the model of these inputs; trains it if it is not there or damaged.

    Raises:
        ContentErrors: the examples or options are wrong.
        TrainingError: training failed.
    """
    return models.find(models_dir, fingerprint(paths)) or finish_training(start_training(paths, models_dir))


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
    with models.lock(models_dir):
        return models.keep(model, models_dir, fingerprint(paths))


class _Problem(BaseModel):
    path: Path
    line: int | None
    problem: str
    fix: str


class _Report(BaseModel):
    """What the child says at its end; code: the hash of the code that it trained with."""

    code: str
    folder: Path | None = None
    problems: tuple[_Problem, ...] = ()


def start_training(paths: Paths, models_dir: Path) -> subprocess.Popen[str]:
    """The child process that trains, after the one that holds the lock; whoever starts it finishes it.

    Raises:
        TrainingError: it can not be started.
    """
    command = [sys.executable, "-m", "bot.nlu.training", str(paths.root), str(models_dir)]
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for us, and we end it
        )
    except OSError as error:
        raise TrainingError(f"Training did not start ({error}).") from error


def finish_training(child: subprocess.Popen[str]) -> Path:
    """Waits for the child; the folder of the model of the inputs as it read them.

    Raises:
        ContentErrors: the examples or options are wrong.
        TrainingError: training failed.
    """
    with child:
        try:
            said, complaint = child.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise TrainingError(f"Training did not finish in {TIMEOUT_S} s.") from error
        finally:
            child.kill()  # whatever ended the wait; one that has ended takes no harm
    if child.returncode:
        raise TrainingError(f"Training failed: {complaint.strip() or child.returncode}")
    report = _Report.model_validate_json(said)
    if report.problems:
        raise ContentErrors([ContentError(p.path, p.line, p.problem, p.fix) for p in report.problems])
    if report.folder is None or report.code != code_hash():
        raise TrainingError("The program was replaced while it runs. Start it again.")
    return report.folder


def train_here(paths: Paths, models_dir: Path) -> Path:
    """The folder of the model of these inputs, trained in this process unless it is there: what the child does.

    Raises:
        ContentErrors: the examples or options are wrong.
    """
    from khmer_nlu.training import Options, train

    with models.lock(models_dir):
        name, pipeline, examples = _read_inputs(paths)
        if found := models.find(models_dir, name):
            return found
        options = Options.from_config(pipeline.model_dump())
        model = train([(example.text, example.intent) for example in examples], options)
        return models.keep(model, models_dir, name)


def _read_inputs(paths: Paths) -> tuple[str, Pipeline, tuple[Example, ...]]:
    """The inputs and their fingerprint; reads again if they changed meanwhile."""
    while True:
        name = fingerprint(paths)
        pipeline = load_pipeline(paths.pipeline)
        examples = load_examples(paths.nlu / "data", load_topics(paths.topics))
        if fingerprint(paths) == name:
            return name, pipeline, examples


def _report(paths: Paths, models_dir: Path) -> _Report:
    try:
        return _Report(code=code_hash(), folder=train_here(paths, models_dir))
    except ContentErrors as error:
        problems = [_Problem(path=e.path, line=e.line, problem=e.problem, fix=e.fix) for e in error.errors]
        return _Report(code=code_hash(), problems=tuple(problems))


if __name__ == "__main__":
    try:
        sys.stdout.write(_report(Paths(root=Path(sys.argv[1])), Path(sys.argv[2])).model_dump_json())
    except ReturneeBotError as error:
        sys.exit(str(error))
