"""Buttons that are typed: by their words, or by their number in the list. Pure."""

import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from khmer_nlu import match_key

TYPED_CHOICE_MAX_CHARS: Final = 50
"""Longer messages are no button's words, which have 40 characters at most."""


def place_typed(key: str, titles: Iterable[str]) -> int | None:
    """Which of the buttons, from 0, a message of this match key names; None if it names none."""
    key = key.strip()
    if not key:
        return None
    return next((i for i, title in enumerate(titles) if key in (str(i + 1), _title_key(title))), None)


def checksums_of(titles: Iterable[str]) -> tuple[int, ...]:
    """What can be remembered of the buttons, so that may_name() answers without them."""
    return tuple(_checksum(_title_key(title)) for title in titles)


def may_name(key: str, offered: tuple[int, ...] | None) -> bool:
    """False only where place_typed() gives None for the buttons with these checksums. None: they are not known."""
    key = key.strip()
    if not key or len(key) > TYPED_CHOICE_MAX_CHARS:
        return False
    return offered is None or key.isdecimal() or _checksum(key) in offered


@lru_cache(maxsize=1024)
def _title_key(title: str) -> str:
    return match_key(title).strip()


def _checksum(key: str) -> int:
    return zlib.crc32(key.encode("utf-8", "replace"))
