"""From one look at a service and its breakers to its state. Pure: times come from outside.

Owns the rules; never looks at anything itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kernel.condition import ServiceState
from kernel.ports import Probe
from kernel.resilience import State as BreakerState


@dataclass(frozen=True, slots=True)
class Guard:
    """A breaker as it stands. `is_main`: without what it guards the service does not work.

    `failed_recently`: closed, but the last call failed. `trial_in_s`: None while closed.
    """

    title: str
    state: BreakerState
    is_main: bool = True
    failed_recently: bool = False
    trial_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a service. `since`: when the state became what it is.

    `looked_at`: when anything was last learned. `latency_ms`: of the last look that was answered.
    `is_suspect`: that look took long, and the next one decides whether the service is slow.
    """

    state: ServiceState
    since: datetime
    looked_at: datetime
    latency_ms: float | None = None
    detail: str = ""
    advice: str = ""
    is_suspect: bool = False


def unknown(at: datetime) -> Seen:
    """Before the first look."""
    return Seen("unknown", at, at, detail="not looked at yet")


def judge(before: Seen, probe: Probe | None, guards: Sequence[Guard], slow_ms: float) -> Seen:
    """What `probe` (None: there is nothing to look at) and the breakers say together.

    One look that took long makes nothing slow: a busy moment of this process looks the same.
    `since` and `looked_at` stay as they were: see `at`.
    """
    if probe is None:
        return replace(unknown(before.since), detail="not in use")
    seen = replace(
        before,
        latency_ms=probe.latency_ms if probe.ok else None,
        detail=probe.detail,
        advice=probe.advice,
        is_suspect=False,
    )
    if not probe.ok:
        return replace(seen, state="slow" if probe.is_limited else "down")
    resting = [guard for guard in guards if guard.state == "open"]
    if any(guard.is_main for guard in resting):
        main = next(guard for guard in resting if guard.is_main)
        detail = f"{main.title} failed repeatedly and is left alone for a moment"
        return replace(seen, state="down", detail=detail)
    if resting:
        names = ", ".join(guard.title for guard in resting)
        return replace(seen, state="slow", detail=f"failed repeatedly and rests: {names}")
    failing = [guard for guard in guards if guard.failed_recently and guard.is_main]
    if failing:
        return replace(seen, state="slow", detail=f"the last call to {failing[0].title} failed")
    if probe.latency_ms is not None and probe.latency_ms > slow_ms:
        if before.state != "slow" and not before.is_suspect:
            return replace(seen, state="ok", is_suspect=True)
        slow = f"answered after {probe.latency_ms:.0f} ms; up to {slow_ms:.0f} ms is well"
        return replace(seen, state="slow", detail=slow)
    return replace(seen, state="ok")


def at(before: Seen, judged: Seen, moment: datetime) -> Seen:
    """`judged` with its times."""
    since = before.since if before.state == judged.state else moment
    return replace(judged, since=since, looked_at=moment)


def pause_s(seen: Seen, guards: Sequence[Guard], interval_s: float, jitter: float) -> float:
    """Seconds until the next look. `jitter`: -1..1, a sixth of the interval either way.

    A service that is not well is looked at eight times as often, and at the moment when a breaker
    may be tried.
    """
    if seen.state in {"down", "slow"} or seen.is_suspect:
        trials = [guard.trial_in_s for guard in guards if guard.trial_in_s]
        return max(0.05, min([interval_s / 8, *trials]))
    return interval_s * (1 + jitter / 6)
