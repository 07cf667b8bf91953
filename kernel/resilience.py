"""Deadlines, retries, breakers and bulkheads for calls that can fail or hang.

Retry waits use full jitter: uniform(0, min(cap, base * 2^n)) (AWS Architecture Blog, "Exponential
Backoff And Jitter", 2015). The breaker follows Nygard, "Release It!": closed, open, half-open.
"""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar

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
Happening = Literal["failure", "success", "reset"]


@dataclass(frozen=True, slots=True)
class Rules:
    """When a breaker opens, and how long it rests before its one trial."""

    failures: int = 3
    reset_after_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything a breaker knows. Times are monotonic seconds.

    `failures`: in a row. `failed_at`: the newest of them. `trial_since`: when the one call of the
    half-open state was let through, in this process or (as far as it is known) in another.
    """

    failures: int = 0
    failed_at: float | None = None
    opened_at: float | None = None
    trial_since: float | None = None

    def state(self, rules: Rules, at: float) -> State:
        """Where the breaker stands at `at`."""
        if self.opened_at is None:
            return "closed"
        return "half-open" if at - self.opened_at >= rules.reset_after_s else "open"

    def may_try(self, rules: Rules, at: float) -> bool:
        """Whether the one trial is free. One whose caller died does not keep it for ever."""
        if self.state(rules, at) != "half-open":
            return False
        return self.trial_since is None or at - self.trial_since >= rules.reset_after_s

    def after_failure(self, rules: Rules, at: float) -> "Standing":
        """Count; open when it is enough, or again when the trial failed.

        A call that began before the opening and fails late does not prolong the rest.
        """
        state = self.state(rules, at)
        failures = self.failures + 1
        if state == "open":
            return replace(self, failures=failures, failed_at=at)
        opens = state == "half-open" or failures >= rules.failures
        return Standing(failures, at, at if opens else None, None)


CLEAN = Standing()


class Link(Protocol):
    """How the breakers of several processes know of each other (`kernel.breakers`)."""

    def tell(self, breaker: "CircuitBreaker", happening: Happening) -> None:
        """Something happened in this process. Never waits."""
        ...

    def claim_trial(self, breaker: "CircuitBreaker") -> bool:
        """Whether this process may make the one trial. True when nobody can be asked."""
        ...


class CircuitBreaker:
    """Opens after `failures` in a row, lets one trial through after `reset_after_s`. Thread-safe.

    `dependency` is the metric's label (few values), `name` the breaker's own. Time comes from
    `clock` (monotonic seconds) so that tests can set it. Without `link` it stands for itself.
    """

    def __init__(
        self,
        dependency: str,
        *,
        name: str = "",
        title: str = "",
        failures: int = 3,
        reset_after_s: float = 30.0,
        clock: Callable[[], float] = monotonic_s,
    ) -> None:
        self.dependency = dependency
        self.name = name or dependency
        self.title = title or self.name
        self.rules = Rules(failures, reset_after_s)
        self.link: Link | None = None
        self._clock = clock
        self._standing = CLEAN
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        """Where the breaker stands now."""
        return self._standing.state(self.rules, self._clock())

    @property
    def standing(self) -> Standing:
        """What it knows now."""
        return self._standing

    @property
    def trial_in_s(self) -> float | None:
        """Seconds until a trial is let through; 0 when one is due; None while closed."""
        opened_at = self._standing.opened_at
        if opened_at is None:
            return None
        return max(0.0, self.rules.reset_after_s - (self._clock() - opened_at))

    @property
    def failed_recently(self) -> bool:
        """Closed, but a call failed within the time of a rest and none has worked since."""
        at = self._standing.failed_at
        return at is not None and self._clock() - at < self.rules.reset_after_s

    def before_call(self) -> None:
        """Claim permission to call. Raises: BreakerOpen (with retry_after)."""
        if self._standing.opened_at is None:
            return
        if self._takes_trial() and (self.link is None or self.link.claim_trial(self)):
            return
        left = self.trial_in_s or 0.0
        raise BreakerOpen(retry_after=max(1, round(left)), dependency=self.dependency)

    def success(self) -> None:
        """The call worked: close."""
        if self._standing is not CLEAN:
            self.apply("success")
            self._tell("success")

    def failure(self) -> None:
        """The call failed: count, and open (again) when it is enough."""
        before = self._standing.opened_at
        self.apply("failure")
        if before is None and self._standing.opened_at is not None:
            _openings.labels(self.dependency).inc()
        self._tell("failure")

    def reset(self) -> None:
        """An operator closes it."""
        self.apply("reset")
        self._tell("reset")

    def apply(self, happening: Happening) -> None:
        """What happened here, or in another process."""
        with self._lock:
            if happening == "failure":
                self._standing = self._standing.after_failure(self.rules, self._clock())
            else:
                self._standing = CLEAN

    def adopt(self, failures: int, opened_s_ago: float | None) -> None:
        """Stand as another process's breaker stood when this one was not there."""
        at = self._clock()
        with self._lock:
            opened_at = None if opened_s_ago is None else at - opened_s_ago
            self._standing = Standing(failures, at, opened_at, None)

    def _takes_trial(self) -> bool:
        with self._lock:
            at = self._clock()
            if self._standing.opened_at is None:
                return True
            if not self._standing.may_try(self.rules, at):
                return False
            # Also when another process has the trial: then this one waits as long as for its own.
            self._standing = replace(self._standing, trial_since=at)
            return True

    def _tell(self, happening: Happening) -> None:
        if self.link is not None:
            self.link.tell(self, happening)


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
