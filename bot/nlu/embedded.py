"""The understanding in this process: a trained folder, read once, and numpy."""

import tarfile
import zlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from bot.errors import TrainingError
from khmer_nlu import Model, Parsed, Slot, parse
from khmer_nlu.artefact import FILES, from_files, to_files

COMPONENT: Final = "KhmerIntentClassifier"


@dataclass(frozen=True, kw_only=True)
class EmbeddedEngine:
    """An Engine over a model in memory; a parse takes about a millisecond and waits for nothing."""

    model: Model

    async def labels(self) -> frozenset[str]:
        """Every id that the model knows."""
        return frozenset(self.model.labels)

    async def parse(self, text: str, *, today: date, slot: Slot | None = None) -> Parsed:
        """What the text means, on this day, as the answer to this question."""
        return parse(self.model, text, today=today, slot=slot)

    async def aclose(self) -> None:
        """Holds nothing open."""


def load_engine(folder: Path) -> EmbeddedEngine:
    """The engine over a trained folder.

    Raises:
        TrainingError: the folder is damaged.
    """
    model = load_model(folder)
    parse(model, "", today=date.min)  # reads the tables of words now, so that the first message does not wait for them
    return EmbeddedEngine(model=model)


def load_model(folder: Path) -> Model:
    """The model in a trained folder; reads no pickle.

    Raises:
        TrainingError: the folder is damaged.
    """
    try:
        return from_files({name: (folder / name).read_bytes() for name in FILES})
    except (OSError, ValueError) as error:
        raise TrainingError(f"The model in {folder} is damaged ({error}).") from error


def load_rasa_model(archive: Path) -> Model:
    """The same model out of Rasa's model.tar.gz.

    Raises:
        TrainingError: the archive is damaged, or holds no model of ours.
    """
    try:
        with tarfile.open(archive) as tar:
            ours = [Path(name) for name in tar.getnames() if COMPONENT in name]
            content = {path.name: tar.getmember(str(path)) for path in ours if path.name in FILES}
            return from_files({name: _content_of(tar, content[name]) for name in FILES})
    except (OSError, KeyError, ValueError, tarfile.TarError, EOFError, zlib.error) as error:
        raise TrainingError(f"There is no model of ours in {archive} ({error}).") from error


def _content_of(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None:
        raise ValueError(f"{member.name} is not a file")
    return file.read()


def save_model(model: Model, folder: Path) -> None:
    """Writes the model into the folder, which exists."""
    for name, content in to_files(model).items():
        (folder / name).write_bytes(content)
