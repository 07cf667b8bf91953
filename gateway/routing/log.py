"""The log of decisions: one row a call, written in groups beside the calls.

What waits is lost with the process (half a second of it, never a call or its cost: those are the
ledger's). What cannot be written because the database is away waits, up to a limit.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog
from django.db import Error as DatabaseError
from django.db import connection
from prometheus_client import Counter
from redis.exceptions import RedisError

from gateway.models import Decision
from gateway.routing.bandit import Arm, held
from kernel.actor import Scope
from kernel.clock import now
from kernel.db import AWAY, in_unit, platform_unit, unit_of_work
from kernel.holding import held_tenants
from kernel.ids import uuid7
from kernel.remembered import Kept
from kernel.valkey import async_client, sync_client

WRITE_EVERY_S = 0.5
AT_ONCE, WAITING_AT_MOST = 500, 20_000
KEPT_DAYS = 30
# Outcomes of calls that no model failed: answered, left by whoever asked, answered from the cache.
UNFAILED = frozenset({"ok", "cancelled", "cached"})
ARMS = "soma:route:arms:"
ARMS_S = 30 * 86_400
# What other processes learned, and what people said, is known so much later.
ARMS_FRESH_S = 2.0

log = structlog.get_logger(__name__)

_lost = Counter("soma_routing_decisions_lost_total", "Decisions that could not be written down")


@dataclass(frozen=True, slots=True)
class Lesson:
    """How good a call of a tenant was (0 to 1), for the bandit. `weight`: as how many calls."""

    tenant_id: UUID
    model_id: UUID
    value: float
    weight: float = 1.0


class DecisionLog:
    """Takes decisions and lessons, writes them later. For one event loop at a time."""

    def __init__(self) -> None:
        # As JSON texts: a fifth of the memory of what they say.
        self._waiting: dict[UUID, list[bytes]] = {}
        self._count = 0
        self._lessons: list[Lesson] = []
        self._arms: Kept[UUID, dict[UUID, Arm]] = Kept(ARMS_FRESH_S)
        self._worker: asyncio.Task[None] | None = None

    def keep(self, tenant_id: UUID, row: dict[str, Any], lesson: Lesson | None = None) -> None:
        """Write `row` (the values of `_COLUMNS` but its id) soon."""
        if self._count >= WAITING_AT_MOST:
            _lost.inc()
            return
        self._count += 1
        self._waiting.setdefault(tenant_id, []).append(orjson.dumps({"id": uuid7(), **row}))
        if lesson is not None:
            self._lessons.append(lesson)
        loop = asyncio.get_running_loop()
        if self._worker is None or self._worker.done() or self._worker.get_loop() is not loop:
            self._worker = loop.create_task(self._work(), name="soma-decisions")

    async def arms(self, tenant_id: UUID) -> dict[UUID, Arm]:
        """What was learned for a tenant, by all processes."""
        found = self._arms.get(tenant_id)
        if found is None:
            stamp = self._arms.stamp()
            found = await _read_arms(tenant_id)
            self._arms.keep(tenant_id, found, stamp)
        return found

    async def written(self) -> None:
        """Write what waits now (process shutdown, tests)."""
        while self._waiting:
            await self._write()

    async def _work(self) -> None:
        pause_s = WRITE_EVERY_S
        while self._waiting or self._lessons:
            await asyncio.sleep(pause_s)
            try:
                await self._teach()
                await self._write()
                # More than a group: whoever asks so fast must not find the list full.
                pause_s = WRITE_EVERY_S if self._count < AT_ONCE else 0.0
            except AWAY as exc:
                log.warning("routing.database_away", error=type(exc).__name__)
                pause_s = min(5.0, max(WRITE_EVERY_S, pause_s * 2))

    async def _write(self) -> None:
        for tenant_id in list(self._waiting):
            rows = self._waiting[tenant_id][:AT_ONCE]
            try:
                await in_unit(_insert, tenant_id, rows)
            except AWAY:
                raise
            except DatabaseError:
                log.exception("routing.unstorable")
                _lost.inc(len(rows))
            rest = self._waiting[tenant_id][len(rows) :]
            self._count -= len(rows)
            if rest:
                self._waiting[tenant_id] = rest
            else:
                del self._waiting[tenant_id]

    async def _teach(self) -> None:
        """Add what was learned to what all processes know."""
        lessons, self._lessons = self._lessons, []
        pipeline = async_client().pipeline(transaction=False)
        _add(pipeline, lessons)
        with suppress(RedisError):
            await pipeline.execute()


def teach(lesson: Lesson) -> None:
    """The same for one lesson, beside the event loop. Without Valkey nothing is learned."""
    pipeline = sync_client().pipeline(transaction=False)
    _add(pipeline, [lesson])
    with suppress(RedisError):
        pipeline.execute()


def _add(pipeline: Any, lessons: Collection[Lesson]) -> None:
    """`pipeline`: of either client; both collect commands alike."""
    sums: defaultdict[tuple[UUID, str], float] = defaultdict(float)
    for one in lessons:
        sums[one.tenant_id, f"{one.model_id}:good"] += one.value * one.weight
        sums[one.tenant_id, f"{one.model_id}:bad"] += (1.0 - one.value) * one.weight
    for (tenant_id, field), value in sums.items():
        pipeline.hincrbyfloat(f"{ARMS}{tenant_id}", field, value)
    for tenant_id in {one.tenant_id for one in lessons}:
        pipeline.expire(f"{ARMS}{tenant_id}", ARMS_S)


async def _read_arms(tenant_id: UUID) -> dict[UUID, Arm]:
    """Within what is remembered; what is beyond is given up in Valkey as well."""
    name = ARMS + str(tenant_id)
    try:
        kept = await async_client().hgetall(name)
        values = {
            str(key, "ascii"): float(value) for key, value in kept.items() if isinstance(key, bytes)
        }
        arms: dict[UUID, Arm] = {}
        over: dict[str | bytes | bytearray | memoryview | int | float, bytes | str | float] = {}
        for model in {key.partition(":")[0] for key in values}:
            arm = Arm(values.get(f"{model}:good", 0.0), values.get(f"{model}:bad", 0.0))
            arms[UUID(model)] = kept_arm = held(arm)
            if kept_arm != arm:
                over |= {f"{model}:good": kept_arm.good, f"{model}:bad": kept_arm.bad}
        if over:
            await async_client().hset(name, mapping=over)
    except RedisError:
        return {}
    return arms


_COLUMNS = (
    "id, call_id, kind, at, user_id, agent_id, key_id, asked, need, model_id, model, reason,"
    " candidates, from_cache, attempts, outcome, answered, first_token_ms, shadow"
)
_INSERT = (
    f"insert into gateway_decision (tenant_id, created_at, {_COLUMNS})"  # noqa: S608  # constant
    f" select %(tenant)s, now(), {_COLUMNS}"
    " from jsonb_populate_recordset(null::gateway_decision, %(rows)s)"
)


def _insert(tenant_id: UUID, rows: list[bytes]) -> None:
    # One text for all of them: built by the ORM they would keep the event loop's interpreter busy.
    text = f"[{b','.join(rows).decode()}]"
    with unit_of_work(Scope(tenant_id)), connection.cursor() as cursor:
        cursor.execute(_INSERT, {"tenant": tenant_id, "rows": text})


def forget_decisions() -> int:
    """Delete decisions that are older than `KEPT_DAYS`. Returns how many."""
    with platform_unit("routing: retention") as alias:
        old = Decision.objects.using(alias).filter(at__lt=now() - timedelta(days=KEPT_DAYS))
        return int(old.exclude(tenant_id__in=held_tenants()).delete()[0])


DECISIONS = DecisionLog()
