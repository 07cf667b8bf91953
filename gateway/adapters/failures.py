"""From what a provider answers to one of `gateway.errors`.

Pure. Looks at the status and, for the cases that statuses do not tell apart, for known words in
the provider's text; that text itself never leaves this module.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

import orjson

from gateway.errors import (
    ContentRefused,
    ContextTooLong,
    ModelAuthFailed,
    ModelBadResponse,
    ModelCreditExhausted,
    ModelError,
    ModelNotFound,
    ModelRateLimited,
    ModelRejectedRequest,
    ModelServerError,
    ModelTimeout,
)
from kernel.clock import now

RETRY_AFTER_LIMIT_S = 24 * 3600
TOO_LONG = (
    "context_length",
    "context length",
    "context window",
    "maximum context",
    "too many tokens",
    "prompt is too long",
    "input is too long",
    "exceeds the maximum number of tokens",
    "exceed_context_size",
    "context size",
)
FILTERED = ("content_filter", "content_policy", "content policy", "content management policy")
UNPAID = ("insufficient_quota", "insufficient balance", "credit balance", "billing", "payment")
UNKNOWN_MODEL = ("model_not_found", "does not exist", "model not found", "no such model")
BAD_KEY = ("invalid_api_key", "api key not valid", "invalid api key", "api_key_invalid")
BY_STATUS: dict[int, type[ModelError]] = {
    401: ModelAuthFailed,
    402: ModelCreditExhausted,
    403: ModelAuthFailed,
    404: ModelNotFound,
    408: ModelTimeout,
    413: ContextTooLong,
    429: ModelRateLimited,
    504: ModelTimeout,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of a refusal. `code`, `kind`, `parameter`, `text`: from its error object."""

    status: int
    code: str = ""
    kind: str = ""
    parameter: str = ""
    text: str = ""
    retry_after_s: int | None = None


def read_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """Collect what a response says; any shape of body is accepted."""
    code = kind = parameter = ""
    text = body.decode("utf-8", "replace")
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else None
    if isinstance(error, dict):
        code = str(error.get("code") or "")
        kind = str(error.get("type") or error.get("status") or "")
        parameter = str(error.get("param") or "")
        text = str(error.get("message") or error.get("detail") or text)
    return Failure(status, code, kind, parameter, text, retry_after_s(headers))


def failure_of_error_object(failure: Failure) -> ModelError:
    """The coded problem for `failure`."""
    words = f"{failure.code} {failure.kind} {failure.text}".lower()
    return _by_words(failure.status, words) or _by_status(failure)


def retry_after_s(headers: Mapping[str, str], at: datetime | None = None) -> int | None:
    """Seconds to wait by `Retry-After` (RFC 9110, 10.2.3: seconds or a date), if it is sane."""
    value = headers.get("Retry-After", headers.get("retry-after", "")).strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - (at or now())).total_seconds()
        except (TypeError, ValueError):
            return None
    if math.isnan(seconds) or seconds > RETRY_AFTER_LIMIT_S:
        return None
    return max(0, math.ceil(seconds)) if math.isfinite(seconds) else None


def _by_words(status: int, words: str) -> ModelError | None:
    if status in {400, 413, 422, 500} and any(sign in words for sign in TOO_LONG):
        return ContextTooLong()
    if status in {400, 403, 422} and any(sign in words for sign in FILTERED):
        return ContentRefused()
    if status in {400, 402, 403, 429} and any(sign in words for sign in UNPAID):
        return ModelCreditExhausted()
    if status in {400, 422} and any(sign in words for sign in UNKNOWN_MODEL):
        return ModelNotFound()
    if status == 400 and any(sign in words for sign in BAD_KEY):
        return ModelAuthFailed()
    return None


def _by_status(failure: Failure) -> ModelError:
    known = BY_STATUS.get(failure.status)
    if known is None and failure.status >= 500:
        known = ModelServerError
    elif known is None and failure.status >= 400:
        known = ModelRejectedRequest
    # A redirect or another success is not what an API of this kind answers.
    return (known or ModelBadResponse)(retry_after=failure.retry_after_s)
