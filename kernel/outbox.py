"""Transactional outbox: events commit with their cause and reach every consumer once in effect.

Emit: a row in the same transaction. Relay (`drain`): takes one tenant at a time (advisory lock, so
that order holds within a tenant), claims a batch with SKIP LOCKED, runs each consumer in a unit of
the event's tenant together with an inbox row, deletes the delivered rows. A process killed between
the two commits delivers again, and the inbox row turns the second time into nothing.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import connections, transaction
from django.db.models import Count, Model, Q
from prometheus_client import Counter, Gauge

from kernel import events
from kernel.actor import Scope
from kernel.clock import now
from kernel.db import PLATFORM_ALIAS, platform_unit, unit_of_work
from kernel.ids import uuid7
from kernel.models import InboxRecord, OutboxEvent
from kernel.rows import insert
from kernel.scope import current_scope, require_scope

BATCH_SIZE = 200
MAX_ATTEMPTS = 5
INBOX_RETENTION = timedelta(days=7)

log = structlog.get_logger(__name__)

_delivered = Counter("soma_outbox_delivered_total", "Events delivered", ["type"])
_failed = Counter("soma_outbox_failures_total", "Failed deliveries", ["type"])
_pending = Gauge("soma_outbox_pending_events", "Events that wait for delivery")
_dead = Gauge("soma_outbox_dead_events", "Events that gave up after repeated failure")
_lag = Gauge("soma_outbox_lag_seconds", "Age of the oldest waiting event")

_wake: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events that wait for delivery, and those that gave up."""

    undelivered: int
    dead: int


@dataclass(frozen=True, slots=True)
class Queued:
    """Events of one type in one condition: `due`, `retrying` (backing off) or `dead`."""

    type: str
    condition: str
    # Why the last delivery failed; empty when there was none.
    cause: str
    count: int


def set_wake(wake: Callable[[], None] | None) -> None:
    """Composition root only: how a commit tells the relay that there is work."""
    global _wake  # noqa: PLW0603
    _wake = wake


def emit(
    value: object,
    *,
    key: str,
    headers: dict[str, str] | None = None,
    beside: Sequence[Model] = (),
) -> UUID:
    """Record an event in the open unit. Returns its id.

    `beside`: new rows that are inserted with it, in the same round trip.
    Raises: InvalidEvent, ScopeMissing. The relay is woken after the commit.
    """
    entry = events.type_of(value)
    row = OutboxEvent(
        id=uuid7(),
        tenant_id=require_scope().tenant_id,
        type=entry.name,
        version=entry.version,
        key=key,
        payload=events.dump(value),
        headers=headers or {},
    )
    insert([*beside, row])
    if _wake is not None:
        transaction.on_commit(_wake, robust=True)
    return row.id


def drain(batch_size: int = BATCH_SIZE) -> int:
    """Deliver what is due, tenant by tenant, until nothing is. Returns the number delivered."""
    delivered = 0
    while True:
        counts = [_drain_tenant(tenant_id, batch_size) for tenant_id in _tenants_with_work()]
        delivered += sum(counts)
        if not sum(counts):
            return delivered


def measure() -> dict[str, float]:
    """Refresh the lag metrics: {pending, dead, lag_s}."""
    with platform_unit("outbox metrics"), connections[PLATFORM_ALIAS].cursor() as cursor:
        cursor.execute(
            "select count(*) filter (where dead_at is null), "
            "count(*) filter (where dead_at is not null), "
            "coalesce(extract(epoch from %s - min(created_at) filter (where dead_at is null)), 0) "
            "from kernel_outboxevent",
            [now()],
        )
        pending, dead, lag_s = cursor.fetchone()
    _pending.set(pending)
    _dead.set(dead)
    _lag.set(max(0.0, float(lag_s)))
    return {"pending": pending, "dead": dead, "lag_s": max(0.0, float(lag_s))}


def backlog(consumers: str, *, user_id: UUID | None = None) -> Backlog:
    """Count the open unit's events for the consumers whose names begin with `consumers`.

    `user_id`: only events that carry it.
    """
    rows = OutboxEvent.objects.filter(type__in=events.told_to(consumers))
    if user_id is not None:
        rows = rows.filter(payload__user_id=str(user_id))
    counts = rows.aggregate(
        undelivered=Count("id", filter=Q(dead_at__isnull=True)),
        dead=Count("id", filter=Q(dead_at__isnull=False)),
    )
    return Backlog(**counts)


def survey(types: Sequence[str]) -> list[Queued]:
    """Count what is not delivered, over all tenants, with the causes (operator's command)."""
    with platform_unit("outbox survey"), connections[PLATFORM_ALIAS].cursor() as cursor:
        cursor.execute(
            "select type, case when dead_at is not null then 'dead' "
            "when available_at > %s then 'retrying' else 'due' end as condition, "
            "last_error, count(*) from kernel_outboxevent where type = any(%s) "
            "group by 1, 2, 3 order by 1, 2, 3",
            [now(), list(types)],
        )
        return [Queued(*row) for row in cursor.fetchall()]


def hasten(types: Sequence[str]) -> int:
    """Make events that are backing off due now (operator's command). Returns how many."""
    with platform_unit("outbox replay"):
        waiting = OutboxEvent.objects.filter(
            type__in=types, dead_at__isnull=True, available_at__gt=now()
        )
        return waiting.update(available_at=now())


def replay_dead(types: Sequence[str] | None = None) -> int:
    """Make dead letters due again: all (operator's command), or those of some event types.

    In an open unit those of its tenant. Returns how many.
    """
    if current_scope() is not None:
        if _wake is not None:
            transaction.on_commit(_wake, robust=True)
        return _replay(types)
    with platform_unit("outbox replay"):
        return _replay(types)


def _replay(types: Sequence[str] | None) -> int:
    dead = OutboxEvent.objects.filter(dead_at__isnull=False)
    if types is not None:
        dead = dead.filter(type__in=types)
    return dead.update(dead_at=None, attempts=0, available_at=now())


def forget_receipts() -> int:
    """Delete inbox rows past their retention. Returns how many."""
    with platform_unit("inbox retention"):
        old = InboxRecord.objects.filter(created_at__lt=now() - INBOX_RETENTION)
        return old.delete()[0]


def _tenants_with_work() -> list[UUID]:
    with platform_unit("outbox scan"), connections[PLATFORM_ALIAS].cursor() as cursor:
        cursor.execute(
            "select distinct tenant_id from kernel_outboxevent "
            "where dead_at is null and available_at <= %s limit 1000",
            [now()],
        )
        return [row[0] for row in cursor.fetchall()]


def _drain_tenant(tenant_id: UUID, batch_size: int) -> int:
    with platform_unit("outbox relay"):
        with connections[PLATFORM_ALIAS].cursor() as cursor:
            cursor.execute("select pg_try_advisory_xact_lock(736, hashtext(%s))", [str(tenant_id)])
            if not cursor.fetchone()[0]:
                return 0
        rows = _claim(tenant_id, batch_size)
        if not rows:
            return 0
        done, failed = _deliver(Scope(tenant_id), rows)
        OutboxEvent.objects.filter(id__in=done).delete()
        for row, error in failed:
            _note_failure(row, error)
        return len(done)


def _claim(tenant_id: UUID, batch_size: int) -> list[OutboxEvent]:
    # An event waits while an earlier one of its key is backing off: order within a key holds.
    return list(
        OutboxEvent.objects.raw(
            "select * from kernel_outboxevent o "
            "where tenant_id = %s and dead_at is null and available_at <= %s and not exists ("
            "  select 1 from kernel_outboxevent e where e.tenant_id = o.tenant_id "
            "  and e.key = o.key and e.id < o.id and e.dead_at is null and e.available_at > %s"
            ") order by id limit %s for update skip locked",
            [tenant_id, now(), now(), batch_size],
            using=PLATFORM_ALIAS,
        )
    )


def _deliver(
    scope: Scope, rows: list[OutboxEvent]
) -> tuple[list[UUID], list[tuple[OutboxEvent, Exception]]]:
    """One unit for the whole batch; if any consumer fails, once more event by event."""
    try:
        with unit_of_work(scope):
            for row in rows:
                _consume(row)
    except Exception:  # the single deliveries below find and record the culprit
        log.info("outbox.batch_split", tenant_id=str(scope.tenant_id), size=len(rows))
    else:
        for row in rows:
            _delivered.labels(row.type).inc()
        return [row.id for row in rows], []
    done: list[UUID] = []
    failed: list[tuple[OutboxEvent, Exception]] = []
    blocked: set[str] = set()
    for row in rows:
        if row.key in blocked:
            continue
        try:
            with unit_of_work(scope):
                _consume(row)
        except Exception as exc:  # any failure of a consumer is recorded and retried
            failed.append((row, exc))
            blocked.add(row.key)
        else:
            done.append(row.id)
            _delivered.labels(row.type).inc()
    return done, failed


def _consume(row: OutboxEvent) -> None:
    value = events.load(row.type, row.version, row.payload)
    envelope = events.Envelope(row.id, row.tenant_id, row.type, row.version, row.key, row.headers)
    for subscription in events.subscriptions(row.type):
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "insert into kernel_inboxrecord (id, tenant_id, created_at, consumer, event_id) "
                "values (%s, %s, %s, %s, %s) on conflict do nothing",
                [uuid7(), row.tenant_id, now(), subscription.name, row.id],
            )
            if cursor.rowcount == 0:
                continue
        subscription.handler(value, envelope)


def _note_failure(row: OutboxEvent, error: Exception) -> None:
    row.attempts += 1
    hopeless = isinstance(error, events.InvalidEvent)
    reason = error.reason if isinstance(error, events.InvalidEvent) else type(error).__name__
    row.last_error = reason[:300]
    if hopeless or row.attempts >= MAX_ATTEMPTS:
        row.dead_at = now()
    else:
        wait_s = min(3600.0, 2.0**row.attempts) * random.uniform(0.5, 1.0)  # noqa: S311
        row.available_at = now() + timedelta(seconds=wait_s)
    row.save(update_fields=["attempts", "last_error", "dead_at", "available_at"])
    _failed.labels(row.type).inc()
    log.warning(
        "outbox.failed",
        event_id=str(row.id),
        tenant_id=str(row.tenant_id),
        type=row.type,
        attempts=row.attempts,
        dead=row.dead_at is not None,
        error=reason[:300],
    )
