"""Consumers: subscribers run once in effect, in order within a key, whatever fails or dies.

A batch of the backbone is read, the subscribers of its events run in one unit a tenant together
with their receipts (inbox rows), and only then the batch counts as taken. A process that dies in
between reads it again, and the receipts turn the second time into nothing.

An event that its subscribers cannot take is parked: it goes back to the outbox, and from there,
without the backbone, it is tried again with growing waits; later events of its key are parked
behind it. A service that is away is waited for. Else, after `MAX_ATTEMPTS`, or at once when nobody
can read it, it is a dead letter: it stays until an operator replays or discards it, and
`DeadLettered` tells the dead-letter topic.
"""

import random
from collections import Counter as Counted
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any
from uuid import UUID

import orjson
import structlog
from django.db import InterfaceError, OperationalError, connections
from prometheus_client import Counter, Histogram

from kernel import events, holding
from kernel.actor import Scope
from kernel.bus.backbone import BACKBONE, Reader, Record
from kernel.clock import now
from kernel.db import PLATFORM_ALIAS, platform_unit, unit_of_work
from kernel.emitting import emit
from kernel.errors import DeadlineExceeded, Unavailable
from kernel.ids import uuid7
from kernel.models import OutboxEvent

GROUP = "soma"
MAX_ATTEMPTS = 5
# While the service that an event needs is away, it is tried again at least this often.
AWAY_WAIT_S = 15.0
PARKED_LOCK = 736
# Two connections are at work (the reader's and the subscribers'): a change of tables that waits for
# one of them and holds the other up is a circle that the database cannot see. So both let go.
LOCK_PATIENCE = "2s"
# The table is held, the server is away or broke off: says nothing about the event.
_HELD = "55P03"
_PASSING = ("08", _HELD, "57P", "25P03")

# Of one event, if it is named, else of all: then what one batch takes keeps its order.
_CLAIM = """
select * from kernel_outboxevent o
where parked and dead_at is null and available_at <= %(now)s
  and (%(id)s::uuid is null or id = %(id)s::uuid)
  and (%(types)s::text[] is null or type = any(%(types)s))
  and not exists (
    select 1 from kernel_outboxevent e
    where e.tenant_id = o.tenant_id and e.key = o.key and e.id < o.id
      and e.parked and e.dead_at is null
      and (e.available_at > %(now)s or %(id)s::uuid is not null))
order by id limit %(limit)s for update skip locked
"""

log = structlog.get_logger(__name__)

_delivered = Counter("soma_outbox_delivered_total", "Events delivered", ["type"])
_failed = Counter("soma_outbox_failures_total", "Failed deliveries", ["type"])
_refused = Counter("soma_bus_refused_records_total", "Records that are no event of ours")
_delay = Histogram(
    "soma_outbox_delivery_seconds",
    "From the emission of an event to its effect",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600),
)


@events.event("events.dead_lettered", version=1, topic=events.DEAD_LETTERS, waits=False)
@dataclass(frozen=True, slots=True)
class DeadLettered:
    """An event that no consumer could take. `reason` holds no content; `payload` is the event's."""

    event_id: UUID
    type: str
    version: int
    key: str
    reason: str
    attempts: int
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: records read, events that took effect."""

    read: int
    delivered: int


@dataclass(slots=True)
class Arrived:
    """An event from the bus. Named as `OutboxEvent` is, whose making costs ten times as much."""

    id: UUID
    tenant_id: UUID
    type: str
    version: int
    created_at: datetime
    key: str
    payload: Any
    headers: dict[str, str]


Event = Arrived | OutboxEvent


def consume(reader: Reader, limit: int, wait_s: float = 0.0) -> Taken:
    """Read one batch and bring it to its subscribers. Raises: BackboneAway.

    When the database is away, or a table is held, nothing is taken and it raises what it met.
    """
    with reader.batch(limit, wait_s) as records:
        rows = []
        for record in records:
            row = event_of(record)
            if row is None:
                _refuse(record)
            else:
                rows.append(row)
        delivered = sum(_take(Scope(tenant_id), group) for tenant_id, group in by_tenant(rows))
    return Taken(len(records), delivered)


def retry_parked(limit: int) -> int:
    """Try parked events that are due again, tenant by tenant. Returns how many took effect."""
    return sum(_retry_tenant(Scope(tenant_id), limit) for tenant_id in _tenants_with_parked())


def by_tenant(rows: Iterable[Arrived]) -> Iterable[tuple[UUID, list[Arrived]]]:
    """Events in groups of one tenant, each in its order."""
    groups: dict[UUID, list[Arrived]] = {}
    for row in rows:
        groups.setdefault(row.tenant_id, []).append(row)
    return groups.items()


def event_of(record: Record) -> Arrived | None:
    """The event of a record; None when it is no event of ours."""
    headers = dict(record.headers)
    try:
        return Arrived(
            UUID(headers.pop("event_id")),
            _tenant_of(headers.pop("tenant_id")),
            headers.pop("type"),
            int(headers.pop("version")),
            datetime.fromisoformat(headers.pop("emitted_at")),
            record.key,
            orjson.loads(record.value),
            headers,
        )
    except (KeyError, ValueError):
        return None


@lru_cache(maxsize=1024)
def _tenant_of(text: str) -> UUID:
    return UUID(text)


def _refuse(record: Record) -> None:
    """Tell the dead-letter topic of a record that is no event of ours: no tenant can keep it."""
    _refused.inc()
    reason = "no event: headers or payload cannot be read"
    log.warning("events.refused", topic=record.topic, error=reason)
    letter = {**record.headers, "reason": reason, "topic": record.topic}
    BACKBONE.get().publish([Record(events.DEAD_LETTERS, record.key, record.value, letter)])


@contextmanager
def unit(scope: Scope) -> Iterator[None]:
    """A unit of work that lets go of a table that somebody else holds."""
    with unit_of_work(scope, lock_patience=LOCK_PATIENCE):
        yield


def _take(scope: Scope, rows: list[Arrived]) -> int:
    """Bring new events to their subscribers: the batch in one unit, else one by one."""
    try:
        with unit(scope):
            later = _later(scope, rows)
            fresh = _run_subscribers([row for row in rows if row.id not in later])
            park([row for row in rows if row.id in later])
    except Exception as exc:  # the single deliveries below find and record the culprit
        if _is_passing(exc):
            raise
        log.info("events.batch_split", tenant_id=str(scope.tenant_id), size=len(rows))
    else:
        return _count(fresh)
    return sum(_take_one(scope, row) for row in rows)


def _take_one(scope: Scope, row: Arrived) -> int:
    try:
        with unit(scope):
            if _later(scope, [row]):
                park([row])
                return 0
            fresh = _run_subscribers([row])
    except Exception as exc:  # any failure of a subscriber is recorded and tried again
        if _is_passing(exc):
            raise
        with unit(scope):
            kept = _outbox_row(row)
            _fail(kept, exc)
            _put_back([kept])
        return 0
    return _count(fresh)


def _run_subscribers(rows: Sequence[Event]) -> list[Event]:
    """Run those without a receipt. Returns the events that had any."""
    wanted = [(one.name, str(row.id)) for row in rows for one in events.subscriptions(row.type)]
    fresh = _receipts(wanted) if wanted else set()
    touched: list[Event] = []
    # Consecutive events of one type go to a subscriber together: order between types holds.
    for name, group in groupby(rows, key=lambda row: row.type):
        # Each is checked against its schema, also when nobody is told of it.
        arrivals = [
            (row, (events.load(name, row.version, row.payload), _envelope(row))) for row in group
        ]
        for subscription in events.subscriptions(name):
            new = []
            for row, arrival in arrivals:
                receipt = (subscription.name, str(row.id))
                # The same event may be here twice: a relay that died publishes again.
                if receipt in fresh:
                    fresh.remove(receipt)
                    new.append(arrival)
                    touched.append(row)
            if new:
                subscription.handle(new)
    return list({row.id: row for row in touched}.values())


def _envelope(row: Event) -> events.Envelope:
    return events.Envelope(row.id, row.tenant_id, row.type, row.version, row.key, row.headers)


def _receipts(wanted: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Insert inbox rows (consumer, event). Returns those that were not there: to be run."""
    # One parameter: several arrays cost as much again in writing them out.
    rows = [{"i": uuid7(), "c": consumer, "e": event_id} for consumer, event_id in wanted]
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "insert into kernel_inboxrecord (id, tenant_id, created_at, consumer, event_id) "
            "select i, (select nullif(current_setting('soma.tenant_id', true), '')::uuid), %s, c, e"
            " from json_to_recordset(%s::json) as t (i uuid, c text, e uuid) "
            "on conflict do nothing returning consumer, event_id::text",
            [now(), orjson.dumps(rows).decode()],
        )
        return set(cursor.fetchall())


def _later(scope: Scope, rows: Sequence[Arrived]) -> set[UUID]:
    """Which of them wait: behind a parked one of their key, or because their tenant is held."""
    behind = _parked_keys(rows)
    at_once = set(events.going_on()) if scope.tenant_id in holding.held_tenants() else None
    return {
        row.id
        for row in rows
        if row.key in behind or (at_once is not None and row.type not in at_once)
    }


def _parked_keys(rows: Sequence[Arrived]) -> set[str]:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "select distinct key from kernel_outboxevent "
            "where parked and dead_at is null and key = any(%s)",
            [list({row.key for row in rows})],
        )
        return {key for (key,) in cursor.fetchall()}


def park(rows: Sequence[Arrived]) -> None:
    """Put events of the bus back into the outbox, in the open unit; those there stay."""
    _put_back([_outbox_row(row) for row in rows])


def _put_back(rows: Sequence[OutboxEvent]) -> None:
    if rows:
        OutboxEvent.objects.bulk_create(rows, ignore_conflicts=True)


def _outbox_row(row: Arrived) -> OutboxEvent:
    return OutboxEvent(
        id=row.id,
        tenant_id=row.tenant_id,
        type=row.type,
        version=row.version,
        created_at=row.created_at,
        key=row.key,
        payload=row.payload,
        headers=row.headers,
        parked=True,
    )


def _tenants_with_parked() -> list[UUID]:
    with platform_unit("outbox scan"), connections[PLATFORM_ALIAS].cursor() as cursor:
        cursor.execute(
            "select distinct tenant_id from kernel_outboxevent "
            "where parked and dead_at is null and available_at <= %s "
            "and (tenant_id <> all(%s) or type = any(%s)) limit 1000",
            [now(), holding.held_tenants(), events.going_on()],
        )
        return [row[0] for row in cursor.fetchall()]


def _retry_tenant(scope: Scope, limit: int) -> int:
    try:
        with unit(scope):
            rows = _claim(scope, limit)
            fresh = _run_subscribers(rows)
            _forget(rows)
    except Exception as exc:  # as in _take
        if _is_passing(exc):
            raise
    else:
        return _count(fresh)
    return sum(_retry_one(scope, row.id) for row in rows)


def _retry_one(scope: Scope, event_id: UUID) -> int:
    try:
        with unit(scope):
            rows = _claim(scope, 1, event_id)
            fresh = _run_subscribers(rows)
            _forget(rows)
    except Exception as exc:  # any failure of a subscriber is recorded and tried again
        if _is_passing(exc):
            raise
        with unit(scope):
            for row in _claim(scope, 1, event_id):
                _fail(row, exc)
                row.save(update_fields=["attempts", "last_error", "dead_at", "available_at"])
        return 0
    return _count(fresh)


def _claim(scope: Scope, limit: int, event_id: UUID | None = None) -> list[OutboxEvent]:
    """Due parked events in order, while no other process retries this tenant's.

    An event waits while an earlier one of its key does: order within a key holds.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "select pg_try_advisory_xact_lock(%s, hashtext(%s))",
            [PARKED_LOCK, str(scope.tenant_id)],
        )
        if not cursor.fetchone()[0]:
            return []
    types = events.going_on() if scope.tenant_id in holding.held_tenants() else None
    wanted = {"now": now(), "id": event_id, "types": types, "limit": limit}
    return list(OutboxEvent.objects.raw(_CLAIM, wanted))


def _forget(rows: Sequence[OutboxEvent]) -> None:
    if rows:
        OutboxEvent.objects.filter(id__in=[row.id for row in rows]).delete()


def _fail(row: OutboxEvent, error: Exception) -> None:
    """Note on the row why it failed and when it is due again; a dead letter is told of."""
    row.attempts += 1
    hopeless = isinstance(error, events.InvalidEvent)
    reason = error.reason if isinstance(error, events.InvalidEvent) else type(error).__name__
    row.last_error = reason[:300]
    # A service that is away says nothing about the event: it waits for as long as that takes.
    is_away = isinstance(error, Unavailable | DeadlineExceeded)
    if hopeless or (row.attempts >= MAX_ATTEMPTS and not is_away):
        row.dead_at = now()
        letter = DeadLettered(
            *(row.id, row.type, row.version, row.key, row.last_error, row.attempts),
            payload=row.payload if isinstance(row.payload, dict) else {"value": row.payload},
        )
        emit(letter, key=row.key, headers=row.headers)
    else:
        longest_s = AWAY_WAIT_S if is_away else 3600.0
        wait_s = min(longest_s, 2.0 ** min(row.attempts, 12)) * random.uniform(0.5, 1.0)  # noqa: S311
        row.available_at = now() + timedelta(seconds=wait_s)
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


def is_held(error: Exception) -> bool:
    """Whether a lock could not be had in time."""
    return getattr(error.__cause__, "sqlstate", None) == _HELD


def _is_passing(error: Exception) -> bool:
    """Whether the database, not the event, is the trouble: then nothing is counted."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(_PASSING)


def _count(rows: Sequence[Event]) -> int:
    moment = now()
    for name, count in Counted(row.type for row in rows).items():
        _delivered.labels(name).inc(count)
    for row in rows:
        _delay.observe(max(0.0, (moment - row.created_at).total_seconds()))
    return len(rows)
