"""What may stand in braces: the name of a fact, or of a value that the program fills in."""

import re
from collections.abc import Mapping
from typing import Final

PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")

ARGS: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("bot", "alarm_told"): frozenset({"what", "code"}),
    ("bot", "alarm_is_over"): frozenset({"what"}),
    ("bot", "case_line"): frozenset({"number", "status"}),
    ("bot", "checked_on"): frozenset({"reviewed_on"}),
    ("bot", "crisis_self_harm"): frozenset({"adult_line"}),
    ("bot", "handoff"): frozenset({"number"}),
    ("bot", "handoff_demo"): frozenset({"number"}),
    ("bot", "handoff_waiting"): frozenset({"number"}),
    ("bot", "handoff_waiting_demo"): frozenset({"number"}),
    ("bot", "not_confirmed"): frozenset({"as_of"}),
    ("bot", "theme_title"): frozenset({"theme"}),
    ("bot", "withheld"): frozenset({"title"}),
}
"""The values that the program gives to a text, by file and key. An editor who writes another one is told so at once;
without this table a contact would meet the failure."""


def names_in(text: str) -> frozenset[str]:
    """The names of all placeholders of the text."""
    return frozenset(PLACEHOLDER.findall(text))


def has_stray_brace(line: str) -> bool:
    """Whether a brace is left over that belongs to no placeholder."""
    rest = PLACEHOLDER.sub("", line)
    return "{" in rest or "}" in rest
