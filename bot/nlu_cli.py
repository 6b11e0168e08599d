"""What an engineer does with the understanding: train, parse, evaluate."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from bot.environment import load_settings
from bot.errors import ReturneeBotError

if TYPE_CHECKING:
    from bot.nlu.engine import Engine

T = TypeVar("T")


def add_to(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    for command in (train, parse, evaluate):
        app.command()(command)


def train(
    from_rasa: Annotated[
        Path | None, typer.Option("--from-rasa", help="Take the model that `rasa train nlu` put into this archive.")
    ] = None,
) -> None:
    """Train the understanding, unless a model of exactly these examples and options exists."""
    from bot.nlu.training import adopt_model, ensure_model

    settings = load_settings()
    if from_rasa:
        typer.echo(str(adopt_model(from_rasa, settings.paths, settings.models_dir)))
    else:
        typer.echo(str(ensure_model(settings.paths, settings.models_dir)))


def parse(
    texts: Annotated[list[str] | None, typer.Argument(help="Messages to understand.")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Read one JSON object a line from standard input.")] = False,
) -> None:
    """Print how messages are understood, one JSON object a line."""
    from bot.nlu.jsonl import answer_lines
    from khmer_nlu import day_of

    if jsonl == bool(texts):
        raise typer.BadParameter("Give messages, or --jsonl and standard input: one of the two.")
    lines: Iterable[str] = sys.stdin if jsonl else [json.dumps({"text": text}) for text in texts or ()]
    today = day_of(datetime.now(UTC))
    answers = _with_engine(lambda engine: answer_lines(engine, lines, today=today))
    for answer in answers:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    if any("error" in answer for answer in answers):
        raise typer.Exit(1)


def evaluate(
    file: Annotated[Path | None, typer.Option("--file", help="Test sentences, one JSON object a line.")] = None,
    entities: Annotated[Path | None, typer.Option("--entities", help="The same, labelled with entities.")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the whole report here.")] = None,
    pictures: Annotated[Path | None, typer.Option("--pictures", help="Draw the report of --file in here.")] = None,
) -> None:
    """Measure the understanding on sentences that it was not trained on."""
    if (file is None) == (entities is None):
        raise typer.BadParameter("Give --file or --entities: one of the two.")
    if pictures and not file:
        raise typer.BadParameter("--pictures draws what --file measures.")
    draw = _load_draw() if pictures else None
    report = _evaluate_intents(file) if file else _evaluate_entities(entities or Path())
    if json_out:
        json_out.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if draw and pictures:
        for picture in draw(report, pictures):
            typer.echo(str(picture))
    table = Table("figure", "value", title=str(file or entities))
    for name, value in [
        *report.items(),
        *((f"crisis {name}", value) for name, value in report.get("crisis", {}).items()),
    ]:
        if isinstance(value, int | float):
            table.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    for name, figures in report.get("by_entity", {}).items():
        table.add_row(name, "{entities}: precision {precision:.3f}, recall {recall:.3f}".format(**figures))
    Console().print(table)


def _load_draw() -> "Callable[[dict[str, Any], Path], tuple[Path, ...]]":
    try:
        from bot.nlu.pictures import draw
    except ModuleNotFoundError as error:
        problem = (
            "Pictures need matplotlib, which only developers have: pip install 'matplotlib>=3.11', or run make test."
        )
        raise ReturneeBotError(problem) from error
    return draw


def _evaluate_intents(file: Path) -> dict[str, Any]:
    from bot.nlu.evaluation import evaluate as evaluate_lines
    from bot.nlu.evaluation import read_lines
    from bot.topics import load_topics
    from khmer_nlu import day_of

    topics, labelled = load_topics(load_settings().paths.topics), read_lines(file)
    today = day_of(datetime.now(UTC))
    return _with_engine(lambda engine: evaluate_lines(engine, labelled, topics, today=today))


def _evaluate_entities(file: Path) -> dict[str, Any]:
    from bot.nlu.entity_evaluation import evaluate as evaluate_lines
    from bot.nlu.entity_evaluation import read_lines

    return evaluate_lines(read_lines(file))


def _with_engine(use: "Callable[[Engine], Awaitable[T]]") -> T:
    from bot.nlu.embedded import load_engine
    from bot.nlu.hosts import open_engine
    from bot.nlu.live import open_live

    settings = load_settings()

    async def run() -> T:
        async with aclosing(open_engine(settings, inside=open_live(settings, load=load_engine))) as engine:
            return await use(engine)

    return asyncio.run(run())
