"""A trained model as files, the same whichever host trained it: arrays and a description, no pickle."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final

import numpy as np

from khmer_nlu.classifier import Model

ARRAYS: Final = "arrays.npz"
ABOUT: Final = "model.json"
FILES: Final = (ARRAYS, ABOUT)


def to_files(model: Model) -> dict[str, bytes]:
    """The model as the content of its files, by name."""
    arrays, about = model.to_arrays()
    buffer = BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # numpy types **kwds as the bool beside them
    return {ARRAYS: buffer.getvalue(), ABOUT: json.dumps(about, ensure_ascii=False).encode()}


def from_files(content: Mapping[str, bytes]) -> Model:
    """The model that to_files() gave.

    Raises:
        ValueError: it is damaged, or of another version.
    """
    try:
        about = json.loads(content[ABOUT])
        with np.load(BytesIO(content[ARRAYS]), allow_pickle=False) as arrays:
            return Model.from_arrays(dict(arrays), about)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


@cache
def code_hash() -> str:
    """The hash of this package's code and tables: another hash may mean another model of the same examples."""
    digest = hashlib.sha256()
    for folder in (files("khmer_nlu"), files("khmer_nlu").joinpath("data")):
        for part in sorted(folder.iterdir(), key=lambda part: part.name):
            if part.name.endswith((".py", ".yml")):
                digest.update(b"\0" + part.name.encode() + b"\0" + part.read_bytes())
    return digest.hexdigest()
