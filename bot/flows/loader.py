"""Reads flows/*.yml into values, and says what is wrong in an editor's words."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from bot.documents import Document, YamlValue, read_yaml
from bot.errors import ContentError, ContentErrors
from bot.flows.model import Action, Choice, Do

MENU_MAX: Final = 6
_KINDS: Final = ("answer", "control", "topics")
_FIX: Final = "Write answer: <answer>, control: <control> or topics: all."


def load_menu(
    folder: Path, *, answers: Collection[str], controls: Collection[str], titles: Collection[str]
) -> tuple[Choice, ...]:
    """The menu of menu.yml in folder.

    Args:
        answers: those that are written; controls: those of nlu/topics.yml; titles: the keys of content/*/bot.yml.

    Raises:
        ContentErrors: everything that is wrong with it.
    """
    try:
        document = read_yaml(folder / "menu.yml")
    except ContentError as error:
        raise ContentErrors([error]) from error
    lines = document.value.get("menu") if isinstance(document.value, dict) else None
    if not isinstance(lines, list) or not 1 <= len(lines) <= MENU_MAX:
        raise ContentErrors([document.error(f"The menu needs 1 to {MENU_MAX} lines under “menu:”.", _FIX, "menu")])
    found = [_choice(document, index, line, answers, controls, titles) for index, line in enumerate(lines)]
    errors = [item for item in found if isinstance(item, ContentError)]
    if errors:
        raise ContentErrors(errors)
    return tuple(item for item in found if isinstance(item, Choice))


def _choice(
    document: Document,
    index: int,
    line: YamlValue,
    answers: Collection[str],
    controls: Collection[str],
    titles: Collection[str],
) -> Choice | ContentError:
    if not isinstance(line, dict) or len(line) != 1 or next(iter(line)) not in _KINDS:
        return document.error("This line of the menu is not understood.", _FIX, "menu", index)
    kind, name = next(iter(line.items()))
    if kind == "answer" and name not in answers:
        return document.error(f"There is no answer “{name}”.", "Choose one of content/catalog.yml.", "menu", index)
    if kind == "control" and name not in controls:
        return document.error(f"There is no control “{name}”.", "Look up its id in nlu/topics.yml.", "menu", index)
    title = f"control_{name}" if kind == "control" else f"menu_{'topics' if kind == 'topics' else name}"
    if title not in titles:
        return document.error("This line has no words.", f"Write “{title}” in content/*/bot.yml.", "menu", index)
    if kind == "topics":
        return Choice(action=Action(do=Do.TOPICS), title=title)
    if kind == "answer":
        return Choice(action=Action(do=Do.ANSWER, of=name), title=title)
    return Choice(action=Action(do=Do.CONTROL, of=name))
