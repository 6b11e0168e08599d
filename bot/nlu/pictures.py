"""Draws the report of `returnee-bot evaluate`. Needs matplotlib, which developers have and a serving bot does not."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bot.nlu.evaluation import BINS

CONFUSIONS_DRAWN: Final = 25
_DPI: Final = 150
_NAMES: Final = {"controls": "flows and controls"}
_BLUE, _RED, _GREY = "#1f5a94", "#b3402e", "#8a8a8a"
Report = Mapping[str, Any]


def draw(report: Report, folder: Path) -> tuple[Path, ...]:
    """Writes reliability.png, confusion.png (by theme) and confused_ids.png into the folder; makes it if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings: dict[str, Callable[[Report], Figure]] = {
        "reliability.png": _draw_reliability,
        "confusion.png": _draw_matrix,
        "confused_ids.png": _draw_confused_ids,
    }
    for name, drawing in drawings.items():
        drawing(report).savefig(folder / name, dpi=_DPI)
    return tuple(folder / name for name in drawings)


def _draw_reliability(report: Report) -> Figure:
    bins = report["calibration"]
    figure = Figure(figsize=(7, 7.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot((0, 1), (0, 1), linestyle="--", color=_GREY, label="as sure as right")
    above.plot(
        [one["confidence"] for one in bins], [one["accuracy"] for one in bins], "o-", color=_BLUE, label="sentences"
    )
    above.set_title(f"Is it right as often as it is sure? Expected calibration error {report['ece']:.3f}")
    above.set(ylabel="share that is right", ylim=(0, 1.02))
    above.legend(loc="upper left")
    above.grid(alpha=0.3)
    width = 1 / BINS
    middles = [one["from"] + width / 2 for one in bins]
    bars = below.bar(middles, [one["n"] for one in bins], width=0.9 * width, color=_BLUE)
    below.bar_label(bars, padding=2, fontsize=9)
    below.set(xlabel="confidence in the best intent", ylabel="sentences", xlim=(0, 1))
    below.margins(y=0.2)
    return figure


def _draw_matrix(report: Report) -> Figure:
    groups, counts = report["matrix"]["groups"], report["matrix"]["counts"]
    shares = [[count / max(sum(row), 1) for count in row] for row in counts]
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [_NAMES.get(group, group.replace("_", " ")) for group in groups]
    axes.set_xticks(range(len(groups)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(groups)), [f"{name} ({sum(row)})" for name, row in zip(names, counts, strict=True)])
    axes.set(xlabel="understood as", ylabel="meant (sentences)", title="What is taken for what, by theme")
    for y, row in enumerate(counts):
        for x, count in enumerate(row):
            if count:
                axes.text(x, y, str(count), ha="center", va="center", color="white" if shares[y][x] > 0.5 else "black")
    figure.colorbar(picture, ax=axes, label="share of what was meant", shrink=0.8)
    return figure


def _draw_confused_ids(report: Report) -> Figure:
    worst = report["confusions"][:CONFUSIONS_DRAWN]
    figure = Figure(figsize=(10, 1.5 + 0.32 * max(len(worst), 1)), layout="constrained")
    axes = figure.subplots()
    places = range(len(worst))
    bars = axes.barh(places, [count for _, _, count in worst], color=_RED)
    axes.bar_label(bars, padding=3)
    axes.set_yticks(places, [f"{gold} → {decided}" for gold, decided, _ in worst])
    axes.invert_yaxis()
    axes.set(xlabel="sentences", title="Most common confusions: meant → understood as")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
