"""Reads nlu/topics.yml, the contract of what the bot understands; content may only hold what stands there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.documents import Document, read_yaml
from bot.errors import ContentError, ContentErrors

_SECTIONS: Final = ("themes", "answers", "flows", "controls", "crisis")
_FIX: Final = "See how the other lines of this file look."


@dataclass(frozen=True, kw_only=True, eq=False)
class Topics:
    """All that the bot can understand. Equal to itself alone: a key of caches.

    Args:
        themes: theme to its English name.
        answers: theme to the ids of its answers, in order.
        flows: intent (start_wage_claim) to the flow it starts (wage_claim).
        controls: intents that every conversation understands.
        crisis: ids that are found before and beside the classifier.
        fallback: the name for “not understood”.
    """

    themes: Mapping[str, str]
    answers: Mapping[str, tuple[str, ...]]
    flows: Mapping[str, str]
    controls: tuple[str, ...]
    crisis: tuple[str, ...]
    fallback: str

    @property
    def answer_ids(self) -> frozenset[str]:
        """The ids of the answers of all themes."""
        return frozenset(answer for answers in self.answers.values() for answer in answers)


def load_topics(path: Path) -> Topics:
    """The topics of the file.

    Raises:
        ContentErrors: everything that is wrong with it.
    """
    try:
        document = read_yaml(path)
    except ContentError as error:
        raise ContentErrors([error]) from error
    problems = list(_problems(document))
    if problems:
        raise ContentErrors(problems)
    value = document.value
    return Topics(
        themes=value["themes"],
        answers={theme: tuple(answers) for theme, answers in value["answers"].items()},
        flows=value["flows"],
        controls=tuple(value["controls"]),
        crisis=tuple(value["crisis"]),
        fallback=value["fallback"],
    )


def _problems(document: Document) -> list[ContentError]:
    value = document.value if isinstance(document.value, dict) else {}
    problems = [
        document.error(f"“{section}” is missing, or holds no list of names.", _FIX, section)
        for section in _SECTIONS
        if not isinstance(value.get(section), dict)
    ]
    if not isinstance(value.get("fallback"), str):
        problems.append(document.error("“fallback” is missing.", _FIX))
    return problems or _problems_inside(document)


def _problems_inside(document: Document) -> list[ContentError]:
    value, problems = document.value, []
    for section in ("themes", "flows"):
        for name, words in value[section].items():
            if not isinstance(words, str):
                problems.append(document.error(f"“{name}” needs one text.", _FIX, section, name))
    seen: set[str] = set()
    for theme, answers in value["answers"].items():
        if theme not in value["themes"]:
            problems.append(document.error(f"There is no theme “{theme}”.", "Name it in “themes”.", "answers", theme))
        if not isinstance(answers, dict):
            problems.append(document.error(f"“{theme}” holds no answers.", _FIX, "answers", theme))
            continue
        for answer in answers:
            if answer in seen:
                problem = f"“{answer}” stands in two themes."
                problems.append(document.error(problem, "Keep one of them.", "answers", theme, answer))
            seen.add(answer)
    return problems
