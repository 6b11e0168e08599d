"""Words as they are held in the database: the one place through which what people wrote goes in and out."""

from typing import overload


@overload
def to_bytes(text: str) -> bytes: ...
@overload
def to_bytes(text: None) -> None: ...
def to_bytes(text: str | None) -> bytes | None:
    """The words as stored; half a surrogate pair, which is no character, becomes a question mark."""
    return None if text is None else text.encode("utf-8", "replace")


@overload
def to_text(stored: bytes) -> str: ...
@overload
def to_text(stored: None) -> None: ...
def to_text(stored: bytes | None) -> str | None:
    """The words that were stored."""
    return None if stored is None else stored.decode("utf-8")
