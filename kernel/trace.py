"""Trace context (W3C Trace Context, level 1): which request or event caused what runs now.

Owns: the `traceparent` of the running context. An event carries it in its headers, and whatever its
consumers emit carries the same trace id on, so one id leads from a request to its last effect.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

HEADER = "traceparent"
_SHAPE = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_trace_id: ContextVar[str | None] = ContextVar("soma_trace_id", default=None)


def outgoing() -> str:
    """The `traceparent` for what is sent now: of the open trace, else the first of a new one."""
    trace_id = _trace_id.get() or secrets.token_hex(16)
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"


@contextmanager
def following(headers: Mapping[str, str]) -> Iterator[str]:
    """Go on with the trace of `headers`, or begin one; logs of the block carry its id."""
    given = headers.get(HEADER, "")
    trace_id = given[3:35] if _SHAPE.fullmatch(given) else secrets.token_hex(16)
    token = _trace_id.set(trace_id)
    try:
        with structlog.contextvars.bound_contextvars(trace_id=trace_id):
            yield trace_id
    finally:
        _trace_id.reset(token)
