"""Reads the folder content/ into one whole, valid set, or says everything that is wrong with it at once."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bot.content.bodies import BodyFile, read_bodies
from bot.content.catalog import Catalog, read_catalog
from bot.content.facts import Facts, read_facts
from bot.content.lengths import check_body, check_texts
from bot.content.model import Content
from bot.content.texts import Said, TextFile, read_texts
from bot.errors import ContentError, ContentErrors
from bot.model import LANGUAGES
from bot.topics import Topics

VERSION_CHARS: Final = 16


def load_content(
    folder: Path, *, topics: Topics, today: date, said: Said = frozenset(), serving: Content | None = None
) -> Content:
    """The content of the folder.

    Args:
        today: no date may lie behind it.
        said: texts that must be there, because the program says them.
        serving: what contacts get now. A text that it has must not vanish either: an answer on its way may say it.

    Raises:
        ContentErrors: everything that is wrong, whatever stands in the files.
    """
    if not folder.is_dir():
        raise ContentErrors([ContentError(folder, None, "There is no such folder.", "Put it back.")])
    try:
        return _load(folder, topics, today, said | _texts_of(serving))
    except OSError as error:  # a folder vanishes while it is listed
        problem = f"The folder can not be read ({error.strerror})."
        raise ContentErrors([ContentError(folder, None, problem, "Put it back.")]) from error


def _load(folder: Path, topics: Topics, today: date, said: Said) -> Content:
    problems: list[ContentError] = []
    facts = read_facts(folder, problems, today=today)
    can_measure = not problems
    catalog = read_catalog(folder, problems, topics=topics, today=today)
    texts = read_texts(folder, problems, facts=facts)
    bodies = read_bodies(folder, problems, facts=facts, catalog=catalog)
    problems.extend(_missing(folder, texts, said))
    if can_measure:
        problems.extend(error for body in bodies for error in check_body(body, facts.right))
        problems.extend(error for file in texts for error in check_texts(file, facts.right))
    if problems:
        raise ContentErrors(problems)
    return _whole(facts, catalog, texts, bodies)


def _texts_of(serving: Content | None) -> Said:
    return frozenset((name, key) for _, name, key in serving.texts) if serving else frozenset()


def _missing(folder: Path, files: list[TextFile], said: Said) -> Iterator[ContentError]:
    there = {(file.name, key) for file in files for key in file.keys}
    for name, key in sorted(said - there):
        for language in LANGUAGES:
            path = folder / language / f"{name}.yml"
            yield ContentError(path, None, f"“{key}” is gone, but the bot still says it.", "Put it back.")


def _whole(facts: Facts, catalog: Catalog, texts: list[TextFile], bodies: list[BodyFile]) -> Content:
    content = Content(
        entries=MappingProxyType(dict(catalog.right)),
        bodies=MappingProxyType({(file.language, file.answer): file.body for file in bodies if file.body}),
        facts=MappingProxyType(dict(facts.right)),
        texts=MappingProxyType(
            {(file.language, file.name, key): text for file in texts for key, text in file.texts.items()}
        ),
        version="",
    )
    return replace(content, version=hashlib.sha256(repr(content).encode()).hexdigest()[:VERSION_CHARS])
