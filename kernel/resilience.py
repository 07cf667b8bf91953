"""Deadlines, retries, breakers and bulkheads for calls that can fail or hang.

Retry waits use full jitter: uniform(0, min(cap, base * 2^n)) (AWS Architecture Blog, "Exponential
Backoff And Jitter", 2015). The breaker follows Nygard, "Release It!": closed, open, half-open.
"""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal, TypeVar

from prometheus_client import Counter

from kernel.clock import monotonic_s
from kernel.errors import DeadlineExceeded, Unavailable

R = TypeVar("R")

_openings = Counter("soma_breaker_openings_total", "Breakers that opened", ["dependency"])


class BreakerOpen(Unavailable):
    """The dependency failed repeatedly and is being left alone for a while."""

    code, title = "dependency-resting", "A service that this needs is being left to recover"


class BulkheadFull(Unavailable):
    """Too many calls of this kind wait already."""

    code, title = "too-busy", "Too much is going on at the moment"


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """Raise DeadlineExceeded when the block takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as exc:
        raise DeadlineExceeded from exc


async def retry(
    work: Callable[[], Awaitable[R]],
    *,
    attempts: int = 3,
    base_s: float = 0.2,
    cap_s: float = 5.0,
    retryable: Callable[[Exception], bool],
) -> R:
    """Call `work` up to `attempts` times while `retryable(error)`, with full jitter between."""
    for attempt in range(attempts):
        try:
            return await work()
        except Exception as exc:
            if attempt + 1 >= attempts or not retryable(exc):
                raise
        await asyncio.sleep(jitter_s(attempt, base_s, cap_s))
    raise AssertionError("unreachable")


def jitter_s(attempt: int, base_s: float = 0.2, cap_s: float = 5.0) -> float:
    """Seconds to wait before attempt `attempt` + 2 (full jitter)."""
    return random.uniform(0, min(cap_s, base_s * 2**attempt))  # noqa: S311  # not for secrets


State = Literal["closed", "open", "half-open"]


class CircuitBreaker:
    """Opens after `failures` in a row, lets one trial through after `reset_after_s`. Thread-safe.

    Time comes from `clock` (monotonic seconds) so that tests can set it.
    """

    def __init__(
        self,
        dependency: str,
        *,
        failures: int = 3,
        reset_after_s: float = 30.0,
        clock: Callable[[], float] = monotonic_s,
    ) -> None:
        self.dependency = dependency
        self._limit = failures
        self._reset_after_s = reset_after_s
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._trial_since: float | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        """Where the breaker stands now."""
        if self._opened_at is None:
            return "closed"
        waited = self._clock() - self._opened_at
        return "half-open" if waited >= self._reset_after_s else "open"

    def before_call(self) -> None:
        """Claim permission to call. Raises: BreakerOpen (with retry_after)."""
        with self._lock:
            state = self.state
            if state == "closed":
                return
            if state == "half-open" and not self._trial_pending():
                self._trial_since = self._clock()
                return
            opened_at = self._opened_at if self._opened_at is not None else self._clock()
            left = self._reset_after_s - (self._clock() - opened_at)
        raise BreakerOpen(retry_after=max(1, round(left)), dependency=self.dependency)

    def success(self) -> None:
        """The call worked: close."""
        with self._lock:
            self._failures, self._opened_at, self._trial_since = 0, None, None

    def failure(self) -> None:
        """The call failed: count, and open (again) when it is enough."""
        with self._lock:
            self._failures += 1
            if self._failures >= self._limit or self._trial_since is not None:
                if self._opened_at is None:
                    _openings.labels(self.dependency).inc()
                self._opened_at = self._clock()
                self._trial_since = None

    def _trial_pending(self) -> bool:
        # A trial whose caller died must not keep the breaker shut for ever.
        if self._trial_since is None:
            return False
        return self._clock() - self._trial_since < self._reset_after_s


class Bulkhead:
    """At most `limit` calls at once and `waiting` in line; more are refused at once."""

    def __init__(self, limit: int, waiting: int) -> None:
        self._semaphore = asyncio.Semaphore(limit)
        self._room = waiting
        self._waiting = 0

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Hold a place for the block. Raises: BulkheadFull."""
        if self._semaphore.locked() and self._waiting >= self._room:
            raise BulkheadFull(retry_after=1)
        self._waiting += 1
        try:
            await self._semaphore.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._semaphore.release()
