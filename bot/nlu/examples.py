"""Reads training examples: Rasa YAML in nlu/data, one file a theme; every error names the line of the example."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.documents import Document, YamlValue, read_yaml
from bot.errors import ContentError, ContentErrors
from bot.topics import Topics
from khmer_nlu import OUT_OF_SCOPE, match_key

EXAMPLE_MAX_CHARS: Final = 1000
_MARK: Final = "- "
_SHAPE: Final = "Write “- intent: name”, then “examples: |”, then one “- sentence” a line."


@dataclass(frozen=True, kw_only=True)
class Example:
    """A sentence, what it means, and where it stands; key: the same for sentences that say the same."""

    text: str
    key: str
    intent: str
    path: Path
    line: int


def intents_of(topics: Topics) -> frozenset[str]:
    """Every id that a sentence can mean."""
    return frozenset({*topics.answer_ids, *topics.flows, *topics.controls, *topics.crisis, OUT_OF_SCOPE})


def load_examples(folder: Path, topics: Topics) -> tuple[Example, ...]:
    """All examples of the folder's files.

    Raises:
        ContentErrors: everything that is wrong with them.
    """
    allowed = intents_of(topics)
    examples: list[Example] = []
    errors: list[ContentError] = []
    for path in sorted(folder.glob("*.yml")):
        try:
            for found in _examples_of(read_yaml(path), allowed):
                (errors if isinstance(found, ContentError) else examples).append(found)  # type: ignore[arg-type]
        except ContentError as error:
            errors.append(error)
    if not examples and not errors:
        errors.append(ContentError(folder, None, "There are no examples.", "Put the files *.yml back."))
    errors.extend(_collisions(examples))
    if errors:
        raise ContentErrors(errors)
    return tuple(examples)


def _examples_of(document: Document, allowed: frozenset[str]) -> Iterator[Example | ContentError]:
    blocks = document.value.get("nlu") if isinstance(document.value, dict) else None
    if not isinstance(blocks, list):
        yield document.error("There is no list under “nlu:”.", _SHAPE)
        return
    for place, block in enumerate(blocks):
        problem = _problem_of(block, allowed)
        if problem:
            yield document.error(*problem, "nlu", place, "intent")
        else:
            yield from _lines_of(document, place, block)


def _problem_of(block: YamlValue, allowed: frozenset[str]) -> tuple[str, str] | None:
    if not isinstance(block, dict) or not isinstance(block.get("intent"), str):
        return "This block has no intent.", _SHAPE
    if not isinstance(block.get("examples"), str) or not block["examples"].strip():
        return f"“{block['intent']}” has no examples.", _SHAPE
    if block["intent"] not in allowed:
        return f"There is no intent “{block['intent']}”.", "Use an id of nlu/topics.yml, or out_of_scope."
    return None


def _lines_of(document: Document, place: int, block: dict[str, str]) -> Iterator[Example | ContentError]:
    first = (document.line("nlu", place, "examples") or 0) + 1
    for line, written in enumerate(block["examples"].splitlines(), start=first):
        text = written.strip()
        if not text:
            continue
        sentence = text.removeprefix(_MARK).strip()
        key = match_key(sentence)
        if not text.startswith(_MARK) or not key:
            yield ContentError(document.path, line, "An example is “- ” and a sentence.", _SHAPE)
        elif len(sentence) > EXAMPLE_MAX_CHARS:
            problem = f"This example is longer than {EXAMPLE_MAX_CHARS} characters."
            yield ContentError(document.path, line, problem, "Cut it down.")
        else:
            yield Example(text=sentence, key=key, intent=block["intent"], path=document.path, line=line)


def _collisions(examples: list[Example]) -> Iterator[ContentError]:
    """Examples that say the same for two intents."""
    first: dict[str, Example] = {}
    for example in examples:
        other = first.setdefault(example.key, example)
        if other.intent != example.intent:
            where = f"{other.path.name}:{other.line} ({other.intent})"
            yield ContentError(example.path, example.line, f"The same sentence stands in {where}.", "Keep one of them.")
