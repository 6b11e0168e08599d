"""Keeps trained models: a folder for each set of inputs, named by its fingerprint.

Several processes may share them; whoever adds one holds the lock.
"""

import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from filelock import FileLock

from bot.errors import TrainingError
from bot.nlu.embedded import load_model, save_model
from khmer_nlu import Model

KEPT: Final = 3
"""How many models stay: who undoes a change waits for no training."""
_NAME: Final = re.compile("[0-9a-f]{24}")
_UNFINISHED: Final = "training-"


def lock(models_dir: Path) -> FileLock:
    """Held by the one process that trains; the system frees it when that process ends, however it does."""
    models_dir.mkdir(parents=True, exist_ok=True)
    return FileLock(models_dir / "training.lock")


def find(models_dir: Path, name: str) -> Path | None:
    """The folder of the model of this fingerprint, unless it is not there or damaged."""
    folder = models_dir / name
    try:
        load_model(folder)
    except TrainingError:
        return None
    with suppress(OSError):  # a folder that is read only is never tidied either
        os.utime(folder)
    return folder


def keep(model: Model, models_dir: Path, name: str) -> Path:
    """Writes the model, whole or not at all, and deletes those that were not used for the longest time.

    Needs the lock: what is unfinished is then left over from a process that was killed.
    """
    folder = models_dir / name
    with tempfile.TemporaryDirectory(dir=models_dir, prefix=_UNFINISHED) as unfinished:
        written = Path(unfinished) / name
        written.mkdir()
        save_model(model, written)
        shutil.rmtree(folder, ignore_errors=True)
        written.replace(folder)
    _tidy(models_dir)
    return folder


def _tidy(models_dir: Path) -> None:
    trained = [path for path in models_dir.iterdir() if _NAME.fullmatch(path.name)]
    trained.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in (*trained[KEPT:], *models_dir.glob(f"{_UNFINISHED}*")):
        shutil.rmtree(path, ignore_errors=True)
