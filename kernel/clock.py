"""The only source of time, so that tests can set it.

Never call `datetime.now` or `time.monotonic` for business time elsewhere.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_offset: timedelta | None = None
_frozen_at: datetime | None = None


def now() -> datetime:
    """Aware UTC time."""
    if _frozen_at is not None:
        return _frozen_at
    return datetime.now(UTC) + (_offset or timedelta())


def monotonic_s() -> float:
    """Seconds for measuring durations; unrelated to wall time."""
    return time.monotonic()


def unix_ns() -> int:
    """Nanoseconds since 1970, for traces: other processes and machines have the same."""
    return time.time_ns()


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Stop the clock at `at` (tests only)."""
    global _frozen_at  # noqa: PLW0603
    before, _frozen_at = _frozen_at, at
    try:
        yield
    finally:
        _frozen_at = before


@contextmanager
def shifted(by: timedelta) -> Iterator[None]:
    """Run with the clock `by` ahead (tests only)."""
    global _offset  # noqa: PLW0603
    before, _offset = _offset, by
    try:
        yield
    finally:
        _offset = before
