"""What the name of a person is found by, however it was typed: without titles and spaces, in both orders."""

import unicodedata
from functools import cache

from khmer_nlu.normalise import match_key
from khmer_nlu.tables import table

_IN_NAMES = frozenset("LMN")  # letters, marks, numbers


def name_keys(name: str) -> frozenset[str]:
    """The keys of a name: as it stands, and with the first word last; none where there is nothing but titles.

    Two spellings of a name share a key where only titles, spaces, the order of family and given name, or what
    match_key() folds tells them apart. Nothing is guessed beyond that.
    """
    words = "".join(one if unicodedata.category(one)[0] in _IN_NAMES else " " for one in match_key(name)).split()
    while words and words[0] in _titles()[1]:
        words = words[1:]
    if not words:
        return frozenset()
    first = next((words[0].removeprefix(one) for one in _titles()[0] if words[0].startswith(one)), words[0])
    words = [first, *words[1:]] if first else words[1:]
    return frozenset(key for key in ("".join(words), "".join([*words[1:], *words[:1]])) if key)


@cache
def _titles() -> tuple[tuple[str, ...], frozenset[str]]:
    """Titles that people write together with the name, the longest first; all titles."""
    together = tuple(sorted(map(match_key, table("titles")["together"]), key=len, reverse=True))
    return together, frozenset((*together, *map(match_key, table("titles")["apart"])))
