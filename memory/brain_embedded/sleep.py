"""Sleep cycles: started, driven in short steps by the worker, interrupted, told.

A step is one transaction: it locks the cycle's row, does a handful of episodes, and writes how far
it came.  A worker killed in the middle therefore loses the step and doubles nothing, and two
workers cannot do the same step.  What the steps do is in `sleep_steps`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import cast
from uuid import UUID

import structlog
from django.db import DatabaseError, connections, models

from kernel.actor import Scope
from kernel.clock import monotonic_s, now
from kernel.db import AWAY, platform_unit, unit_of_work
from kernel.errors import SomaError
from kernel.holding import held_tenants
from kernel.ids import uuid7
from kernel.scope import require_scope
from memory.brain_embedded import sleep_steps
from memory.cognition.sleep import Stage
from memory.errors import BadMemory, EmptyMemory
from memory.models_cognition import SleepCycleRecord
from memory.ports import MemoryScope
from memory.values import CycleState, SleepChange, SleepCycle, SleepRequest, SleepState

MAX_SECONDS = 3_600.0
MAX_CYCLES = 100
MAX_FAILURES = 3
OPEN = ("waiting", "running")
# A slice is short because the worker has other things to do between two of them.
SLICE_S = 1.0
IDLE_AFTER = timedelta(minutes=30)
IDLE_EPISODES = 20
OVERDUE_AFTER = timedelta(hours=24)
REST_BETWEEN = timedelta(hours=6)

log = structlog.get_logger(__name__)


def start(scope: MemoryScope, request: SleepRequest) -> SleepCycle:
    """Record a cycle for the worker; the open one when there is one.

    Raises: EmptyMemory without an agent; BadMemory for a depth or a time that cannot be.
    """
    if scope.agent_id is None:
        raise EmptyMemory("An agent sleeps; none was named.")
    if request.depth == "active":
        raise BadMemory(errors=[{"pointer": "/depth", "detail": "light, deep or freeze"}])
    if not 0 < request.max_seconds <= MAX_SECONDS:
        detail = f"above 0 and at most {MAX_SECONDS:g}"
        raise BadMemory(errors=[{"pointer": "/max_seconds", "detail": detail}])
    record = SleepCycleRecord(
        id=uuid7(),
        tenant_id=require_scope().tenant_id,
        user_id=scope.user_id,
        agent_id=scope.agent_id,
        namespace=scope.namespace,
        depth=request.depth,
        trigger=request.trigger,
        is_dry_run=request.dry_run,
        max_seconds=request.max_seconds,
        step=sleep_steps.FIRST,
        total=sleep_steps.work_ahead(scope, request.depth),
    )
    # One open cycle a scope is a constraint: of two that start at once, one stays.
    SleepCycleRecord.objects.bulk_create([record], ignore_conflicts=True)
    opened = _of(scope).filter(state__in=OPEN).first() or _of(scope).order_by("-id").first()
    return told(opened or record)


def cycles(scope: MemoryScope, limit: int) -> tuple[SleepCycle, ...]:
    """Return the newest cycles of the scope; an open one is the newest."""
    rows = _of(scope).order_by("-id")[: max(1, min(limit, MAX_CYCLES))]
    return tuple(told(row) for row in rows)


def interrupt(scope: MemoryScope) -> SleepCycle | None:
    """End the open cycle between two steps; what it did so far stays."""
    record = _of(scope).filter(state__in=OPEN).select_for_update().first()
    if record is None:
        return None
    _end(record, "interrupted")
    return told(record)


def asleep(scope: MemoryScope) -> SleepState:
    """Return the stage of the running cycle of the scope's agent; active without one."""
    running = SleepCycleRecord.objects.filter(agent_id=scope.agent_id, state="running")
    stage: SleepState | None = (
        running.filter(user_id=scope.user_id).values_list("stage", flat=True).first()
    )
    return stage or "active"


def work(slice_s: float = SLICE_S) -> bool:
    """Do steps of open cycles, in turn, for a slice of time; whether any is still open.

    For the worker, outside any unit.
    """
    end_s = monotonic_s() + slice_s
    while waiting := _open_cycles():
        # Who comes first goes by turns: a slice may end before all had a step.
        random.shuffle(waiting)
        moved = False
        for scope, cycle_id in waiting:
            moved |= _step(scope, cycle_id)
            if monotonic_s() >= end_s:
                return True
        # Nothing moved: another worker holds them all, or each failed.
        if not moved:
            return True
    return False


def plan() -> int:
    """Start cycles that are due by idleness or by age; return how many.  For the worker."""
    with platform_unit("sleep planning") as alias, connections[alias].cursor() as cursor:
        cursor.execute(
            "select m.tenant_id, m.user_id, m.agent_id, m.namespace, "
            "case when count(*) >= %(many)s and max(m.created_at) < %(idle)s "
            "then 'idle' else 'schedule' end "
            "from memory_memory m where m.kind = 'episodic' "
            "and m.tenant_id <> all(%(held)s) and not exists ("
            "select 1 from memory_memorytrace t "
            "where t.tenant_id = m.tenant_id and t.memory_id = m.id) "
            "group by m.tenant_id, m.user_id, m.agent_id, m.namespace "
            "having ((count(*) >= %(many)s and max(m.created_at) < %(idle)s) "
            "or min(m.created_at) < %(overdue)s) and not exists ("
            "select 1 from memory_sleepcyclerecord c where c.tenant_id = m.tenant_id "
            "and c.user_id = m.user_id and c.agent_id = m.agent_id and not c.is_dry_run "
            "and c.namespace = m.namespace and c.created_at > %(rested)s) limit 100",
            {
                "held": held_tenants(),
                "many": IDLE_EPISODES,
                "idle": now() - IDLE_AFTER,
                "overdue": now() - OVERDUE_AFTER,
                "rested": now() - REST_BETWEEN,
            },
        )
        due = cursor.fetchall()
    for tenant_id, user_id, agent_id, namespace, trigger in due:
        scope = MemoryScope(tenant_id, user_id, agent_id, namespace)
        with unit_of_work(scope.tenant):
            start(scope, SleepRequest(trigger=trigger))
    return len(due)


def told(record: SleepCycleRecord) -> SleepCycle:
    """Return the record as the port tells it."""
    return SleepCycle(
        cycle_id=record.id,
        state=cast(CycleState, record.state),  # checked by the table
        sleep=cast(SleepState, record.stage),
        is_dry_run=record.is_dry_run,
        trigger=record.trigger,
        started_at=record.created_at,
        finished_at=record.finished_at,
        done=record.done,
        total=record.total,
        counts=record.counts,
        changes=tuple(
            SleepChange(one["act"], one["detail"], tuple(UUID(text) for text in one["memory_ids"]))
            for one in record.changes
        ),
        error=record.error,
    )


def _step(scope: Scope, cycle_id: UUID) -> bool:
    """Do one step of a cycle in its own transaction; whether it moved."""
    started_s = monotonic_s()
    try:
        with unit_of_work(scope):
            rows: Sequence[SleepCycleRecord] = list(
                SleepCycleRecord.objects.filter(id=cycle_id, state__in=OPEN).select_for_update(
                    skip_locked=True
                )
            )
            if not rows:
                return False
            record = rows[0]
            record.state = "running"
            is_finished = sleep_steps.do(record)
            record.worked_ms += (monotonic_s() - started_s) * 1000
            if is_finished:
                _end(record, "finished")
            elif record.worked_ms >= record.max_seconds * 1000:
                record.error = "The time that this cycle was given is used up."
                _end(record, "interrupted")
            else:
                record.save()
    except AWAY:
        raise
    except (DatabaseError, SomaError, ValueError) as exc:
        log.exception("memory.sleep_step_failed", cycle_id=str(cycle_id))
        _note_failure(scope, cycle_id, type(exc).__name__)
        return False
    return True


def _note_failure(scope: Scope, cycle_id: UUID, error: str) -> None:
    with unit_of_work(scope):
        record = SleepCycleRecord.objects.select_for_update().get(id=cycle_id)
        record.failures += 1
        record.error = error
        if record.failures >= MAX_FAILURES:
            _end(record, "failed")
        else:
            record.save()


def _end(record: SleepCycleRecord, state: str) -> None:
    """Close the cycle; whatever the end, the brain is awake afterwards."""
    record.state = state
    record.stage = Stage.ACTIVE
    record.finished_at = now()
    record.save()


def _open_cycles() -> list[tuple[Scope, UUID]]:
    with platform_unit("sleep") as alias, connections[alias].cursor() as cursor:
        cursor.execute(
            "select tenant_id, id from memory_sleepcyclerecord "
            "where state in ('waiting', 'running') and tenant_id <> all(%s) order by id limit 20",
            [held_tenants()],
        )
        return [(Scope(tenant_id), cycle_id) for tenant_id, cycle_id in cursor.fetchall()]


def _of(scope: MemoryScope) -> models.QuerySet[SleepCycleRecord]:
    rows: models.QuerySet[SleepCycleRecord] = SleepCycleRecord.objects.filter(
        user_id=scope.user_id, namespace=scope.namespace
    )
    return rows if scope.agent_id is None else rows.filter(agent_id=scope.agent_id)
