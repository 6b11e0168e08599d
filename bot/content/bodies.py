"""Reads the answers, <language>/<theme>/<answer>.md: a title, the first bubble, a line ---, and what [More] opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.content.catalog import Catalog
from bot.content.facts import FILE as FACTS_FILE
from bot.content.facts import Facts
from bot.content.model import AnswerBody
from bot.content.placeholders import PLACEHOLDER, has_stray_brace, names_in
from bot.content.spelling import flaws
from bot.documents import read_text
from bot.errors import ContentError
from bot.model import LANGUAGES, Language

TITLE_MAX_CHARS: Final = 28
DIVIDER: Final = "---"
Place = tuple[Language, str]


@dataclass(frozen=True, kw_only=True)
class BodyFile:
    """One file of an answer; body is None where its parts could not be told apart."""

    language: Language
    theme: str
    answer: str
    path: Path
    text: str
    body: AnswerBody | None


def read_bodies(folder: Path, problems: list[ContentError], *, facts: Facts, catalog: Catalog) -> list[BodyFile]:
    """The answers of the folder; what is wrong with them goes to problems."""
    files: dict[Place, BodyFile] = {}
    paths: dict[Place, Path] = {}
    for language in LANGUAGES:
        for path in sorted(path for path in (folder / language).rglob("*.md") if not path.name.startswith(".")):
            place = (language, path.stem)
            if path.parent.parent != folder / language:
                problem = "This file lies in no folder of a theme."
                problems.append(ContentError(path, None, problem, f"Move it to {language}/<theme>/{path.name}."))
            elif place in paths:
                problem = f"The answer “{path.stem}” stands in {paths[place].parent.name}/ too."
                problems.append(ContentError(path, None, problem, "Delete one of the two files."))
            else:
                paths[place] = path
                file = _file(path, language, problems, facts)
                if file:
                    files[place] = file
    for (language, answer), path in paths.items():
        _check_place(folder, path, language, answer, paths, catalog, problems)
    for file in files.values():
        _check_twin(file, files, problems)
    _check_written(paths, catalog, problems)
    return list(files.values())


def _file(path: Path, language: Language, problems: list[ContentError], facts: Facts) -> BodyFile | None:
    try:
        text = read_text(path)
    except ContentError as error:
        problems.append(error)
        return None
    for number, line in enumerate(text.split("\n"), start=1):
        if has_stray_brace(line):
            problems.append(ContentError(path, number, "A brace stands alone.", "Write {name}, with both braces."))
        for name in PLACEHOLDER.findall(line):
            if facts.lack(name):
                fix = f"Look up its name in {FACTS_FILE}."
                problems.append(ContentError(path, number, f"There is no fact “{name}”.", fix))
    for flaw in flaws(text, language):
        problems.append(ContentError(path, flaw.line + 1, flaw.problem, flaw.fix))
    body = _body(path, text, problems)
    return BodyFile(language=language, theme=path.parent.name, answer=path.stem, path=path, text=text, body=body)


def _body(path: Path, text: str, problems: list[ContentError]) -> AnswerBody | None:
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if line.strip()), 0)
    title = lines[start].removeprefix("# ").strip()
    if not lines[start].startswith("# ") or not title:
        problems.append(ContentError(path, start + 1, "The title is missing.", "Start the file with a line “# Title”."))
    elif len(title) > TITLE_MAX_CHARS:
        problem = f"The title has {len(title)} characters; it stands on a button, which holds {TITLE_MAX_CHARS}."
        problems.append(ContentError(path, start + 1, problem, "Make it shorter."))
    elif "{" in title:
        problem = "A title can not hold a fact."
        problems.append(ContentError(path, start + 1, problem, "Write it without {…}."))
    dividers = [number for number, line in enumerate(lines) if line.strip() == DIVIDER]
    if len(dividers) != 1:
        line_number = dividers[1] + 1 if dividers else None
        problem = f"There are {len(dividers)} lines “{DIVIDER}”; one must part the first bubble from the rest."
        problems.append(ContentError(path, line_number, problem, f"Keep one line that holds only {DIVIDER}."))
        return None
    first = "\n".join(lines[start + 1 : dividers[0]]).strip()
    more = "\n".join(lines[dividers[0] + 1 :]).strip()
    for words, name in ((first, f"before “{DIVIDER}”"), (more, f"after “{DIVIDER}”")):
        if not words:
            problems.append(ContentError(path, dividers[0] + 1, f"Nothing stands {name}.", "Write it."))
    return AnswerBody(title=title, first=first, more=more)


def _check_place(
    folder: Path,
    path: Path,
    language: Language,
    answer: str,
    paths: Mapping[Place, Path],
    catalog: Catalog,
    problems: list[ContentError],
) -> None:
    theme = path.parent.name
    for other in LANGUAGES:
        if (other, answer) not in paths:
            twin = folder / other / theme / path.name
            problems.append(ContentError(path, None, f"Its twin {twin} is missing.", "Write it, or delete this one."))
    if catalog.lines is not None and answer not in catalog.lines:
        problem, fix = f"“{answer}” has no entry in {catalog.path.name}.", "Add one, or delete this file."
        problems.append(ContentError(path, None, problem, fix))
    entry = catalog.right.get(answer)
    if entry and entry.theme != theme:
        problem = f"This file lies in {theme}/, but its theme is “{entry.theme}”."
        problems.append(ContentError(path, None, problem, f"Move it to {language}/{entry.theme}/."))


def _check_twin(file: BodyFile, files: Mapping[Place, BodyFile], problems: list[ContentError]) -> None:
    for other in LANGUAGES:
        twin = files.get((other, file.answer), file)
        for name in sorted(names_in(twin.text) - names_in(file.text)):
            problem = f"{{{name}}} is missing here; {twin.path} has it."
            problems.append(ContentError(file.path, None, problem, "Use the same {names} in both languages."))


def _check_written(paths: Mapping[Place, Path], catalog: Catalog, problems: list[ContentError]) -> None:
    written = {answer for _, answer in paths}
    for answer, line in (catalog.lines or {}).items():
        if answer not in written:
            fix = f"Write km/<theme>/{answer}.md and en/<theme>/{answer}.md, or delete the entry."
            problems.append(ContentError(catalog.path, line, f"“{answer}” has no words.", fix))
