"""Reads catalog.yml: one entry for each answer, with where it belongs, what it rests on and who checked it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from bot.content.fields import Fields
from bot.content.model import CatalogEntry, Source
from bot.documents import Document, read_yaml
from bot.errors import ContentError
from bot.topics import Topics

FILE: Final = "catalog.yml"
EXPIRES_AFTER_MAX_DAYS: Final = 1100
_FIELDS: Final = (
    "theme",
    "facts",
    "sources",
    "as_of",
    "reviewed_on",
    "reviewed_by",
    "expires_after_days",
    "withhold_unreviewed",
    "offers",
    "related",
)
_URL: Final = re.compile(r"https?://[^\s<>\"{}]+")


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """What catalog.yml holds: the entries that are right, and the line of each answer (None: not readable)."""

    path: Path
    right: Mapping[str, CatalogEntry]
    lines: Mapping[str, int | None] | None


def read_catalog(folder: Path, problems: list[ContentError], *, topics: Topics, today: date) -> Catalog:
    """The catalog of the folder; what is wrong with it goes to problems."""
    path = folder / FILE
    try:
        document = read_yaml(path)
    except ContentError as error:
        problems.append(error)
        return Catalog(path=path, right={}, lines=None)
    answers = document.value.get("answers") if isinstance(document.value, dict) else None
    if not isinstance(answers, dict) or len(document.value) != 1:
        problems.append(document.error("The catalog is one list under “answers:”.", "Put every entry below it."))
        return Catalog(path=path, right={}, lines=None)
    found = {answer: _entry(document, answer, problems, topics, today) for answer in answers}
    for entry in found.values():
        if entry:
            _check_related(document, entry, frozenset(found), problems)
    lines = {answer: document.line("answers", answer) for answer in answers}
    return Catalog(path=path, right={answer: entry for answer, entry in found.items() if entry}, lines=lines)


def _entry(
    document: Document, answer: str, problems: list[ContentError], topics: Topics, today: date
) -> CatalogEntry | None:
    before = len(problems)
    fields = Fields(document=document, keys=("answers", answer), problems=problems)
    if answer not in topics.answer_ids:
        fields.wrong(f"“{answer}” is no answer that the bot understands.", "Look up its id in nlu/topics.yml.")
    if not fields.are_fields(_FIELDS):
        return None
    entry = CatalogEntry(
        id=answer,
        theme=fields.text("theme"),
        facts=fields.names("facts"),
        sources=_sources(fields),
        as_of=fields.as_of("as_of", today=today),
        reviewed_on=fields.day("reviewed_on", today=today),
        reviewed_by=fields.text("reviewed_by", may_be_empty=True),
        expires_after_days=fields.number("expires_after_days", highest=EXPIRES_AFTER_MAX_DAYS),
        withhold_unreviewed=fields.flag("withhold_unreviewed"),
        offers=fields.names("offers"),
        related=fields.names("related"),
    )
    _check(fields, entry, topics)
    return entry if len(problems) == before else None


def _sources(fields: Fields) -> tuple[Source, ...]:
    value = fields.document.value["answers"][fields.keys[-1]].get("sources")
    if not isinstance(value, list) or not value:
        fields.wrong("An answer needs at least one source.", "Write sources: and below it - title: {km: …, en: …}.")
        return ()
    places = [
        Fields(document=fields.document, keys=(*fields.keys, "sources", index), problems=fields.problems)
        for index in range(len(value))
    ]
    return tuple(_source(place) for place in places if place.are_fields(("title", "url")))


def _source(fields: Fields) -> Source:
    url = fields.text("url", may_be_empty=True)
    if url and not _URL.fullmatch(url):
        fields.wrong(f"“{url}” is no web address.", "Copy it whole from the browser, from https:// on.", "url")
    return Source(title=fields.words("title"), url=url)


def _check(fields: Fields, entry: CatalogEntry, topics: Topics) -> None:
    if entry.theme and entry.theme not in topics.themes:
        fields.wrong(f"There is no theme “{entry.theme}”.", f"Write one of: {', '.join(topics.themes)}.", "theme")
    elif entry.theme and entry.id in topics.answer_ids and entry.id not in topics.answers.get(entry.theme, ()):
        fields.wrong(f"“{entry.id}” does not belong to “{entry.theme}”.", "See its theme in nlu/topics.yml.", "theme")
    if entry.reviewed_on and not entry.reviewed_by:
        fields.wrong("There is a day of review, but nobody who reviewed.", "Write who did in reviewed_by.")
    if entry.reviewed_by and not entry.reviewed_on:
        fields.wrong("Somebody reviewed, but there is no day of review.", "Write the day in reviewed_on.")
    for index, flow in enumerate(entry.offers):
        if flow not in topics.flows.values():
            fix = f"Write one of: {', '.join(topics.flows.values())}."
            fields.wrong(f"There is no flow “{flow}”.", fix, "offers", index)


def _check_related(
    document: Document, entry: CatalogEntry, answers: frozenset[str], problems: list[ContentError]
) -> None:
    fields = Fields(document=document, keys=("answers", entry.id), problems=problems)
    for index, answer in enumerate(entry.related):
        if answer == entry.id:
            fields.wrong("An answer is not related to itself.", "Take it off the list.", "related", index)
        elif answer not in answers:
            fields.wrong(f"There is no answer “{answer}” in the catalog.", "Take it off.", "related", index)
