"""The understanding in this process: a trained folder, read once, and numpy."""

import json
import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from bot.errors import TrainingError
from khmer_nlu import Model, Parsed, Slot, parse

ARRAYS: Final = "arrays.npz"
ABOUT: Final = "model.json"


@dataclass(frozen=True, kw_only=True)
class EmbeddedEngine:
    """An Engine over a model in memory; a parse takes about a millisecond and waits for nothing."""

    model: Model

    async def parse(self, text: str, *, today: date, slot: Slot | None = None) -> Parsed:
        """What the text means, on this day, as the answer to this question."""
        return parse(self.model, text, today=today, slot=slot)


def load_engine(folder: Path) -> EmbeddedEngine:
    """The engine over a trained folder.

    Raises:
        TrainingError: the folder is damaged.
    """
    return EmbeddedEngine(model=load_model(folder))


def load_model(folder: Path) -> Model:
    """The model in a trained folder; reads no pickle.

    Raises:
        TrainingError: the folder is damaged.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
            return Model.from_arrays(dict(arrays), about)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise TrainingError(f"The model in {folder} is damaged ({error}).") from error


def save_model(model: Model, folder: Path) -> None:
    """Writes the model into the folder, which exists."""
    arrays, about = model.to_arrays()
    np.savez(folder / ARRAYS, **arrays)  # type: ignore[arg-type]  # numpy types **kwds as the bool beside them
    (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
