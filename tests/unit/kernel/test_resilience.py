"""Deadlines, waits between tries, and everything that a breaker says of itself."""

import asyncio
import random

import pytest
from prometheus_client import REGISTRY

from kernel import resilience
from kernel.errors import DeadlineExceeded
from kernel.resilience import (
    CLEAN,
    BreakerOpen,
    Bulkhead,
    BulkheadFull,
    CircuitBreaker,
    Rules,
    Standing,
    deadline,
    jitter_s,
    retry,
)


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


class Link:
    """Another process; `wins`: whether this one gets the trial."""

    def __init__(self, *, wins: bool = True) -> None:
        self.told: list[tuple[str, str]] = []
        self.claims: list[str] = []
        self.wins = wins

    def tell(self, breaker: CircuitBreaker, happening: str) -> None:
        self.told.append((breaker.name, happening))

    def claim_trial(self, breaker: CircuitBreaker) -> bool:
        self.claims.append(breaker.name)
        return self.wins


def opened(clock: Clock, **options: object) -> CircuitBreaker:
    breaker = CircuitBreaker("x", clock=clock, **options)
    for _ in range(breaker.rules.failures):
        breaker.failure()
    return breaker


async def test_a_block_that_takes_longer_than_its_deadline_is_ended_with_our_own_error() -> None:
    async with deadline(5):
        pass
    with pytest.raises(DeadlineExceeded):
        async with deadline(0.01):
            await asyncio.sleep(5)


def test_waits_grow_twofold_up_to_the_cap_and_any_shorter_wait_is_as_likely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[float, float]] = []
    monkeypatch.setattr(random, "uniform", lambda low, high: asked.append((low, high)) or high)
    assert [jitter_s(attempt) for attempt in range(6)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert {low for low, _ in asked} == {0}
    assert jitter_s(3, 1.0, 2.0) == 2.0
    assert jitter_s(1, 0.5, 20.0) == 1.0


async def test_work_is_tried_three_times_with_growing_waits_and_the_last_error_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    asked: list[tuple[int, float, float]] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    def wait_of(attempt: int, base_s: float, cap_s: float) -> float:
        asked.append((attempt, base_s, cap_s))
        return float(attempt)

    monkeypatch.setattr(resilience.asyncio, "sleep", sleep)
    monkeypatch.setattr(resilience, "jitter_s", wait_of)
    tries: list[int] = []

    async def work() -> str:
        tries.append(1)
        raise OSError(len(tries))

    with pytest.raises(OSError) as failed:
        await retry(work, retryable=lambda _: True)
    assert failed.value.args == (3,)
    assert (waits, asked) == ([0.0, 1.0], [(0, 0.2, 5.0), (1, 0.2, 5.0)])
    tries.clear()
    with pytest.raises(OSError):
        await retry(work, attempts=1, retryable=lambda _: True)
    assert (len(tries), len(waits)) == (1, 2)


async def test_whether_an_error_is_worth_another_try_is_asked_of_the_error() -> None:
    seen: list[Exception] = []

    async def work() -> None:
        raise KeyError("gone")

    def never(error: Exception) -> bool:
        seen.append(error)
        return False

    with pytest.raises(KeyError):
        await retry(work, retryable=never)
    assert [type(error) for error in seen] == [KeyError]


def test_a_breaker_is_called_by_its_dependency_unless_it_has_names_of_its_own() -> None:
    plain = CircuitBreaker("brain")
    assert (plain.dependency, plain.name, plain.title) == ("brain", "brain", "brain")
    named = CircuitBreaker("model:openai", name="model:p:m")
    assert (named.name, named.title) == ("model:p:m", "model:p:m")
    titled = CircuitBreaker("model:openai", name="model:p:m", title="m at p")
    assert (titled.dependency, titled.title) == ("model:openai", "m at p")
    assert plain.rules == Rules(3, 30.0) == Rules()
    assert CircuitBreaker("x", failures=2, reset_after_s=7).rules == Rules(2, 7)


def test_a_breaker_says_when_its_trial_is_due_and_whether_it_failed_a_moment_ago() -> None:
    clock = Clock()
    breaker = CircuitBreaker("x", clock=clock)
    assert (breaker.trial_in_s, breaker.failed_recently) == (None, False)
    breaker.failure()
    assert (breaker.trial_in_s, breaker.failed_recently, breaker.state) == (None, True, "closed")
    clock.at += 29.9
    assert breaker.failed_recently
    clock.at += 0.1
    assert not breaker.failed_recently
    breaker.failure()
    breaker.failure()
    clock.at += 12
    assert breaker.trial_in_s == 18.0
    clock.at += 17.9
    assert (breaker.state, breaker.trial_in_s) == ("open", pytest.approx(0.1))
    clock.at += 0.1
    assert (breaker.state, breaker.trial_in_s) == ("half-open", 0.0)
    clock.at += 50
    assert breaker.trial_in_s == 0.0
    breaker.success()
    assert (breaker.trial_in_s, breaker.failed_recently) == (None, False)


def test_who_is_refused_is_told_by_what_and_when_to_come_again() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.at += 9.6
    with pytest.raises(BreakerOpen) as refused:
        breaker.before_call()
    assert (refused.value.retry_after, refused.value.data) == (20, {"dependency": "x"})
    clock.at += 20.3
    with pytest.raises(BreakerOpen) as refused:
        breaker.before_call()
    assert refused.value.retry_after == 1


def test_an_opening_is_counted_once_however_many_late_failures_follow() -> None:
    def count() -> float:
        sample = REGISTRY.get_sample_value("soma_breaker_openings_total", {"dependency": "counted"})
        return sample or 0.0

    breaker = CircuitBreaker("counted")
    before = count()
    breaker.failure()
    breaker.failure()
    assert count() == before
    breaker.failure()
    assert count() == before + 1
    breaker.failure()
    assert count() == before + 1


def test_a_trial_that_fails_opens_again_for_a_whole_rest() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.at += 31
    breaker.before_call()
    clock.at += 1
    breaker.failure()
    assert (breaker.state, breaker.trial_in_s) == ("open", 30.0)
    assert breaker.standing == Standing(4, clock.at, clock.at, None)
    clock.at += 30
    breaker.before_call()


def test_a_trial_that_nobody_ended_is_free_again_after_a_rest_not_before() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.at += 30
    breaker.before_call()
    assert breaker.standing.trial_since == clock.at
    clock.at += 29.9
    with pytest.raises(BreakerOpen):
        breaker.before_call()
    clock.at += 0.1
    breaker.before_call()


def test_late_failures_are_counted_and_dated_without_moving_the_opening() -> None:
    standing = Standing(3, 5.0, 5.0, None).after_failure(Rules(), 9.0)
    assert standing == Standing(4, 9.0, 5.0, None)
    assert Standing(1, 2.0).after_failure(Rules(), 4.0) == Standing(2, 4.0, None, None)


def test_what_happens_here_is_told_and_what_happened_elsewhere_is_not_told_again() -> None:
    breaker = CircuitBreaker("x")
    breaker.link = link = Link()
    breaker.success()
    assert link.told == [], "nothing new"
    breaker.failure()
    breaker.success()
    breaker.reset()
    assert link.told == [("x", "failure"), ("x", "success"), ("x", "reset")]
    breaker.apply("failure")
    assert breaker.standing.failures == 1
    breaker.apply("success")
    assert breaker.standing is CLEAN
    assert len(link.told) == 3


def test_the_trial_is_asked_of_the_others_and_who_loses_waits_as_long() -> None:
    clock = Clock()
    breaker = opened(clock)
    breaker.link = link = Link(wins=False)
    with pytest.raises(BreakerOpen):
        breaker.before_call()
    assert link.claims == [], "nobody is asked while it rests"
    clock.at += 30
    with pytest.raises(BreakerOpen):
        breaker.before_call()
    assert link.claims == ["x"]
    with pytest.raises(BreakerOpen):
        breaker.before_call()
    assert link.claims == ["x"], "asked once a rest"
    link.wins = True
    clock.at += 30
    breaker.before_call()
    assert link.claims == ["x", "x"]


def test_a_process_that_starts_late_stands_as_the_others_do() -> None:
    clock = Clock()
    breaker = CircuitBreaker("x", clock=clock)
    breaker.adopt(5, 12.0)
    assert breaker.standing == Standing(5, clock.at, clock.at - 12.0, None)
    assert (breaker.state, breaker.trial_in_s) == ("open", 18.0)
    breaker.adopt(2, None)
    assert breaker.standing == Standing(2, clock.at, None, None)
    assert (breaker.state, breaker.failed_recently) == ("closed", True)


async def test_a_bulkhead_lets_its_limit_in_and_so_many_wait() -> None:
    bulkhead = Bulkhead(limit=2, waiting=2)
    leave, inside = asyncio.Event(), []

    async def hold(number: int) -> None:
        async with bulkhead.enter():
            inside.append(number)
            await leave.wait()

    held = [asyncio.create_task(hold(number)) for number in range(4)]
    await asyncio.sleep(0)
    assert inside == [0, 1]
    with pytest.raises(BulkheadFull) as refused:
        async with bulkhead.enter():
            pass
    assert refused.value.retry_after == 1
    held[3].cancel()
    await asyncio.sleep(0)
    held.append(asyncio.create_task(hold(4)))
    await asyncio.sleep(0)
    with pytest.raises(BulkheadFull):
        async with bulkhead.enter():
            pass
    leave.set()
    await asyncio.wait(held)
    assert sorted(inside) == [0, 1, 2, 4]
    with pytest.raises(KeyError):
        async with bulkhead.enter():
            raise KeyError
    async with bulkhead.enter(), bulkhead.enter():
        pass
