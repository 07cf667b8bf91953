"""Laws of the breaker, for any order of calls, failures, successes and waiting."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.resilience import CLEAN, BreakerOpen, CircuitBreaker, Rules, Standing

RULES = Rules(failures=3, reset_after_s=30.0)
STEPS = st.lists(
    st.one_of(
        st.sampled_from(["call", "fail", "work", "reset", "other failed", "other worked"]),
        st.floats(min_value=0.0, max_value=70.0, allow_nan=False),
    ),
    max_size=60,
)


class Clock:
    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


def play(steps: list[str | float]) -> tuple[CircuitBreaker, Clock, list[tuple[bool, str]]]:
    """The breaker afterwards, and of every call: was it let through, the state before."""
    clock = Clock()
    breaker = CircuitBreaker("x", failures=RULES.failures, clock=clock)
    calls: list[tuple[bool, str]] = []

    def call() -> None:
        before = breaker.state
        try:
            breaker.before_call()
        except BreakerOpen:
            calls.append((False, before))
        else:
            calls.append((True, before))

    acts = {
        "call": call,
        "fail": breaker.failure,
        "work": breaker.success,
        "reset": breaker.reset,
        "other failed": lambda: breaker.apply("failure"),
        "other worked": lambda: breaker.apply("success"),
    }
    for step in steps:
        if isinstance(step, float):
            clock.at += step
        else:
            acts[step]()
    return breaker, clock, calls


@given(STEPS)
@settings(max_examples=400, deadline=None)
def test_a_closed_breaker_lets_all_through_and_an_open_one_nobody(steps: list[str | float]) -> None:
    for was_let_through, before in play(steps)[2]:
        if before == "closed":
            assert was_let_through
        if before == "open":
            assert not was_let_through


@given(STEPS, st.integers(min_value=1, max_value=20))
@settings(max_examples=300, deadline=None)
def test_one_trial_at_a_time(steps: list[str | float], callers: int) -> None:
    breaker, clock, _ = play(steps)
    breaker.success()
    for _ in range(RULES.failures):
        breaker.failure()
    clock.at += RULES.reset_after_s + 0.001
    let_through = 0
    for _ in range(callers):
        try:
            breaker.before_call()
        except BreakerOpen as refused:
            assert refused.retry_after is not None
            assert refused.retry_after >= 1
        else:
            let_through += 1
    assert let_through == 1


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_nothing_keeps_a_breaker_shut_for_ever(steps: list[str | float]) -> None:
    """Whatever happened: after two rests one call gets through, and its success closes it."""
    breaker, clock, _ = play(steps)
    clock.at += 2 * RULES.reset_after_s
    breaker.before_call()
    breaker.success()
    assert (breaker.state, breaker.standing) == ("closed", CLEAN)


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_fewer_failures_in_a_row_than_the_limit_never_open(steps: list[str | float]) -> None:
    breaker = play(steps)[0]
    breaker.success()
    for _ in range(RULES.failures - 1):
        breaker.failure()
        assert breaker.state == "closed"
    breaker.failure()
    assert breaker.state == "open"


@given(st.floats(min_value=0, max_value=29.9), st.integers(min_value=1, max_value=10))
def test_late_failures_of_earlier_calls_do_not_prolong_the_rest(after_s: float, many: int) -> None:
    standing = Standing()
    for _ in range(RULES.failures):
        standing = standing.after_failure(RULES, 0.0)
    for _ in range(many):
        standing = standing.after_failure(RULES, after_s)
    assert standing.state(RULES, 30.0) == "half-open"
    assert standing.failures == RULES.failures + many


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_processes_that_hear_of_everything_stand_alike(steps: list[str | float]) -> None:
    """What one does and tells is what the other applies; the trial alone is each one's own."""
    clock = Clock()
    here, there = (CircuitBreaker("x", clock=clock) for _ in range(2))
    for step in steps:
        if isinstance(step, float):
            clock.at += step
        elif step in {"fail", "other failed"}:
            here.failure()
            there.apply("failure")
        elif step in {"work", "other worked"}:
            here.success()
            there.apply("success")
        elif step == "reset":
            here.reset()
            there.apply("reset")
        assert here.state == there.state
        assert here.standing.failures == there.standing.failures
