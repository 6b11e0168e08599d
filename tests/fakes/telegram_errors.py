"""The Bot API's refusals, in its own words."""

from typing import Any


class ApiError(Exception):
    """A call that Telegram refuses."""

    def __init__(self, code: int, description: str, parameters: dict[str, int] | None = None) -> None:
        self.code, self.description, self.parameters = code, description, parameters
        super().__init__(description)

    def to_json(self) -> dict[str, Any]:
        """The body of the response."""
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        return body | ({"parameters": self.parameters} if self.parameters else {})


def bad(problem: str) -> ApiError:
    """400."""
    return ApiError(400, f"Bad Request: {problem}")


def forbidden(problem: str) -> ApiError:
    """403."""
    return ApiError(403, f"Forbidden: {problem}")


def conflict(problem: str) -> ApiError:
    """409."""
    return ApiError(409, f"Conflict: {problem}")


def too_many(retry_after_s: int) -> ApiError:
    """429."""
    return ApiError(429, f"Too Many Requests: retry after {retry_after_s}", {"retry_after": retry_after_s})


def migrated(chat_id: int) -> ApiError:
    """400, with the group's new number."""
    return ApiError(
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
        {"migrate_to_chat_id": chat_id},
    )
