"""Reads flows/*.yml into values, and says what is wrong in an editor's words."""

from pathlib import Path
from typing import Final

from bot.documents import Document, YamlValue, read_yaml
from bot.errors import ContentError, ContentErrors
from bot.flows.model import Action, Choice, Do

MENU_MAX: Final = 6
_KINDS: Final = ("answer", "control", "topics")
_FIX: Final = "Write answer: <answer>, control: <control> or topics: all."


def load_menu(folder: Path, *, answers: frozenset[str], controls: frozenset[str]) -> tuple[Choice, ...]:
    """The menu of menu.yml in folder.

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
    found = [_choice(document, index, line, answers, controls) for index, line in enumerate(lines)]
    errors = [item for item in found if isinstance(item, ContentError)]
    if errors:
        raise ContentErrors(errors)
    return tuple(item for item in found if isinstance(item, Choice))


def _choice(
    document: Document, index: int, line: YamlValue, answers: frozenset[str], controls: frozenset[str]
) -> Choice | ContentError:
    if not isinstance(line, dict) or len(line) != 1 or next(iter(line)) not in _KINDS:
        return document.error("This line of the menu is not understood.", _FIX, "menu", index)
    kind, name = next(iter(line.items()))
    if kind == "topics":
        return Choice(action=Action(do=Do.TOPICS), title="menu_topics")
    if name not in (answers if kind == "answer" else controls):
        return document.error(f"There is no {kind} “{name}”.", "Look up its id in nlu/topics.yml.", "menu", index)
    if kind == "answer":
        return Choice(action=Action(do=Do.ANSWER, of=name), title=f"menu_{name}")
    return Choice(action=Action(do=Do.CONTROL, of=name))
