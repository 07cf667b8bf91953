"""How long each phase of a turn takes: a span of its trace, and a sample of the metrics.

accept (until it is committed), recall, plan, context (its prompt), model, with first_token in it,
persist, deliver (the last frame to readers); whole is all of it but accept.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Histogram

from kernel import trace
from kernel.clock import unix_ns
from kernel.trace import Attribute, Span

_seconds = Histogram(
    "soma_turn_phase_seconds",
    "Time of each phase of a turn",
    ["phase"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
_token_seconds = Histogram(
    "soma_turn_token_seconds",
    "Pace of an answer: seconds a token, after the first",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1),
)


@contextmanager
def phase(name: str, **attributes: Attribute) -> Iterator[Span]:
    """Measure the block, also when it fails."""
    started_ns = unix_ns()
    try:
        title = "turn" if name == "whole" else f"turn.{name}"
        with trace.span(title, "internal", **attributes) as span:
            yield span
    finally:
        _observe(name, started_ns)


def passed(name: str, started_ns: int) -> None:
    """A phase that began at `started_ns` (nanoseconds since 1970) and is over now."""
    trace.note(f"turn.{name}", started_ns)
    _observe(name, started_ns)


def paced(first_token_ns: int, tokens: int) -> None:
    """An answer of so many tokens is over, whose first came at `first_token_ns`."""
    if tokens > 1:
        _token_seconds.observe(max(0, unix_ns() - first_token_ns) / 1e9 / (tokens - 1))


def _observe(name: str, started_ns: int) -> None:
    _seconds.labels(name).observe(max(0, unix_ns() - started_ns) / 1e9)
