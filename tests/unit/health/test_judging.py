"""From looks and breakers to states."""

from datetime import UTC, datetime, timedelta

import pytest

from health.judging import Guard, Seen, at, judge, pause_s, unknown
from kernel.ports import Probe

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FINE = Probe(ok=True, latency_ms=3.0, detail="well")
START = unknown(NOON)


def state(probe: Probe | None, *guards: Guard, slow_ms: float = 100.0) -> str:
    return judge(START, probe, guards, slow_ms).state


def test_what_answers_in_time_is_ok_what_takes_longer_is_slow_what_does_not_is_down() -> None:
    assert state(FINE) == "ok"
    assert state(Probe(ok=True, latency_ms=100.0)) == "ok"
    assert state(Probe(ok=True, latency_ms=None)) == "ok"
    assert state(Probe(ok=False, latency_ms=1.0)) == "down"
    assert state(Probe(ok=False, is_limited=True)) == "slow"
    assert state(None) == "unknown"


def test_slow_is_what_two_looks_in_a_row_found_slow() -> None:
    late = Probe(ok=True, latency_ms=100.1)
    once = judge(START, late, (), 100)
    assert (once.state, once.is_suspect) == ("ok", True)
    assert pause_s(once, (), 30, 0) == 3.75
    again = judge(once, late, (), 100)
    assert (again.state, again.is_suspect) == ("slow", False)
    assert judge(again, late, (), 100).state == "slow"
    fine = judge(again, FINE, (), 100)
    assert (fine.state, fine.is_suspect) == ("ok", False)
    assert judge(judge(once, FINE, (), 100), late, (), 100).state == "ok"
    away = judge(once, Probe(ok=False), (), 100)
    assert (away.state, away.is_suspect) == ("down", False)


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        (Guard("m", "closed"), "ok"),
        (Guard("m", "closed", failed_recently=True), "slow"),
        (Guard("m", "closed", is_main=False, failed_recently=True), "ok"),
        (Guard("m", "open", trial_in_s=12.0), "down"),
        (Guard("m", "open", is_main=False, trial_in_s=12.0), "slow"),
        # It may be tried, and it answers looks: nobody needs to be warned any more.
        (Guard("m", "half-open", trial_in_s=0.0), "ok"),
    ],
)
def test_a_breaker_counts_as_much_as_a_look(guard: Guard, expected: str) -> None:
    assert state(FINE, guard) == expected
    assert state(FINE, Guard("other", "closed"), guard) == expected


def test_a_look_that_failed_is_down_whatever_the_breaker_says() -> None:
    assert state(Probe(ok=False, detail="refused"), Guard("m", "closed")) == "down"


def test_the_reason_names_the_breaker() -> None:
    judged = judge(START, FINE, [Guard("gpt at Acme", "open", trial_in_s=12.2)], 100)
    assert "gpt at Acme" in judged.detail


def test_since_is_when_the_state_changed_not_when_it_was_looked_at() -> None:
    later, latest = NOON + timedelta(seconds=30), NOON + timedelta(seconds=60)
    down = at(START, judge(START, Probe(ok=False), (), 100), later)
    still = at(down, judge(down, Probe(ok=False), (), 100), latest)
    well = at(still, judge(still, FINE, (), 100), latest)
    assert (down.since, down.looked_at) == (later, later)
    assert (still.since, still.looked_at) == (later, latest)
    assert (well.state, well.since) == ("ok", latest)
    assert (well.detail, well.advice) == ("well", "")


def test_a_latency_is_told_only_of_what_answered() -> None:
    assert judge(START, Probe(ok=False, latency_ms=9.0), (), 100).latency_ms is None
    assert judge(START, FINE, (), 100).latency_ms == 3.0


def test_the_next_look_is_at_the_interval_sooner_when_not_well_and_when_a_trial_is_due() -> None:
    well, down = Seen("ok", NOON, NOON), Seen("down", NOON, NOON)
    assert pause_s(well, (), 30, 0) == 30
    assert (pause_s(well, (), 30, -1), pause_s(well, (), 30, 1)) == (25, 35)
    assert pause_s(down, (), 30, 1) == 3.75
    assert pause_s(down, [Guard("m", "open", trial_in_s=0.4)], 30, 0) == 0.4
    assert pause_s(down, [Guard("m", "open", trial_in_s=20.0)], 30, 0) == 3.75
    assert pause_s(down, [Guard("m", "half-open", trial_in_s=0.0)], 30, 0) == 3.75
    assert pause_s(Seen("slow", NOON, NOON), (), 0.2, 0) == 0.05
    assert pause_s(unknown(NOON), (), 30, 0) == 30
