"""The monitor's loop: looks side by side, alarms, looks that hang or break."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from gateway.facade import CHANGED_TOPIC
from health.degraded import rfc3339
from health.events import BreakerOpened, LevelChanged
from health.judging import Guard
from health.monitor import LEAST_PAUSE_S, Monitor, service_of
from health.services import Service, on_a_thread
from kernel.actor import Actor
from kernel.breakers import Board
from kernel.bus.ports import BUS
from kernel.clock import now
from kernel.ports import Probe

SLOW_ENOUGH_S = 3_600.0
PLATFORM = Actor(UUID(int=1), UUID(int=2), "member", is_platform_admin=True)


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


class Line:
    """A bus within this process: whoever listens hears whatever any monitor tells."""

    def __init__(self) -> None:
        self.listeners: dict[str, list[Callable[[dict[str, object]], object]]] = {}
        self.told: list[tuple[str, dict[str, object]]] = []

    async def apublish(self, topic: str, payload: dict[str, object]) -> bool:
        self.told.append((topic, payload))
        for listener in self.listeners.get(topic, []):
            listener(payload)
        return True

    def publish(self, topic: str, payload: dict[str, object]) -> bool:
        return True

    async def listen(
        self, topic: str, listener: Callable[[dict[str, object]], object]
    ) -> Callable[[], Awaitable[None]]:
        self.listeners.setdefault(topic, []).append(listener)

        async def stop() -> None:
            self.listeners[topic].remove(listener)

        return stop


@pytest.fixture
def line() -> Iterator[Line]:
    before = BUS.get()
    BUS.bind(Line())
    yield BUS.get()
    BUS.bind(before)


async def test_what_one_process_sees_the_others_know_word_for_word(line: Line) -> None:
    here, there = Patient("redis"), Patient("redis")
    there.hangs = True
    one = monitor_of(here)
    patient = replace(there.service, first_deadline_s=60.0)
    other = Monitor(lambda: [patient], Board(is_alone=True), interval_s=SLOW_ENOUGH_S)
    here.probe = Probe(ok=False, detail="refused", advice="Start it.")
    async with running(other):
        await until(lambda: len(line.listeners.get("health", [])) == 1)
        async with running(one):
            await until(lambda: other.state("redis") == "down")
            seen, known = one.seen("redis"), other.seen("redis")
            assert (known.detail, known.advice, known.latency_ms) == ("refused", "Start it.", None)
            assert abs((known.since - seen.since).total_seconds()) < 0.001
            assert abs((known.looked_at - seen.looked_at).total_seconds()) < 0.001
            here.probe = Probe(ok=True, latency_ms=7.5)
            one.report("redis")
            await until(lambda: other.state("redis") == "ok")
            assert other.seen("redis").latency_ms == 7.5
    said = [payload for topic, payload in line.told if topic == "health"]
    assert [payload["state"] for payload in said] == ["down", "ok"], "a change is told once"
    assert {payload["service"] for payload in said} == {"redis"}
    assert len({payload["from"] for payload in said}) == 1, "what was heard is not told again"


async def test_a_change_of_models_is_a_reason_to_look(line: Line) -> None:
    one = Patient("llm")
    async with running(monitor_of(one)) as monitor:
        await until(lambda: monitor.state("llm") == "ok" and CHANGED_TOPIC in line.listeners)
        looks = one.looks
        await line.apublish(CHANGED_TOPIC, {})
        await until(lambda: one.looks > looks)


async def test_the_level_its_time_and_its_services_become_a_fact_at_each_change() -> None:
    facts: list[tuple[str, object]] = []
    one, two = Patient("redis"), Patient("llm")
    monitor = Monitor(
        lambda: [one.service, two.service],
        Board(is_alone=True),
        interval_s=SLOW_ENOUGH_S,
        tell=lambda claim, fact: facts.append((claim, fact)),
    )
    async with running(monitor):
        await until(lambda: monitor.state("redis") == monitor.state("llm") == "ok")
        assert (monitor.level(), facts) == ("none", [])
        two.probe = Probe(ok=False, detail="gone", advice="Look.")
        monitor.report("llm")
        await until(lambda: monitor.level() == "severe")
        since = monitor.level_since()
        assert since == monitor.seen("llm").looked_at
        assert facts == [
            ("level:none:severe", LevelChanged("severe", "none", ["llm"], since)),
        ]
        one.probe = Probe(ok=False, is_limited=True)
        monitor.report("redis")
        await until(lambda: monitor.state("redis") == "slow")
        assert (monitor.level(), monitor.level_since(), len(facts)) == ("severe", since, 1)
        assert REGISTRY.get_sample_value("soma_service_health", {"service": "redis"}) == 0.5
        assert REGISTRY.get_sample_value("soma_degradation_level", {}) == 3.0
        affected = {item.service: item for item in monitor.affected()}
        assert set(affected) == {"redis", "llm"}
        llm = affected["llm"]
        assert (llm.state, llm.detail, llm.advice) == ("down", "gone", "Look.")
        assert llm.since == monitor.seen("llm").since
        shown = monitor.shown_to(PLATFORM)
        assert (shown.level, shown.since) == ("severe", rfc3339(since))
        assert [item.service for item in shown.limitations] == ["llm", "redis"]
        assert "gone" in str(shown.limitations[0].detail)
        member = monitor.shown_to(replace(PLATFORM, is_platform_admin=False, role="member"))
        assert {item.detail for item in member.limitations} == {None}


async def test_the_failure_that_opens_a_breaker_is_a_fact_and_no_other() -> None:
    facts: list[tuple[str, object]] = []
    board = Board(is_alone=False)
    Monitor(list, board, tell=lambda claim, fact: facts.append((claim, fact)))
    breaker = board.breaker("model:p:m", dependency="model:openai")
    for _ in range(2):
        breaker.failure()
    assert facts == []
    for _ in range(3):
        breaker.failure()
    assert facts == [("breaker:model:p:m", BreakerOpened("model:openai", "model:p:m", 3))]
    breaker.success()
    breaker.reset()
    assert len(facts) == 1
    # Nobody to tell, no loop: nothing breaks.
    silent = Board(is_alone=False)
    Monitor(list, silent)
    for _ in range(3):
        silent.breaker("brain", dependency="brain").failure()


async def test_the_first_look_may_take_longer_than_the_next_ones() -> None:
    one = Patient("somabrain")
    one.hangs = True
    service = replace(one.service, first_deadline_s=0.4, deadline_s=0.05)
    monitor = Monitor(lambda: [service], Board(is_alone=True), interval_s=SLOW_ENOUGH_S)
    monitor.services()
    began = time.monotonic()
    await monitor.look(service)
    assert time.monotonic() - began >= 0.4
    seen = monitor.seen("somabrain")
    assert (seen.state, seen.detail) == ("down", "no answer within 0.4 s")
    assert seen.advice == "Look at the service's log and at its machine."
    began = time.monotonic()
    await monitor.look(service)
    assert time.monotonic() - began < 0.4
    assert monitor.seen("somabrain").detail == "no answer within 0.1 s"
    assert one.looks == 1, "what hangs is not asked again"
    one.hangs = False
    await asyncio.sleep(0.02)
    await monitor.look(service)
    assert monitor.state("somabrain") == "ok"


async def test_what_was_looked_at_long_ago_is_looked_at_again_on_request() -> None:
    one, two = Patient("redis"), Patient("llm")
    async with running(monitor_of(one, two)) as monitor:
        await until(lambda: monitor.state("redis") == monitor.state("llm") == "ok")
        looks = (one.looks, two.looks)
        monitor._seen["llm"] = replace(
            monitor.seen("llm"), looked_at=now() - timedelta(seconds=1.5)
        )
        monitor.look_again(60)
        await asyncio.sleep(LEAST_PAUSE_S + 0.2)
        assert (one.looks, two.looks) == looks
        monitor._seen["redis"] = replace(monitor.seen("redis"), looked_at=now())
        monitor.look_again()
        await until(lambda: two.looks == looks[1] + 1)
        assert one.looks == looks[0]
        # Another service's alarm is nobody's.
        monitor.report("nobody knows it")


async def test_a_service_that_is_not_well_is_looked_at_eight_times_as_often() -> None:
    """Nobody asks: the pace alone brings every one of these looks."""
    one = Patient("redis")
    one.probe = Probe(ok=False)
    monitor = Monitor(lambda: [one.service], Board(is_alone=True), interval_s=1.6)
    async with running(monitor):
        await until(lambda: one.looks >= 3, 4.0)
        one.probe = Probe(ok=True, latency_ms=1.0)
        await until(lambda: monitor.state("redis") == "ok")


async def test_an_old_word_changes_nothing_and_an_unknown_one_harms_nobody() -> None:
    one = Patient("redis")
    async with running(monitor_of(one)) as monitor:
        await until(lambda: monitor.state("redis") == "ok")
        seen = monitor.seen("redis")
        same = {
            "from": "another", "service": "redis", "state": "down", "detail": "x", "advice": "y",
            "since": seen.since.timestamp(), "looked_at": seen.looked_at.timestamp() - 0.001,
            "latency_ms": 3.0,
        }  # fmt: skip
        monitor._heard(same)
        assert monitor.seen("redis") == seen
        monitor._heard({**same, "from": monitor._me, "looked_at": now().timestamp() + 60})
        assert monitor.seen("redis") == seen, "one's own word, come back"
