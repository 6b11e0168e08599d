"""One line of the report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure, what was measured, and what it should reach."""

    figure: str
    measured: str
    goal: str


def table_of(rows: Iterable[Row]) -> str:
    """The rows as a table in Markdown."""
    lines = [f"| {row.figure} | {row.measured} | {row.goal} |" for row in rows]
    return "\n".join(["| figure | measured | goal |", "|---|---|---|", *lines])


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
