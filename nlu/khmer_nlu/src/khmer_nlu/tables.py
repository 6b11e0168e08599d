"""Reads this package's own tables of words; Khmer stays out of the code."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def table(name: str) -> Mapping[str, Any]:
    """The table data/<name>.yml."""
    text = files("khmer_nlu").joinpath("data", f"{name}.yml").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - strings only, safer than safe
    return loaded
