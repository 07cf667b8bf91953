"""The monitor's loop: looks side by side, alarms, looks that hang or break."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from prometheus_client import REGISTRY

from health.judging import Guard
from health.monitor import LEAST_PAUSE_S, Monitor, service_of
from health.services import Service, on_a_thread
from kernel.breakers import Board
from kernel.clock import now
from kernel.ports import Probe

SLOW_ENOUGH_S = 3_600.0


class Patient:
    """A service whose looks a test decides."""

    def __init__(self, name: str, **options: object) -> None:
        self.looks = 0
        self.probe: Probe | Exception | None = Probe(ok=True, latency_ms=1.0)
        self.hangs = False
        self.guards: list[Guard] = []
        self.service = Service(
            name, name, self.look, guards=lambda: self.guards, deadline_s=0.05, **options
        )

    async def look(self) -> Probe | None:
        self.looks += 1
        while self.hangs:
            await asyncio.sleep(0.01)
        if isinstance(self.probe, Exception):
            raise self.probe
        return self.probe


def monitor_of(*patients: Patient, board: Board | None = None) -> Monitor:
    return Monitor(
        lambda: [one.service for one in patients],
        board or Board(is_alone=True),
        interval_s=SLOW_ENOUGH_S,
        chance=lambda: 0.5,
    )


@asynccontextmanager
async def running(monitor: Monitor) -> AsyncIterator[Monitor]:
    task = asyncio.create_task(monitor.run())
    try:
        yield monitor
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], object], within_s: float = 5.0) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "never came true"
        await asyncio.sleep(0.005)


async def test_everything_is_unknown_before_and_known_soon_after_the_start() -> None:
    one, two = Patient("database"), Patient("redis")
    two.probe = Probe(ok=False, detail="refused", advice="Start it.")
    monitor = monitor_of(one, two)
    assert [item.name for item in monitor.services()] == ["database", "redis"]
    assert monitor.state("database") == monitor.state("redis") == "unknown"
    assert monitor.state("never heard of") == "unknown"
    assert monitor.seen("never heard of") is None
    async with running(monitor):
        await until(lambda: monitor.state("database") == "ok" and monitor.state("redis") == "down")
        assert monitor.level() == "minor"
        assert [(item.service, item.advice) for item in monitor.affected()] == [
            ("redis", "Start it.")
        ]
    gauge = REGISTRY.get_sample_value
    assert gauge("soma_service_health", {"service": "database"}) == 1.0
    assert gauge("soma_service_health", {"service": "redis"}) == 0.0
    assert gauge("soma_degradation_level", {}) == 1.0


async def test_a_look_that_hangs_is_down_holds_up_nobody_and_is_not_repeated() -> None:
    stuck, fine = Patient("database"), Patient("redis")
    stuck.hangs = True
    monitor = monitor_of(stuck, fine)
    stuck_service = replace_first_deadline(stuck, 0.05)
    async with running(Monitor(lambda: [stuck_service, fine.service], monitor.board)) as watched:
        await until(lambda: watched.state("database") == "down")
        assert watched.state("redis") == "ok"
        seen = watched.seen("database")
        assert seen is not None
        assert "no answer within" in seen.detail
        for _ in range(3):
            watched.report("database")
            before = seen.looked_at
            await until(lambda before=before: watched.seen("database").looked_at > before)
        assert stuck.looks == 1
        stuck.hangs = False
        watched.report("database")
        await until(lambda: watched.state("database") == "ok")


def replace_first_deadline(patient: Patient, seconds: float) -> Service:
    from dataclasses import replace

    return replace(patient.service, first_deadline_s=seconds)


async def test_a_failed_call_leads_to_a_look_at_once_from_any_thread() -> None:
    one = Patient("somabrain")
    monitor = monitor_of(one)
    changes: list[str] = []
    async with running(monitor):
        await until(lambda: monitor.state("somabrain") == "ok")
        stop = monitor.watch(lambda: changes.append(monitor.state("somabrain")))
        one.probe = Probe(ok=False)
        began = time.monotonic()
        threading.Thread(target=monitor.report, args=("somabrain",)).start()
        await until(lambda: changes == ["down"])
        assert time.monotonic() - began < LEAST_PAUSE_S + 1
        stop()
        one.probe = Probe(ok=True)
        monitor.report("somabrain")
        await until(lambda: monitor.state("somabrain") == "ok")
        assert changes == ["down"]
    # After the end a report is heard by nobody and harms nobody.
    monitor.report("somabrain")


async def test_a_storm_of_failures_is_a_few_looks() -> None:
    one = Patient("somabrain")
    monitor = monitor_of(one)
    async with running(monitor):
        await until(lambda: one.looks == 1)
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            monitor.report("somabrain")
            await asyncio.sleep(0.001)
        assert one.looks <= 2 + 1.2 / LEAST_PAUSE_S


async def test_a_look_that_breaks_teaches_nothing_and_the_next_one_counts() -> None:
    one = Patient("llm")
    monitor = monitor_of(one)
    async with running(monitor):
        await until(lambda: monitor.state("llm") == "ok")
        one.probe = RuntimeError("a defect")
        looked_at = monitor.seen("llm").looked_at
        monitor.report("llm")
        await until(lambda: monitor.seen("llm").looked_at > looked_at)
        assert monitor.state("llm") == "ok"
        one.probe = None
        monitor.report("llm")
        await until(lambda: monitor.state("llm") == "unknown")
        assert monitor.level() == "none"


async def test_a_breaker_that_opens_is_seen_before_any_look() -> None:
    board = Board(is_alone=False)
    one = Patient("llm")
    monitor = monitor_of(one, board=board)
    breaker = board.breaker("model:p:m", dependency="model:test", title="m at p")
    async with running(monitor):
        await until(lambda: monitor.state("llm") == "ok")
        # Each change is noted as it happens: the look that follows hangs, and changes it again.
        states: list[str] = []
        monitor.watch(lambda: states.append(monitor.state("llm")))
        one.hangs = True
        one.guards = [Guard("m at p", "closed", failed_recently=True)]
        breaker.failure()
        await until(lambda: states[:1] == ["slow"])
        one.guards = [Guard("m at p", "open", trial_in_s=20)]
        breaker.failure()
        await until(lambda: states[-1:] == ["down"])
        one.hangs, one.guards = False, []
        breaker.reset()
        await until(lambda: monitor.state("llm") == "ok")


async def test_the_word_of_another_process_counts_when_it_is_newer() -> None:
    one = Patient("redis")
    monitor = monitor_of(one)
    async with running(monitor):
        await until(lambda: monitor.state("redis") == "ok")

        def word(state: str, age_s: float) -> dict[str, object]:
            moment = (now() - timedelta(seconds=age_s)).timestamp()
            return {
                "from": "another", "service": "redis", "state": state, "since": moment,
                "looked_at": moment, "latency_ms": None, "detail": "gone", "advice": "",
            }  # fmt: skip

        monitor._heard(word("down", 60))
        assert monitor.state("redis") == "ok"
        monitor._heard(word("down", -1))
        assert monitor.state("redis") == "down"
        assert monitor.seen("redis").detail == "gone"
        monitor._heard({**word("down", -2), "service": "not watched here"})
        looks = one.looks
        monitor._heard({"reset": True})
        await until(lambda: one.looks > looks)


async def test_a_look_on_a_thread_gives_what_the_probe_gives_or_raises() -> None:
    async def result_of(look: Callable[[], Awaitable[Probe | None]]) -> Probe | None:
        return await look()

    fine = Probe(ok=True, detail="well")
    assert await result_of(on_a_thread(lambda: fine)) == fine
    names: list[str] = []

    def broken() -> Probe:
        names.append(threading.current_thread().name)
        raise LookupError("a defect")

    with contextlib.suppress(LookupError):
        await result_of(on_a_thread(broken))
    assert names == ["soma-health"]


def test_each_breaker_belongs_to_a_service() -> None:
    assert service_of("model:anything:gpt") == "llm"
    assert service_of("brain") == "somabrain"
    assert service_of("fractal-memory") == "somafractalmemory"
    assert service_of("kafka") == "kafka"
