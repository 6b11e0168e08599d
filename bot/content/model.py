"""The values that content is made of: what editors wrote, checked, and never changed again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from bot.model import Language

FactKind = Literal["phone", "amount", "date", "period", "text"]
Words = Mapping[Language, str]
"""The same thing said in each language."""


@dataclass(frozen=True, kw_only=True)
class AsOf:
    """A day, month or year, as precisely as it is known.

    earliest is its first day, shown is D-M-YYYY, M-YYYY or YYYY.
    """

    earliest: date
    shown: str


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A named value used in answers. Unless it is verified, `cautious` stands in place of every line that uses it.

    cautious is empty where nobody wrote one; the loader refuses that for a fact which is not verified.
    """

    name: str
    value: Words
    kind: FactKind
    source_id: str
    as_of: AsOf
    verified: bool
    cautious: Words


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where an answer has its information from; url may be empty."""

    title: Words
    url: str


@dataclass(frozen=True, kw_only=True)
class CatalogEntry:
    """What is known about an answer beside its words.

    Args:
        facts: rows of the fact file that it rests on.
        reviewed_on, reviewed_by: set only by a named person of the organisation.
        expires_after_days: counted from the review, or else from as_of.
        withhold_unreviewed: production does not show it before its review.
        offers: flows, by name.
        related: other answers, by id.
    """

    id: str
    theme: str
    facts: tuple[str, ...]
    sources: tuple[Source, ...]
    as_of: AsOf
    reviewed_on: date | None
    reviewed_by: str
    expires_after_days: int
    withhold_unreviewed: bool
    offers: tuple[str, ...]
    related: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AnswerBody:
    """The words of an answer in one language, with their {placeholders}: first bubble, then what [More] opens."""

    title: str
    first: str
    more: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Content:
    """One whole, valid set of content. Entries keep the order of the catalog. Equal to itself alone: a key of caches.

    texts go by language, file ("bot", "web", …) and key. The same files give the same version.
    """

    entries: Mapping[str, CatalogEntry]
    bodies: Mapping[tuple[Language, str], AnswerBody]
    facts: Mapping[str, Fact]
    texts: Mapping[tuple[Language, str, str], str]
    version: str

    def keys_of(self, file: str) -> frozenset[str]:
        """The keys of a file of texts, the same in every language."""
        return frozenset(key for _, name, key in self.texts if name == file)
