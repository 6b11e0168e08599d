"""What the name of a person is found by, however it was typed: with and without titles, in both orders, unspaced."""

import unicodedata
from functools import cache

from khmer_nlu.normalise import match_key
from khmer_nlu.tables import table

_IN_NAMES = frozenset("LMN")  # letters, marks, numbers


def name_keys(name: str) -> frozenset[str]:
    """The keys of a name; none where there is no letter.

    Two spellings of a name share a key where only titles, spaces, the order of family and given name, or what
    match_key() folds tells them apart. A title may be a name as well, so the name with it has a key of its own.
    Nothing is guessed beyond that.
    """
    key = match_key(name)
    if not any(unicodedata.category(one)[0] == "L" for one in key):
        return frozenset()
    words = "".join(one if unicodedata.category(one)[0] in _IN_NAMES else " " for one in key).split()
    return frozenset(key for form in (words, _without_titles(words)) if form for key in _in_both_orders(form))


def _in_both_orders(words: list[str]) -> tuple[str, str]:
    return "".join(words), "".join([*words[1:], *words[:1]])


def _without_titles(words: list[str]) -> list[str]:
    together, apart = _titles()
    while words and words[0] in apart:
        words = words[1:]
    if not words:
        return []
    first, rest = words[0], words[1:]
    for title in together:
        after = first.removeprefix(title)
        if after != first and not unicodedata.category(after[0]).startswith("M"):  # else the title is half a syllable
            return [after, *rest]
    return [first, *rest]


@cache
def _titles() -> tuple[tuple[str, ...], frozenset[str]]:
    """Titles that people write together with the name, the longest first; all titles."""
    together = tuple(sorted(map(match_key, table("titles")["together"]), key=len, reverse=True))
    return together, frozenset((*together, *map(match_key, table("titles")["apart"])))
