"""Every failure a caller may see: one class each, rendered as RFC 9457 problem details.

Tree (status in brackets)::

    SomaError
    ├── BadRequest [400]          ├── TooLarge [413]
    ├── Unauthenticated [401]     ├── Unprocessable [422]
    ├── Forbidden [403]           ├── TooManyRequests [429]
    ├── NotFound [404]            ├── InternalError [500]
    ├── Conflict [409]            ├── Unavailable [503]
    └── Gone [410]                └── DeadlineExceeded [504]

Apps subclass these next to the verb that raises them. A released code never changes meaning.
`detail` is always safe to show: it never holds secrets, foreign data or a provider's text.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

PROBLEM_CONTENT_TYPE = "application/problem+json"


class SomaError(Exception):
    """Root of all coded failures.

    `data` members become top-level members of the problem object (RFC 9457, section 3.2).
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after: int | None = None,
        errors: Sequence[dict[str, str]] | None = None,
        **data: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.retry_after = retry_after
        self.errors = list(errors or [])
        self.data = data

    def problem(self, instance: str = "") -> dict[str, Any]:
        """The problem object: {type, title, status, detail, instance, code, ...}."""
        body: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
        }
        if self.errors:
            body["errors"] = self.errors
        if self.retry_after is not None:
            body["retry_after"] = self.retry_after
        return body | self.data


class BadRequest(SomaError):
    """The request cannot be understood."""

    code, status, title = "bad-request", 400, "The request could not be understood"


class Unauthenticated(SomaError):
    """Nobody is signed in."""

    code, status, title = "unauthenticated", 401, "Please sign in"


class Forbidden(SomaError):
    """Signed in, but not allowed."""

    code, status, title = "forbidden", 403, "You may not do this"


class NotFound(SomaError):
    """Unknown, or not visible to this actor: the two are never told apart."""

    code, status, title = "not-found", 404, "There is no such thing here"


class MethodNotAllowed(SomaError):
    """The address exists, for other methods; the header `Allow` names them."""

    code, status, title = "method-not-allowed", 405, "This address does not take that method"


class Conflict(SomaError):
    """The state of the object does not allow this now."""

    code, status, title = "conflict", 409, "This does not fit the present state"


class Gone(SomaError):
    """It existed and cannot be had any more."""

    code, status, title = "gone", 410, "This is no longer available"


class TooLarge(SomaError):
    """The body exceeds the limit."""

    code, status, title = "too-large", 413, "This is too large"


class Unprocessable(SomaError):
    """Well-formed, but with values that are not accepted; `errors` lists them by pointer."""

    code, status, title = "validation", 422, "Some values are not accepted"


class TooManyRequests(SomaError):
    """Slow down; `retry_after` says for how many seconds."""

    code, status, title = "too-many-requests", 429, "Too many requests"


class InternalError(SomaError):
    """A defect of ours. The log has the cause under the same request id."""

    code, status, title = "internal", 500, "Something went wrong on our side"


class Unavailable(SomaError):
    """A service that this needs is away; nothing was lost."""

    code, status, title = "unavailable", 503, "This is not available at the moment"


class DeadlineExceeded(SomaError):
    """It took longer than allowed."""

    code, status, title = "deadline-exceeded", 504, "This took too long"


def registry() -> list[type[SomaError]]:
    """All concrete error classes that are imported, by code (for docs and the uniqueness test)."""
    seen: list[type[SomaError]] = []
    queue = list(SomaError.__subclasses__())
    while queue:
        cls = queue.pop()
        seen.append(cls)
        queue.extend(cls.__subclasses__())
    return sorted(set(seen), key=lambda cls: (cls.code, cls.__module__))
