"""A handful of examples of three intents: a child process learns them in about a second."""

import shutil
from pathlib import Path

from bot.settings import REPOSITORY, Paths

SENTENCES = {
    "unpaid_wages": "boss did not pay {} months",
    "find_job": "i want to work in place {}",
    "out_of_scope": "football result {}",
}


def block(intent: str, *texts: str) -> str:
    """The examples of an intent, as they stand in a file."""
    return f"- intent: {intent}\n  examples: |\n" + "".join(f"    - {text}\n" for text in texts)


def write_few_examples(root: Path) -> Paths:
    """The repository's ids and options, and the examples, below root."""
    paths = Paths(root=root)
    (paths.nlu / "data").mkdir(parents=True)
    shutil.copy(REPOSITORY / "config.yml", paths.pipeline)
    shutil.copy(REPOSITORY / "nlu" / "topics.yml", paths.topics)
    blocks = [block(intent, *(text.format(n) for n in range(2, 9))) for intent, text in SENTENCES.items()]
    few_of(paths).write_text("nlu:\n" + "".join(blocks), encoding="utf-8")
    return paths


def few_of(paths: Paths) -> Path:
    """The file of the examples."""
    return paths.nlu / "data" / "few.yml"


def append(path: Path, text: str) -> None:
    """Writes more into a file, as an editor would who adds lines at the end."""
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
