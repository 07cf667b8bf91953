"""What this installation depends on, and how each of it is looked at.

Owns the list, from the configuration, and the looks. A look asks the real thing and may hang: the
monitor does not wait for it. What a look raises means that nothing was learned.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, connections

from gateway.facade import (
    CHANGED_TOPIC,
    Endpoint,
    ModelNotFound,
    ModelRateLimited,
    ModelRejectedRequest,
    NoModelConfigured,
    breaker_name,
    choose,
    probe_endpoint,
)
from health.degraded import row_of
from health.judging import Guard
from kernel.breakers import Board
from kernel.bus.ports import BUS
from kernel.clock import monotonic_s
from kernel.ports import Probe, Probed
from kernel.resilience import CircuitBreaker
from kernel.storage.ports import STORAGE
from memory.facade import BRAIN

# None: there is nothing to look at (no model is configured).
Look = Callable[[], Awaitable[Probe | None]]
Guards = Callable[[], list[Guard]]
MODEL_DEADLINE_S = 5.0
# A message of this topic means that the service may be another one now.
CHANGED: Mapping[str, str] = {CHANGED_TOPIC: "llm"}
# Breakers that are not called as the service is.
_BREAKERS: Mapping[str, str] = {"somafractalmemory": "fractal-memory"}
# Refusals of a listing that show an endpoint alive: many gateways have no list of models.
_ALIVE = frozenset({ModelNotFound.code, ModelRejectedRequest.code, ModelRateLimited.code})


def _no_guards() -> list[Guard]:
    return []


@dataclass(frozen=True, slots=True)
class Service:
    """One dependency. `slow_ms`: above it the service works, but not well.

    `deadline_s`: a look that takes longer has failed. `first_deadline_s`: the same for the first
    look, which may have to load or connect something.
    """

    name: str
    title: str
    look: Look
    is_critical: bool = False
    slow_ms: float = 1_000.0
    deadline_s: float = 1.2
    first_deadline_s: float = 1.2
    guards: Guards = _no_guards


def configured(board: Board, others: Mapping[str, Probed] | None = None) -> list[Service]:
    """Every service of this installation: the critical ones first.

    `others`: what only some installations have, by name; a breaker of that name guards it.
    """
    models = Models(board)
    found = [
        Service("database", "Database", on_a_thread(look_at_database), True, slow_ms=500),
        Service(
            "llm",
            "Language model",
            models.look,
            True,
            slow_ms=2_000,
            deadline_s=MODEL_DEADLINE_S,
            first_deadline_s=MODEL_DEADLINE_S,
            guards=models.guards,
        ),
        Service(
            "somabrain",
            "Memory",
            on_a_thread(lambda: BRAIN.get().probe()),
            True,
            # A turn waits no longer than this for memory.
            slow_ms=settings.SOMA.recall_deadline_ms,
            # The first look may load the embedding model.
            first_deadline_s=30.0,
            guards=lambda: _guards(board, "brain"),
        ),
        Service("redis", "Valkey", on_a_thread(lambda: BUS.get().probe()), slow_ms=100),
        Service(
            "storage",
            "File storage",
            on_a_thread(lambda: STORAGE.get().probe()),
            deadline_s=2.5,
            # The first look may load the client.
            first_deadline_s=5.0,
            guards=partial(_guards, board, "storage"),
        ),
    ]
    for name, adapter in (others or {}).items():
        look = on_a_thread(adapter.probe)
        found.append(
            Service(
                name,
                row_of(name).title,
                look,
                deadline_s=2.5,
                first_deadline_s=5.0,
                guards=partial(_guards, board, _BREAKERS.get(name, name)),
            )
        )
    return found


def on_a_thread(probe: Callable[[], Probe]) -> Look:
    """A look by synchronous code, on a thread of its own.

    Not on the pool of units: what hangs there is often what this look should find out. A daemon:
    a look that hangs must not keep the process from ending.
    """

    def begin() -> Awaitable[Probe | None]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Probe | None] = loop.create_future()

        def settle(result: Probe | None, error: Exception | None) -> None:
            if done.done():
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result)

        def run() -> None:
            result, error = None, None
            try:
                result = probe()
            except Exception as exc:
                error = exc
            finally:
                connections.close_all()
            # The loop may be gone when a look ends late.
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, result, error)

        threading.Thread(target=run, name="soma-health", daemon=True).start()
        return done

    return begin


def look_at_database() -> Probe:
    """Connect, then a round trip; the latency is the round trip's."""
    try:
        connection.ensure_connection()
        started_s = monotonic_s()
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError as exc:
        return Probe(
            ok=False,
            detail=type(exc).__name__,
            advice="Start PostgreSQL; see var/log/postgres.log.",
        )
    return Probe(ok=True, latency_ms=(monotonic_s() - started_s) * 1000)


class Models:
    """Looks at the default model's provider without spending tokens; knows its breaker."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._main: str | None = None
        self._choose = on_a_thread(self._choose_default)
        self._endpoint: Endpoint | None = None

    async def look(self) -> Probe | None:
        """List the models of the default model's provider."""
        # The look only carries the work to a thread; what it found is in `_endpoint`.
        await self._choose()
        endpoint = self._endpoint
        if endpoint is None:
            self._main = None
            return None
        self._main = breaker_name(endpoint)
        found = await probe_endpoint(endpoint, MODEL_DEADLINE_S - 0.5)
        name = f"{endpoint.model} at {endpoint.provider_name}"
        if found.ok or found.problem in _ALIVE:
            return Probe(ok=True, latency_ms=found.latency_ms, detail=name)
        return Probe(
            ok=False,
            detail=f"{name}: {found.problem}",
            advice="Test the provider on the page Models, and look at the provider's status page.",
        )

    def guards(self) -> list[Guard]:
        """The breakers of all models; the default model's is the main one."""
        return [
            _guard(breaker, is_main=breaker.name == self._main)
            for breaker in self._board.all()
            if breaker.dependency.startswith("model:")
        ]

    def _choose_default(self) -> Probe:
        try:
            self._endpoint = choose(None)
        except NoModelConfigured:
            self._endpoint = None
        return Probe(ok=True)


def _guards(board: Board, name: str) -> list[Guard]:
    breaker = board.get(name)
    return [] if breaker is None else [_guard(breaker, is_main=True)]


def _guard(breaker: CircuitBreaker, *, is_main: bool) -> Guard:
    return Guard(breaker.title, breaker.state, is_main, breaker.failed_recently, breaker.trial_in_s)
