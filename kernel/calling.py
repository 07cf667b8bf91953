"""Calls to services: a span each, and how long they take, by service and outcome."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Histogram

from kernel import trace
from kernel.clock import unix_ns
from kernel.trace import Attribute, Span

_seconds = Histogram(
    "soma_service_call_seconds",
    "Calls to services, until they answered or failed; outcome: ok or error",
    ["service", "outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


@contextmanager
def calling(service: str, act: str, **attributes: Attribute) -> Iterator[Span]:
    """A call to `service` (a name of `health.services`); what the block raises is its failure."""
    started_ns = unix_ns()
    is_ok = False
    try:
        with trace.span(f"{service} {act}", "client", **attributes) as opened:
            yield opened
        is_ok = True
    finally:
        _observe(service, started_ns, is_ok=is_ok)


def called(
    service: str, act: str, started_ns: int, failed: str = "", **attributes: Attribute
) -> None:
    """A call that began at `started_ns` and is over; for generators, whose context is not theirs.

    `failed`: the code of the problem; "" where there was none.
    """
    trace.note(f"{service} {act}", started_ns, kind="client", failed=failed, **attributes)
    _observe(service, started_ns, is_ok=not failed)


def _observe(service: str, started_ns: int, *, is_ok: bool) -> None:
    _seconds.labels(service, "ok" if is_ok else "error").observe(
        max(0, unix_ns() - started_ns) / 1e9
    )
