"""Transactional outbox: events commit with their cause and reach every consumer once in effect.

`emit` (see `kernel.emitting`) writes a row in the transaction of the cause. The relay, here, moves
rows in their order to the backbone: published, then deleted; a relay that dies in between publishes
again, and the consumers' inbox turns the second time into nothing. `kernel.consuming` runs the
subscribers. `drain` is all of it until nothing is due.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import orjson
import structlog
from django.db import OperationalError, connections
from django.db.models import Count, Q
from prometheus_client import Counter, Gauge

from kernel import consuming, emitting, events, holding
from kernel.actor import Scope
from kernel.bus.backbone import BACKBONE, BackboneAway, Reader, Record
from kernel.clock import now
from kernel.consuming import MAX_ATTEMPTS
from kernel.db import PLATFORM_ALIAS, platform_unit, unit_of_work
from kernel.emitting import emit, emit_all, event_row, set_wake
from kernel.models import InboxRecord, OutboxEvent
from kernel.scope import current_scope

__all__ = ["MAX_ATTEMPTS", "emit", "emit_all", "event_row", "set_wake"]

# A unit of many costs little more than one of few.
BATCH_SIZE = 2_000
# Events moved before consumers read: they lie in several partitions.
RELAYED_PER_READ = 4
INBOX_RETENTION = timedelta(days=7)
RELAY_LOCK = 738
# A table that somebody changes or empties is left alone; the next round tries again.
LOCK_PATIENCE = "2s"

# The headers of a record are made by the database: per event that is half of the relay's time.
_WAITING = """
select id::text, type, key, payload::text,
  (headers || jsonb_build_object('event_id', id, 'tenant_id', tenant_id, 'type', type,
    'version', version::text, 'emitted_at', created_at))::text
from kernel_outboxevent where dead_at is null and not parked
order by id limit %s for update skip locked
"""

log = structlog.get_logger(__name__)

_published = Counter("soma_outbox_published_total", "Events published on the backbone")
_pending = Gauge("soma_outbox_pending_events", "Events that wait for delivery")
_dead = Gauge("soma_outbox_dead_events", "Events that gave up after repeated failure")
_lag = Gauge("soma_outbox_lag_seconds", "Age of the oldest waiting event")
_bus_lag = Gauge("soma_bus_lag_events", "Events on the backbone that consumers have not read")


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events that wait for delivery, and those that gave up."""

    undelivered: int
    dead: int


def drain(batch_size: int = BATCH_SIZE) -> int:
    """Publish, read and retry until nothing is due. Returns how many events took effect.

    With a backbone whose consumers run on their own, the reading is theirs.
    """
    inline = BACKBONE.get().is_inline
    reader = BACKBONE.get().reader(consuming.GROUP, events.topics()) if inline else None
    total = 0
    while True:
        try:
            moved, delivered = _round(reader, batch_size)
        except OperationalError as exc:
            if not consuming.is_held(exc):
                raise
            log.warning("outbox.table_held")
            return total
        total += delivered
        if not moved and not delivered:
            return total


def _round(reader: Reader | None, batch_size: int) -> tuple[int, int]:
    moved = delivered = 0
    try:
        moved = relay(batch_size * RELAYED_PER_READ)
    except BackboneAway:
        log.warning("outbox.backbone_away")
    # What was parked comes before what is new: order within a key.
    delivered += consuming.retry_parked(batch_size)
    while reader is not None:
        taken = consuming.consume(reader, batch_size)
        moved += taken.read
        delivered += taken.delivered
        if not taken.read:
            break
    return moved, delivered


def relay(batch_size: int = BATCH_SIZE) -> int:
    """Move up to `batch_size` events to the backbone, oldest first. Returns how many left.

    One relay works at a time, so that order holds; another one returns 0. Raises: BackboneAway.
    """
    with platform_unit("outbox relay"), connections[PLATFORM_ALIAS].cursor() as cursor:
        cursor.execute(
            "select set_config('lock_timeout', %s, true), pg_try_advisory_xact_lock(%s, 0)",
            [LOCK_PATIENCE, RELAY_LOCK],
        )
        if not cursor.fetchone()[1]:
            return 0
        apart = events.topics_apart()
        moved = BACKBONE.get().move(batch_size, apart)
        if moved is not None:
            _published.inc(moved)
            return moved
        cursor.execute(_WAITING, [batch_size])
        rows = cursor.fetchall()
        if not rows:
            return 0
        refused = BACKBONE.get().publish([_record(row, apart) for row in rows])
        for place, reason in refused.items():
            cursor.execute(
                "update kernel_outboxevent set dead_at = %s, last_error = %s where id = %s::uuid",
                [now(), reason[:300], rows[place][0]],
            )
            log.warning("outbox.refused", event_id=rows[place][0], error=reason[:300])
        sent = [row[0] for place, row in enumerate(rows) if place not in refused]
        cursor.execute("delete from kernel_outboxevent where id = any(%s::uuid[])", [sent])
    _published.inc(len(sent))
    return len(rows)


def _record(row: tuple[str, str, str, str, str], apart: Mapping[str, str]) -> Record:
    _, name, key, payload, headers = row
    topic = apart.get(name) or name.partition(".")[0]
    return Record(topic, key, payload.encode(), orjson.loads(headers))


def measure() -> dict[str, float]:
    """Refresh the lag metrics: {pending, dead, lag_s}."""
    with platform_unit("outbox metrics"), connections[PLATFORM_ALIAS].cursor() as cursor:
        cursor.execute(
            "select count(*) filter (where dead_at is null), "
            "count(*) filter (where dead_at is not null), "
            "coalesce(extract(epoch from %s - min(created_at) filter (where dead_at is null)), 0) "
            "from kernel_outboxevent where not (parked and tenant_id = any(%s))",
            [now(), holding.held_tenants()],
        )
        pending, dead, lag_s = cursor.fetchone()
    try:
        unread = BACKBONE.get().lag(consuming.GROUP, events.topics())
    except BackboneAway:
        log.info("outbox.bus_lag_unknown")
    else:
        _bus_lag.set(unread.records)
        pending += unread.records
        lag_s = max(float(lag_s), unread.oldest_s or 0.0)
    lag_s = max(0.0, float(lag_s))
    _pending.set(pending)
    _dead.set(dead)
    _lag.set(lag_s)
    return {"pending": pending, "dead": dead, "lag_s": lag_s}


def backlog(scope: Scope, consumers: str, *, user_id: UUID | None = None) -> Backlog:
    """Count a tenant's events for the consumers whose names begin with `consumers`.

    `user_id`: only events that carry it. An event that moves meanwhile may count twice, never not.
    """
    types = list(events.told_to(consumers))
    with unit_of_work(scope):
        rows = OutboxEvent.objects.filter(type__in=types)
        if user_id is not None:
            rows = rows.filter(payload__user_id=str(user_id))
        counts = rows.aggregate(
            undelivered=Count("id", filter=Q(dead_at__isnull=True)),
            dead=Count("id", filter=Q(dead_at__isnull=False)),
        )
    topics = sorted({events.topic_of(name) for name in types})
    unread = BACKBONE.get().unread(consuming.GROUP, topics, scope.tenant_id, types, user_id)
    return Backlog(counts["undelivered"] + unread, counts["dead"])


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
        emitting.wake_after_commit()
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
