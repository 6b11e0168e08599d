"""Reads YAML and Markdown files that people edit: strings only, with line numbers and errors for an editor.

YAML scalars stay strings: a usual loader turns 8:30 into 510 and the phone 012345671 into 2739129.
Whatever stands in a file, reading it raises ContentError and nothing else.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from bot.errors import ContentError, ContentErrors

Key = str | int
YamlValue = Any  # dict[str, YamlValue] | list[YamlValue] | str; mypy has no readable recursive form of it
M = TypeVar("M", bound=BaseModel)
_Lines = dict[tuple[Key, ...], int]

MAX_BYTES: Final = 5_000_000
MAX_DEPTH: Final = 30
_TOO_DEEP: Final = "nesting depth"  # libyaml gives up before our own limit is seen, from PyYAML 6.0.4 on
"""PyYAML composes by recursion in C: 100,000 nested brackets end the whole process."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A YAML file as plain dicts, lists and strings, and the line on which each of its parts starts."""

    path: Path
    value: YamlValue
    lines: _Lines = field(repr=False)

    def line(self, *keys: Key) -> int | None:
        """The line of the part at keys, or of the nearest part around it."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys)

    def error(self, problem: str, fix: str, *keys: Key) -> ContentError:
        """What is wrong with the part at keys."""
        return ContentError(self.path, self.line(*keys), problem, fix)


def read_text(path: Path) -> str:
    """The file as text, line ends as newline.

    Raises:
        ContentError: the file is missing, too large or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ContentError(path, None, f"The file can not be read ({error.strerror}).", "Put it back.") from error
    if len(content) > MAX_BYTES:
        raise ContentError(path, None, f"The file is larger than {MAX_BYTES:,} bytes.", "Split it.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ContentError(path, line, "This is not UTF-8 text.", "Save the file as UTF-8.") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_yaml(path: Path) -> Document:
    """The file as a Document.

    Raises:
        ContentError: the file is missing, not UTF-8, not YAML, nested too deep, or names a key twice.
    """
    text = read_text(path)
    try:
        _refuse_depth(path, text)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if error.problem and _TOO_DEEP in error.problem:
            raise _nested_too_deep(path, mark.line + 1 if mark else None) from error
        problem = f"This is not YAML: {error.problem or error.context}."
        fix = "Look at the colons, quotes and spaces at the start of this line and the one before."
        raise ContentError(path, mark.line + 1 if mark else None, problem, fix) from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise ContentError(path, _line_of_bad_character(text), "A character is not allowed here.", _DELETE) from error
    reader = _Reader(path)
    return Document(path=path, value="" if node is None else reader.plain(node, ()), lines=reader.lines)


_DELETE: Final = "Delete the hidden character on this line and type the words again."


def _line_of_bad_character(text: str) -> int | None:
    bad = yaml.reader.Reader.NON_PRINTABLE.search(text)
    return text.count("\n", 0, bad.start()) + 1 if bad else None


def _refuse_depth(path: Path, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else None
            raise _nested_too_deep(path, line)


def _nested_too_deep(path: Path, line: int | None) -> ContentError:
    return ContentError(path, line, "This is nested too deep.", "Look for brackets that nobody closed.")


@dataclass(frozen=True)
class _Reader:
    """Turns YAML nodes into plain values and notes their lines; a node met twice is an alias, which could explode."""

    path: Path
    lines: _Lines = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)

    def plain(self, node: yaml.Node, keys: tuple[Key, ...]) -> YamlValue:
        line = node.start_mark.line + 1
        if id(node) in self.seen:
            raise ContentError(self.path, line, "“*” and “&” aliases are not read here.", "Write the text out again.")
        self.seen.add(id(node))
        self.lines.setdefault(keys, line)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, keys)
            case yaml.SequenceNode():
                return [self.plain(item, (*keys, index)) for index, item in enumerate(node.value)]
            case _:
                return str(node.value)

    def _mapping(self, node: yaml.MappingNode, keys: tuple[Key, ...]) -> dict[str, YamlValue]:
        mapping: dict[str, YamlValue] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                problem = "What stands before this “:” is not a name."
                raise ContentError(self.path, line, problem, "Put quotes around a text that starts with { or [.")
            key = str(key_node.value)
            if key in mapping:
                raise ContentError(self.path, line, f"“{key}” stands here twice.", "Keep one of them.")
            self.lines[(*keys, key)] = line
            mapping[key] = self.plain(value_node, (*keys, key))
        return mapping


def parse_as(model: type[M], document: Document, *keys: Key) -> M:
    """The part of the document at keys as a value of model.

    Raises:
        ContentErrors: everything that does not fit, each with its line.
    """
    try:
        part = document.value
        for key in keys:
            part = part[key]
    except (KeyError, IndexError, TypeError) as error:
        name = ".".join(map(str, keys))
        raise ContentErrors([document.error(f"“{name}” is missing.", "Add it.", *keys)]) from error
    try:
        return model.model_validate(part)
    except ValidationError as error:
        raise ContentErrors(
            [
                document.error(
                    f"{'.'.join(map(str, (*keys, *problem['loc'])))}: {problem['msg']}.",
                    "See the neighbours for how it should look.",
                    *keys,
                    *problem["loc"],
                )
                for problem in error.errors()
            ]
        ) from error
