"""Seals words so that they are readable with their key, in their own cell of their own table, and nowhere else. Pure.

AES-256-GCM of the library `cryptography`, with a random nonce of 96 bits. A sealed value is one byte for the form, the
nonce, and the ciphertext with its tag: 29 bytes more than the words.
"""

import hashlib
import hmac
import os
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.errors import SealBroken

KEY_BYTES: Final = 32
_FORM: Final = b"\x01"
_NONCE_BYTES: Final = 12
_BEGIN: Final = len(_FORM) + _NONCE_BYTES


class Key:
    """A key that seals and opens, for far fewer than 2³² values: a nonce must not come twice."""

    def __init__(self, secret: bytes) -> None:
        """Of KEY_BYTES random bytes."""
        self._aead = AESGCM(secret)

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """The value, which opens only with the same about."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORM + nonce + self._aead.encrypt(nonce, plain, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """What seal() was given.

        Raises:
            SealBroken: another key or another about sealed it, or it was changed.
        """
        if sealed[:1] != _FORM:
            raise SealBroken("A value is not sealed in a form that this version knows.")
        try:
            return self._aead.decrypt(sealed[1:_BEGIN], sealed[_BEGIN:], about)
        except (InvalidTag, ValueError) as error:
            raise SealBroken("A sealed value does not open: it was moved or changed, or its key is another.") from error


def new_secret() -> bytes:
    """The bytes of a new key."""
    return os.urandom(KEY_BYTES)


def cell(table: str, column: str, row: UUID) -> bytes:
    """The name of one cell of the database, which a sealed value is bound to."""
    return f"{table}.{column}.".encode() + row.bytes


def digest(secret: bytes, *parts: str) -> bytes:
    """A name for these words that only who holds the secret can compute, the same each time: for look-ups.

    HMAC-SHA256 over the parts, each behind its length, so that no two lists of parts run together.
    """
    encoded = (part.encode("utf-8", "replace") for part in parts)
    return hmac.digest(secret, b"".join(len(part).to_bytes(4, "big") + part for part in encoded), hashlib.sha256)
