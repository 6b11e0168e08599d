"""Puts content into words for a contact: facts filled in, dates shown, what must not be said held back. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from bot.content.dates import show_day
from bot.content.model import CatalogEntry, Content, Fact
from bot.content.placeholders import PLACEHOLDER
from bot.model import Language


@dataclass(frozen=True, kw_only=True)
class RenderedAnswer:
    """An answer in words. Where it is withheld, first says so, and more, sources and note are empty."""

    title: str
    first: str
    more: str
    sources: tuple[str, ...]
    note: str
    withheld: bool


def fill(text: str, facts: Mapping[str, Fact], language: Language, args: Mapping[str, str]) -> str:
    """The text with its placeholders filled by args, or else by facts.

    A line that uses a fact which is not verified becomes that fact's cautious sentence; the same sentence is not said
    twice in a row.

    Raises:
        KeyError: a placeholder is neither an argument nor a fact.
    """
    filled: list[str] = []
    for line in text.split("\n"):
        cautious = _cautious(line, facts, language, args)
        if not cautious:
            filled.append(_fill_line(line, facts, language, args))
        elif filled[-1:] != [cautious]:
            filled.append(cautious)
    return "\n".join(filled)


def _cautious(line: str, facts: Mapping[str, Fact], language: Language, args: Mapping[str, str]) -> str:
    """What stands in place of the line; empty if the line may stand."""
    used = (facts[name] for name in PLACEHOLDER.findall(line) if name not in args)
    sentences = dict.fromkeys(fact.cautious[language] for fact in used if not fact.verified)
    return " ".join(_fill_line(sentence, facts, language, {}) for sentence in sentences)


def _fill_line(line: str, facts: Mapping[str, Fact], language: Language, args: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: args[match[1]] if match[1] in args else facts[match[1]].value[language], line)


def text(content: Content, language: Language, key: str, /, **args: str) -> str:
    """What the bot says under this key; “web.send” is the key “send” of web.yml, “greeting” one of bot.yml.

    Raises:
        KeyError: there is no such text, or it needs an argument that is not given.
    """
    return _filled(content, language, key, tuple(args.items()))


@lru_cache(maxsize=4096)
def _filled(content: Content, language: Language, key: str, args: tuple[tuple[str, str], ...]) -> str:
    file, _, name = key.rpartition(".")
    return fill(content.texts[language, file or "bot", name], content.facts, language, dict(args))


def texts_of(content: Content, language: Language, file: str) -> dict[str, str]:
    """All texts of a file that needs no arguments, such as “web”, by key."""
    keys = (key for kept, name, key in content.texts if (kept, name) == (language, file))
    return {key: text(content, language, f"{file}.{key}") for key in keys}


def last_day(entry: CatalogEntry) -> date:
    """The last day on which the answer may be given."""
    return (entry.reviewed_on or entry.as_of.earliest) + timedelta(days=entry.expires_after_days)


def is_withheld(entry: CatalogEntry, *, now: date, withhold_unreviewed: bool) -> bool:
    """Whether the answer is too old, or may not be shown before its review."""
    waits = withhold_unreviewed and entry.withhold_unreviewed and not entry.reviewed_on
    return waits or now > last_day(entry)


def render_answer(
    content: Content, answer_id: str, language: Language, *, now: date, withhold_unreviewed: bool
) -> RenderedAnswer:
    """The answer in words, as of today (now).

    Args:
        withhold_unreviewed: hold back answers that say so until they are reviewed, as production must.

    Raises:
        KeyError: there is no such answer.
    """
    entry, body = content.entries[answer_id], content.bodies[language, answer_id]
    if is_withheld(entry, now=now, withhold_unreviewed=withhold_unreviewed):
        first = text(content, language, "withheld", title=body.title)
        return RenderedAnswer(title=body.title, first=first, more="", sources=(), note="", withheld=True)
    if entry.reviewed_on:
        note = text(content, language, "checked_on", reviewed_on=show_day(entry.reviewed_on))
    else:
        note = text(content, language, "not_confirmed", as_of=entry.as_of.shown)
    return RenderedAnswer(
        title=body.title,
        first=fill(body.first, content.facts, language, {}),
        more=fill(body.more, content.facts, language, {}),
        sources=tuple(
            f"- {source.title[language]}" + (f"\n  {source.url}" if source.url else "") for source in entry.sources
        ),
        note=note,
        withheld=False,
    )
