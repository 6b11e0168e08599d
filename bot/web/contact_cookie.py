"""The cookie that names a web chat's contact: a random token, of which the database sees only the hash."""

import hashlib
import re
import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

COOKIE: Final = "contact"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_ONE_YEAR_S: Final = 365 * 24 * 3600


def new_token() -> str:
    """A token of 256 random bits."""
    return secrets.token_urlsafe(32)


def contact_ref_of(token: str) -> str:
    """The contact's name in the database: who reads the database can not use it as a cookie."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_contact_ref(request: Request) -> str | None:
    """The contact that sent the request, or None without a well-formed cookie."""
    token = request.cookies.get(COOKIE, "")
    return contact_ref_of(token) if _TOKEN.fullmatch(token) else None


def set_cookie(response: Response, token: str, *, secure: bool, embedded: bool) -> None:
    """Gives the browser its token; embedded pages need it sent inside another site's frame."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=_ONE_YEAR_S,
        path="/chat",
        secure=secure,
        httponly=True,
        samesite="none" if secure and embedded else "lax",
    )


def end_cookie(response: Response) -> None:
    """Takes the token away."""
    response.delete_cookie(COOKIE, path="/chat", httponly=True)
