"""Reads the Khmer of these tests, which stands in data/*.yml."""

from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).parent / "data"


def read_data(name: str) -> Any:
    """The test data data/<name>.yml."""
    return yaml.safe_load((DATA / f"{name}.yml").read_text(encoding="utf-8"))
