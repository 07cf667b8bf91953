"""Looks at every service, keeps what it saw, shares it, tells whoever watches.

One monitor a process. Each looks for itself; a change of state goes to the others over the bus,
and the newest word counts. Looks at once when a call failed (`report`) or a breaker moved.
Never: lets one service wait for another, or a reader for a look.
"""

import asyncio
import os
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from prometheus_client import Gauge

from health import degraded
from health.degraded import Affected
from health.events import BreakerOpened, LevelChanged
from health.judging import Seen, at, judge, pause_s, unknown
from health.services import CHANGED, Service
from kernel.actor import Actor
from kernel.breakers import Board
from kernel.bus.ports import BUS, Payload
from kernel.clock import now
from kernel.condition import Level, ServiceState, Shown
from kernel.errands import beside
from kernel.ports import Probe
from kernel.resilience import CircuitBreaker, Happening

TOPIC = "health"
# However often calls fail, a service is looked at no more often than this.
LEAST_PAUSE_S = 0.5
# The bus is one of the services: without it each process goes by what it sees.
_FIGURES: Mapping[ServiceState, float] = {"ok": 1.0, "slow": 0.5, "down": 0.0, "unknown": -1.0}

log = structlog.get_logger(__name__)

_health = Gauge(
    "soma_service_health", "1 well, 0.5 slow or limited, 0 away, -1 not known", ["service"]
)
_level = Gauge("soma_degradation_level", "0 none, 1 minor, 2 moderate, 3 severe, 4 critical")


class Monitor:
    """The condition of this installation; see `kernel.condition.Condition`.

    `chance`: 0..1, for the jitter. `tell`: who makes events of changes (`health.events.Teller`).
    """

    def __init__(
        self,
        services: Callable[[], Sequence[Service]],
        board: Board,
        *,
        interval_s: float = 30.0,
        chance: Callable[[], float] = random.random,
        tell: Callable[[str, object], None] | None = None,
    ) -> None:
        self.board = board
        self._services_of = services
        self._interval_s = interval_s
        self._chance = chance
        self._tell_fact = tell
        self._services: dict[str, Service] = {}
        self._seen: dict[str, Seen] = {}
        self._probes: dict[str, Probe | None] = {}
        self._unanswered: dict[str, asyncio.Future[Probe | None]] = {}
        self._alarms: dict[str, asyncio.Event] = {}
        self._watchers: set[Callable[[], None]] = set()
        self._level: Level = "none"
        self._level_since = now()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._me = f"{os.getpid()}-{secrets.token_hex(4)}"
        board.watch(self._breaker_moved)

    # --- reading ----------------------------------------------------------------------------

    def services(self) -> list[Service]:
        """What is watched, the critical ones first."""
        self._prepare()
        return list(self._services.values())

    def seen(self, service: str) -> Seen | None:
        """What is known of it; None when it is not watched."""
        self._prepare()
        return self._seen.get(service)

    def state(self, service: str) -> ServiceState:
        """See `Condition`."""
        seen = self._seen.get(service)
        return seen.state if seen is not None else "unknown"

    def level(self) -> Level:
        """See `Condition`."""
        return self._level

    def level_since(self) -> datetime:
        """When the level became what it is."""
        return self._level_since

    def affected(self) -> list[Affected]:
        """The services that are not well."""
        return [
            Affected(name, seen.state, seen.since, seen.detail, seen.advice)
            for name, seen in self._seen.items()
            if seen.state in {"slow", "down"}
        ]

    def shown_to(self, actor: Actor) -> Shown:
        """See `Condition`."""
        told = degraded.limitations(actor, self.affected())
        return Shown(self._level, degraded.rfc3339(self._level_since), told)

    # --- being told -------------------------------------------------------------------------

    def report(self, service: str) -> None:
        """See `Condition`."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._alarm, service, context=Context())

    def look_again(self, older_than_s: float = 1.0) -> None:
        """Look at everything that was not looked at for so long; from the monitor's loop."""
        moment = now()
        for name, seen in self._seen.items():
            if (moment - seen.looked_at).total_seconds() > older_than_s:
                self._alarm(name)

    def watch(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """See `Condition`."""
        self._watchers.add(on_change)
        return lambda: self._watchers.discard(on_change)

    # --- looking ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Watch until cancelled; once a process, in a long-lived loop."""
        self._loop = asyncio.get_running_loop()
        self._prepare()
        for name in self._services:
            self._alarms[name] = asyncio.Event()
        listening = asyncio.create_task(self._listen(), name="soma-health-bus")
        try:
            async with asyncio.TaskGroup() as group:
                for service in self._services.values():
                    group.create_task(self._keep_watching(service))
        finally:
            listening.cancel()
            self._loop = None

    async def look(self, service: Service) -> None:
        """One look, within the service's deadline, and what follows from it."""
        name = service.name
        seen = self._seen[name]
        is_first = name not in self._probes
        deadline_s = service.first_deadline_s if is_first else service.deadline_s
        pending = self._unanswered.pop(name, None)
        if pending is None or pending.done():
            pending = asyncio.ensure_future(service.look())
        done, _ = await asyncio.wait([pending], timeout=deadline_s)
        if not done:
            # It is not asked again before this one came back: what hangs must not pile up.
            self._unanswered[name] = pending
            self._probes[name] = Probe(
                ok=False,
                detail=f"no answer within {deadline_s:.1f} s",
                advice="Look at the service's log and at its machine.",
            )
        elif (error := pending.exception()) is not None:
            log.warning("health.look_failed", service=name, error=type(error).__name__)
            self._seen[name] = at(seen, seen, now())
            return
        else:
            self._probes[name] = pending.result()
        self._judge(service)

    async def _keep_watching(self, service: Service) -> None:
        alarm = self._alarms[service.name]
        while True:
            alarm.clear()
            try:
                await self.look(service)
            except Exception:
                # The others, and the next look, must go on.
                log.exception("health.failed", service=service.name)
            await asyncio.sleep(LEAST_PAUSE_S)
            jitter = 2 * self._chance() - 1
            pause = pause_s(self._seen[service.name], service.guards(), self._interval_s, jitter)
            try:
                async with asyncio.timeout(pause):
                    await alarm.wait()
            except TimeoutError:
                continue

    def _alarm(self, service: str) -> None:
        alarm = self._alarms.get(service)
        if alarm is not None:
            alarm.set()

    def _breaker_moved(self, breaker: CircuitBreaker, happening: Happening) -> None:
        standing = breaker.standing
        has_opened = standing.opened_at is not None and standing.opened_at == standing.failed_at
        if self._tell_fact is not None and happening == "failure" and has_opened:
            opened = BreakerOpened(breaker.dependency, breaker.name, standing.failures)
            self._tell_fact(f"breaker:{breaker.name}", opened)
        loop = self._loop
        if loop is not None and not loop.is_closed():
            # Not in the context of the turn that failed: its ids are none of this log's business.
            loop.call_soon_threadsafe(self._judge_again, breaker.name, context=Context())

    def _judge_again(self, breaker: str) -> None:
        name = service_of(breaker)
        service = self._services.get(name)
        if service is None:
            return
        if name in self._probes:
            # What the breaker says counts before the look is over.
            self._judge(service)
        self._alarm(name)

    def _judge(self, service: Service) -> None:
        before = self._seen[service.name]
        judged = judge(before, self._probes[service.name], service.guards(), service.slow_ms)
        self._take(service.name, at(before, judged, now()), is_ours=True)

    # --- keeping and telling ----------------------------------------------------------------

    def _take(self, name: str, seen: Seen, *, is_ours: bool) -> None:
        before = self._seen[name]
        self._seen[name] = seen
        if before.state == seen.state:
            return
        _health.labels(name).set(_FIGURES[seen.state])
        log.info("health.changed", service=name, state=seen.state, detail=seen.detail)
        level = degraded.level_of({one: of.state for one, of in self._seen.items()})
        if level != self._level:
            changed = LevelChanged(
                level, self._level, [one.service for one in self.affected()], seen.looked_at
            )
            self._level, self._level_since = level, seen.looked_at
            _level.set(degraded.LEVELS.index(level))
            if self._tell_fact is not None:
                self._tell_fact(f"level:{changed.before}:{level}", changed)
        if is_ours and self._loop is not None:
            self._tell(name, seen)
        for watcher in list(self._watchers):
            watcher()

    def _tell(self, name: str, seen: Seen) -> None:
        beside(
            BUS.get().apublish(
                TOPIC,
                {
                    "from": self._me,
                    "service": name,
                    "state": seen.state,
                    "since": seen.since.timestamp(),
                    "looked_at": seen.looked_at.timestamp(),
                    "latency_ms": seen.latency_ms,
                    "detail": seen.detail,
                    "advice": seen.advice,
                },
            )
        )

    async def _listen(self) -> None:
        await BUS.get().listen(TOPIC, self._heard)
        for topic, service in CHANGED.items():
            await BUS.get().listen(topic, partial(self._may_differ, service))
        await self.board.follow()

    def _may_differ(self, service: str, _: Payload) -> None:
        self._alarm(service)

    def _heard(self, payload: Payload) -> None:
        if payload.get("reset"):
            # Words may have been missed.
            for one in self._seen:
                self._alarm(one)
            return
        name = str(payload["service"])
        before = self._seen.get(name)
        if payload["from"] == self._me or before is None:
            return
        seen = _seen_of(payload, before)
        if seen.looked_at > before.looked_at:
            self._take(name, seen, is_ours=False)

    def _prepare(self) -> None:
        if not self._services:
            moment = now()
            self._services = {one.name: one for one in self._services_of()}
            self._seen = {name: unknown(moment) for name in self._services}
            for name in self._services:
                _health.labels(name).set(_FIGURES["unknown"])


def service_of(breaker: str) -> str:
    """The service that a breaker guards."""
    if breaker.startswith("model:"):
        return "llm"
    return {"brain": "somabrain", "fractal-memory": "somafractalmemory"}.get(breaker, breaker)


def _seen_of(payload: Mapping[str, Any], before: Seen) -> Seen:
    def moment(name: str) -> datetime:
        return datetime.fromtimestamp(float(payload[name]), before.since.tzinfo)

    return Seen(
        payload["state"],
        moment("since"),
        moment("looked_at"),
        payload["latency_ms"],
        str(payload["detail"]),
        str(payload["advice"]),
    )
