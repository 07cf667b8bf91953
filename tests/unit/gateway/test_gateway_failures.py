"""Refusals of providers become codes; waiting times are sane; texts stay behind."""

from datetime import UTC, datetime

import orjson
import pytest

from gateway.adapters.failures import failure_of_error_object, read_failure, retry_after_s
from gateway.errors import ModelError
from kernel.errors import registry

AT = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def code_of(status: int, body: object) -> str:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return failure_of_error_object(read_failure(status, {}, raw)).code


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": {"code": "context_length_exceeded", "message": "m"}}, "context-too-long"),
        (400, {"error": {"message": "prompt is too long: 9 > 8"}}, "context-too-long"),
        (400, {"object": "error", "message": "maximum context length is 8"}, "context-too-long"),
        (400, {"error": "the request exceeds the available context size"}, "context-too-long"),
        (400, {"error": "odd"}, "model-rejected-request"),
        (413, b"", "context-too-long"),
        (400, {"error": {"code": "content_filter"}}, "content-refused"),
        (429, {"error": {"code": "insufficient_quota"}}, "model-credit-exhausted"),
        (429, b"slow down", "model-rate-limited"),
        (402, {}, "model-credit-exhausted"),
        (400, {"error": {"message": "The model `x` does not exist"}}, "model-not-found"),
        (404, b"<html>", "model-not-found"),
        (401, b"", "model-auth-failed"),
        (
            400,
            [{"error": {"message": "API key not valid.", "status": "INVALID"}}],
            "model-auth-failed",
        ),
        (422, {"detail": [{"loc": ["body"], "msg": "bad"}]}, "model-rejected-request"),
        (418, b"\xff\xfe", "model-rejected-request"),
        (503, b"", "model-server-error"),
        (529, {}, "model-server-error"),
        (504, b"", "model-timeout"),
        (302, b"", "model-bad-response"),
        (204, b"", "model-bad-response"),
    ],
)
def test_codes(status: int, body: object, code: str) -> None:
    assert code_of(status, body) == code


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("1.2", 2),
        ("-5", 0),
        ("999999999", None),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
    ],
)
def test_retry_after(value: str, seconds: int | None) -> None:
    assert retry_after_s({"Retry-After": value}, AT) == seconds


def test_the_wait_is_passed_on() -> None:
    error = failure_of_error_object(read_failure(429, {"retry-after": "12"}, b""))
    assert error.retry_after == 12
    assert error.problem()["retry_after"] == 12


def test_every_model_error_has_its_own_code_and_words_for_people() -> None:
    ours = [cls for cls in registry() if issubclass(cls, ModelError)]
    assert len({cls.code for cls in ours}) == len(ours) >= 16
    assert all(cls.title and 400 <= cls.status < 600 for cls in ours)
