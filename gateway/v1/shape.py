"""Failures in OpenAI's form: `{"error": {message, type, param, code}}`. Pure.

Source: OpenAI API reference, "Error codes"; the official clients choose their exception by status.
"""

from typing import Any

from gateway.errors import (
    BudgetExhausted,
    ContentRefused,
    ContextTooLong,
    KeyRefused,
    ModelNotFound,
    ModelRateLimited,
    ModelRejectedRequest,
)
from kernel.errors import SomaError

# class -> (status, type, code), where they differ from what is told elsewhere.
OTHERS: dict[type[SomaError], tuple[int, str, str]] = {
    KeyRefused: (401, "invalid_request_error", "invalid_api_key"),
    BudgetExhausted: (402, "insufficient_quota", "budget_exhausted"),
    ContextTooLong: (400, "invalid_request_error", "context_length_exceeded"),
    ContentRefused: (400, "invalid_request_error", "content_filter"),
    ModelRejectedRequest: (400, "invalid_request_error", "rejected_by_provider"),
    ModelRateLimited: (429, "rate_limit_error", "provider_rate_limited"),
    # Here it is the provider that does not know its model, not the caller who is wrong.
    ModelNotFound: (502, "server_error", "provider_model_missing"),
}


class ApiError(SomaError):
    """A request to `/v1` that cannot be met; `kind` and `param` as OpenAI names them."""

    code, title = "openai-api-error", "The request cannot be met"

    def __init__(
        self, status: int, code: str, message: str, *, param: str | None = None, kind: str = ""
    ) -> None:
        super().__init__(message)
        self.api_status, self.api_code, self.param = status, code, param
        self.kind = kind or _kind(status)


def rendered(error: SomaError) -> tuple[int, dict[str, Any]]:
    """Status and body of any coded failure."""
    param = None
    if isinstance(error, ApiError):
        status, kind, code, param = error.api_status, error.kind, error.api_code, error.param
    else:
        known = OTHERS.get(type(error))
        status, kind, code = known or (error.status, "", error.code.replace("-", "_"))
        kind = kind or _kind(status)
    body = {"message": error.detail, "type": kind, "param": param, "code": code}
    return status, {"error": body | error.data}


def _kind(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"
