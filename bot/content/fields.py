"""Reads the fields of one entry of a YAML file; what is wrong with them is noted in an editor's words, not raised."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from bot.content.dates import parse_as_of, parse_day
from bot.content.model import AsOf, Words
from bot.documents import Document, Key, YamlValue
from bot.errors import ContentError
from bot.model import LANGUAGES

NEVER: Final = AsOf(earliest=date.min, shown="")
_DAY_FIX: Final = "Write it as 2026-11-22."
T = TypeVar("T", bound=str)


@dataclass(frozen=True, kw_only=True)
class Fields:
    """The fields at keys of the document. Each method gives the field, or notes a problem and gives an empty value."""

    document: Document
    keys: tuple[Key, ...]
    problems: list[ContentError]

    @property
    def _value(self) -> YamlValue:
        value = self.document.value
        for key in self.keys:
            value = value[key]
        return value

    def _name(self, *keys: Key) -> str:
        """How an editor would call the part at keys: unpaid_wages.as_of, sources.0.title."""
        around = self.keys[-1:] if isinstance(self.keys[-1], str) else self.keys[-2:]
        return ".".join(map(str, (*around, *keys)))

    def wrong(self, problem: str, fix: str, *keys: Key) -> None:
        """Notes what is wrong with the part at keys, below the fields."""
        self.problems.append(self.document.error(problem, fix, *self.keys, *keys))

    def are_fields(self, allowed: Collection[str]) -> bool:
        """Whether there are fields at all; a field that is not allowed is noted."""
        if not isinstance(self._value, dict):
            self.wrong(f"“{self._name()}” has no fields.", f"It may have: {', '.join(allowed)}.")
            return False
        for name in self._value:
            if name not in allowed:
                self.wrong(f"“{self._name(name)}” is not known here.", f"It may be: {', '.join(allowed)}.", name)
        return True

    def has(self, name: str) -> bool:
        """Whether the field stands there at all."""
        return name in self._value

    def text(self, name: str, *, may_be_empty: bool = False) -> str:
        """A field of one text."""
        value = self._value.get(name, "")
        if not isinstance(value, str):
            self.wrong(f"“{self._name(name)}” needs one text.", "Write it in quotes on the same line.", name)
            return ""
        if not value.strip() and not may_be_empty:
            self.wrong(f"“{self._name(name)}” is missing or empty.", "Write it.", name)
        return value.strip()

    def words(self, name: str, *, or_one_text: bool = True) -> Words:
        """A field with a text for each language, or one text for all."""
        value = self._value.get(name)
        if not isinstance(value, dict):
            text = self.text(name)
            if text and not or_one_text:
                self.wrong(f"“{self._name(name)}” is in one language only.", "Write {km: …, en: …}.", name)
            return dict.fromkeys(LANGUAGES, text)
        inner = Fields(document=self.document, keys=(*self.keys, name), problems=self.problems)
        inner.are_fields(LANGUAGES)
        return {language: inner.text(language) for language in LANGUAGES}

    def choice(self, name: str, allowed: tuple[T, ...]) -> T:
        """A field that is one of the allowed words."""
        value = self.text(name)
        if value in allowed:
            return allowed[allowed.index(value)]
        if value:
            self.wrong(f"“{self._name(name)}” is “{value}”.", f"Write one of: {', '.join(allowed)}.", name)
        return allowed[0]

    def flag(self, name: str) -> bool:
        """A field that is true or false."""
        return self.choice(name, ("false", "true")) == "true"

    def number(self, name: str, *, highest: int) -> int:
        """A field that is a whole number from 1 on."""
        value = self.text(name)
        if value.isascii() and value.isdigit() and len(value) <= len(str(highest)) and 1 <= int(value) <= highest:
            return int(value)
        if value:
            self.wrong(f"“{self._name(name)}” is “{value}”.", f"Write a number from 1 to {highest}.", name)
        return 1

    def as_of(self, name: str, *, today: date) -> AsOf:
        """A field that is a day, a month or a year, not in the future."""
        value = self.text(name)
        try:
            as_of = parse_as_of(value)
        except ValueError:
            if value:
                fix = f"{_DAY_FIX[:-1]}, 2026-11 or 2026."
                self.wrong(f"“{self._name(name)}” is “{value}”, which is no date.", fix, name)
            return NEVER
        if as_of.earliest > today:
            self.wrong(f"“{self._name(name)}” is “{value}”, which is in the future.", "Write the right date.", name)
        return as_of

    def day(self, name: str, *, today: date) -> date | None:
        """A field that is a day, not in the future, or empty."""
        value = self.text(name, may_be_empty=True)
        if not value:
            return None
        try:
            day = parse_day(value)
        except ValueError:
            self.wrong(f"“{self._name(name)}” is “{value}”, which is no date.", _DAY_FIX, name)
            return None
        if day > today:
            self.wrong(f"“{self._name(name)}” is “{value}”, which is in the future.", "Write the right date.", name)
        return day

    def names(self, name: str) -> tuple[str, ...]:
        """A field that is a list of names, each once."""
        value = self._value.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.wrong(f"“{self._name(name)}” is no list of names.", "Write it as [first, second], or [].", name)
            return ()
        for index, item in enumerate(value):
            if item in value[:index]:
                self.wrong(f"“{self._name(name)}” names “{item}” twice.", "Keep one of them.", name, index)
        return tuple(value)
