"""Reads what the bot and its pages say: the flat *.yml files of each language, one key, one text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from bot.content.facts import FILE as FACTS_FILE
from bot.content.facts import Facts
from bot.content.placeholders import ARGS, has_stray_brace, names_in
from bot.content.spelling import flaws
from bot.documents import Document, read_yaml
from bot.errors import ContentError
from bot.model import LANGUAGES, Language

NEEDED: Final = (("bot", "checked_on"), ("bot", "not_confirmed"), ("bot", "withheld"))
"""The texts without which no answer can be shown, by file and key."""
Said = frozenset[tuple[str, str]]
"""Texts that the program says, by file and key."""
_KEY: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class TextFile:
    """One file of texts in one language. keys are all that stand there, texts those that are texts."""

    language: Language
    name: str
    document: Document
    keys: frozenset[str]
    texts: Mapping[str, str]
    problems: list[ContentError] = field(repr=False)

    def wrong(self, problem: str, fix: str, key: str = "", line: int | None = None) -> None:
        """Notes what is wrong with the file, with the text of key, or with one line of that text (from 0)."""
        at = self.document.line(key) if key else None
        if at and line is not None:
            below = 1 if "\n" in self.texts[key] else 0  # a text of many lines starts below its key
            at += below + line
        self.problems.append(ContentError(self.document.path, at, problem, fix))


@cache
def said_by_program() -> Said:
    """Every text that this version says, as said.txt lists them; the words of the menu are checked with the menu."""
    lines = files("bot.content").joinpath("said.txt").read_text(encoding="utf-8").split()
    return frozenset((file, key) for file, _, key in (line.partition(".") for line in lines))


def read_texts(folder: Path, problems: list[ContentError], *, facts: Facts) -> list[TextFile]:
    """The texts of the folder; what is wrong with them goes to problems."""
    found: dict[tuple[Language, str], TextFile | None] = {}
    for language in LANGUAGES:
        for path in _files(folder / language):
            found[language, path.stem] = _file(path, language, problems)
    for language, name in found:
        _check_twin(folder, language, name, found, problems)
    read = [file for file in found.values() if file]
    for file in read:
        for key, text in file.texts.items():
            _check(file, key, text, facts)
    _check_needed(folder, read, problems)
    return read


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.yml") if not path.name.startswith("."))


def _file(path: Path, language: Language, problems: list[ContentError]) -> TextFile | None:
    try:
        document = read_yaml(path)
    except ContentError as error:
        problems.append(error)
        return None
    if not isinstance(document.value, dict):
        problems.append(document.error("There are no texts here.", "Write key: “text” for each."))
        return None
    texts = {key: text.strip() for key, text in document.value.items() if isinstance(text, str) and text.strip()}
    file = TextFile(
        language=language,
        name=path.stem,
        document=document,
        keys=frozenset(document.value),
        texts=texts,
        problems=problems,
    )
    for key in document.value:
        if not _KEY.fullmatch(key):
            file.wrong(f"“{key}” is no key.", "Leave the keys as they are; change only the texts.", key)
        if key not in texts:
            file.wrong(f"“{key}” has no text.", "Write one.", key)
    return file


def _check_twin(
    folder: Path,
    language: Language,
    name: str,
    found: Mapping[tuple[Language, str], TextFile | None],
    problems: list[ContentError],
) -> None:
    file = found[language, name]
    for other in LANGUAGES:
        if (other, name) not in found:
            path = folder / language / f"{name}.yml"
            problems.append(ContentError(path, None, f"It has no twin {other}/{name}.yml.", "Write it."))
            continue
        twin = found[other, name]
        if not file or not twin or twin is file:
            continue
        for key in twin.document.value:
            if key not in file.keys:
                file.wrong(f"“{key}” is missing; it stands in {other}/{name}.yml.", "Add it here, or delete it there.")
        for key in file.texts.keys() & twin.texts.keys():
            for missing in sorted(names_in(twin.texts[key]) - names_in(file.texts[key])):
                fix = "Use the same {names} in both languages."
                file.wrong(f"“{key}” lacks {{{missing}}}; {other}/{name}.yml has it.", fix, key)


def _check(file: TextFile, key: str, text: str, facts: Facts) -> None:
    for number, line in enumerate(text.split("\n")):
        if has_stray_brace(line):
            file.wrong("A brace stands alone.", "Write {name}, with both braces.", key, number)
    for flaw in flaws(text, file.language):
        file.wrong(flaw.problem, flaw.fix, key, flaw.line)
    for name in sorted(names_in(text) - ARGS.get((file.name, key), frozenset())):
        if facts.lack(name):
            file.wrong(f"There is no fact “{name}”.", f"Look up its name in {FACTS_FILE}.", key)


def _check_needed(folder: Path, read: list[TextFile], problems: list[ContentError]) -> None:
    for language in LANGUAGES:
        for name, key in NEEDED:
            file = next((file for file in read if (file.language, file.name) == (language, name)), None)
            if file and key not in file.keys:
                file.wrong(f"“{key}” is missing.", "Add it: every answer needs it.")
            elif file and key in file.texts:
                for arg in sorted(ARGS[name, key] - names_in(file.texts[key])):
                    file.wrong(f"“{key}” does not say {{{arg}}}.", "Put it where it belongs.", key)
            elif not (folder / language / f"{name}.yml").is_file():
                path = folder / language / f"{name}.yml"
                problems.append(ContentError(path, None, "This file is missing.", "Put it back."))
