"""Traces (W3C Trace Context, level 1): what caused what runs now, and how long each part took.

Owns: the open span of the running context. Its ids travel in `traceparent`: an event carries it in
its headers, a call to the brain in its own, and whatever follows goes on with the same trace id, so
one id leads from a request to its last effect. Logs carry it (`kernel.logs`).
A span costs some microseconds and is kept nowhere, unless somebody asked for spans that ended
(`set_export`; `somaagent.telemetry` does, when a collector is configured).
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from kernel.clock import unix_ns

HEADER = "traceparent"
_SHAPE = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

# As OpenTelemetry has it: a request that is answered, a call that is made, an event that is taken.
Kind = Literal["internal", "server", "client", "consumer"]
Attribute = str | int | float | bool


@dataclass(slots=True)
class Span:
    """A part of a trace. Times: nanoseconds since 1970. `failed`: the error's class; "" is well."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: Kind
    started_ns: int
    ended_ns: int = 0
    failed: str = ""
    attributes: dict[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in which trace this context is. `span_id` None: at its root."""

    trace_id: str
    span_id: str | None


_place: ContextVar[_Place | None] = ContextVar("soma_trace", default=None)
_export: Callable[[Span], None] | None = None


def set_export(export: Callable[[Span], None] | None) -> None:
    """Composition root and tests: who gets each span that ended; must neither wait nor raise."""
    global _export  # noqa: PLW0603
    _export = export


def current_id() -> str | None:
    """The id of the open trace."""
    place = _place.get()
    return place.trace_id if place is not None else None


def outgoing() -> str:
    """The `traceparent` for what is sent now: of the open span, else the first of a new trace."""
    place = _place.get()
    if place is None:
        return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    return f"00-{place.trace_id}-{place.span_id or secrets.token_hex(8)}-01"


@contextmanager
def following(headers: Mapping[str, str]) -> Iterator[str]:
    """Go on with the trace of `headers`, or begin one. Gives its id."""
    given = headers.get(HEADER, "")
    place = (
        _Place(given[3:35], given[36:52])
        if _SHAPE.fullmatch(given)
        else _Place(secrets.token_hex(16), None)
    )
    token = _place.set(place)
    try:
        yield place.trace_id
    finally:
        _place.reset(token)


@contextmanager
def span(name: str, kind: Kind = "internal", **attributes: Attribute) -> Iterator[Span]:
    """A part of the open trace, or the first one of a new trace."""
    opened = _begin(name, kind, unix_ns(), attributes)
    token = _place.set(_Place(opened.trace_id, opened.span_id))
    try:
        yield opened
    except BaseException as exc:
        opened.failed = type(exc).__name__
        raise
    finally:
        _place.reset(token)
        _end(opened)


def note(
    name: str,
    started_ns: int,
    *,
    kind: Kind = "internal",
    failed: str = "",
    **attributes: Attribute,
) -> None:
    """A part of the open trace that began at `started_ns` and ends now."""
    if _export is not None:
        noted = _begin(name, kind, started_ns, attributes)
        noted.failed = failed
        _end(noted)


def _begin(name: str, kind: Kind, at_ns: int, attributes: dict[str, Attribute]) -> Span:
    place = _place.get()
    trace_id, parent_id = (
        (secrets.token_hex(16), None) if place is None else (place.trace_id, place.span_id)
    )
    return Span(trace_id, secrets.token_hex(8), parent_id, name, kind, at_ns, attributes=attributes)


def _end(ended: Span) -> None:
    if _export is not None:
        ended.ended_ns = unix_ns()
        _export(ended)
