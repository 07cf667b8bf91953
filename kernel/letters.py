"""Dead letters and the state of delivery, as a platform operator sees and handles them.

Owns: what is counted, shown, replayed, discarded, across tenants. Who may, and the audit, are the
caller's. The payload of an event is never shown here: pointers only, and the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections

from kernel import consuming, emitting, events
from kernel.bus.backbone import BACKBONE, BackboneAway
from kernel.clock import now
from kernel.db import PLATFORM_ALIAS, platform_unit
from kernel.ids import uuid7
from kernel.models import OutboxEvent


@dataclass(frozen=True, slots=True)
class Queue:
    """Events of one type in one condition: `due`, `retrying` (backing off) or `dead`."""

    type: str
    condition: str
    cause: str
    count: int


@dataclass(frozen=True, slots=True)
class Topic:
    """Events of one topic: in the outbox, given up, and on the bus unread (None: cannot be asked).

    `lag_s`: age of the oldest that has not taken effect; 0 when all have.
    """

    topic: str
    waiting: int
    dead: int
    on_bus: int | None
    lag_s: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """How delivery stands. `on_bus`: None when the bus cannot be asked."""

    waiting: int
    parked: int
    dead: int
    oldest_s: float
    on_bus: int | None
    queues: tuple[Queue, ...]
    topics: tuple[str, ...]
    by_topic: tuple[Topic, ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter. `reason` is a class name or names of fields, never content."""

    id: UUID
    tenant_id: UUID
    type: str
    version: int
    key: str
    reason: str
    attempts: int
    emitted_at: datetime
    dead_at: datetime


def delivery() -> Delivery:
    """How delivery stands now."""
    rows = _queues(None)
    by_topic = tuple(_topic(name, rows) for name in events.topics())
    unread = [one.on_bus for one in by_topic]
    living = [row for row in rows if row[1] != "dead"]
    return Delivery(
        waiting=sum(row[3] for row in living),
        parked=sum(row[4] for row in rows),
        dead=sum(row[3] for row in rows if row[1] == "dead"),
        oldest_s=max((float(row[5]) for row in living), default=0.0),
        on_bus=None if None in unread else sum(count or 0 for count in unread),
        queues=tuple(Queue(*row[:4]) for row in rows),
        topics=(*events.topics(), events.DEAD_LETTERS),
        by_topic=by_topic,
    )


def survey(types: Sequence[str]) -> list[Queue]:
    """What is not delivered of these types, over all tenants (operator's command)."""
    return [Queue(*row[:4]) for row in _queues(types)]


def _queues(types: Sequence[str] | None) -> list[tuple[Any, ...]]:
    """[(type, condition, cause, count, parked, age of the oldest in s), ...]; None: all types."""
    with platform_unit("events stats"), connections[PLATFORM_ALIAS].cursor() as cursor:
        cursor.execute(
            "select type, case when dead_at is not null then 'dead' "
            "when available_at > %(now)s then 'retrying' else 'due' end as condition, "
            "last_error, count(*), count(*) filter (where parked and dead_at is null), "
            "coalesce(extract(epoch from %(now)s - min(created_at)), 0) "
            "from kernel_outboxevent where %(types)s::text[] is null or type = any(%(types)s) "
            "group by 1, 2, 3 order by 1, 2, 3",
            {"now": now(), "types": None if types is None else list(types)},
        )
        return list(cursor.fetchall())


def _topic(name: str, rows: Sequence[tuple[Any, ...]]) -> Topic:
    """`rows`: of `_queues`."""
    ours = [row for row in rows if events.topic_of(row[0]) == name]
    living = [row for row in ours if row[1] != "dead"]
    try:
        lag = BACKBONE.get().lag(consuming.GROUP, [name])
    except BackboneAway:
        lag = None
    return Topic(
        topic=name,
        waiting=sum(row[3] for row in living),
        dead=sum(row[3] for row in ours if row[1] == "dead"),
        on_bus=None if lag is None else lag.records,
        lag_s=max((float(row[5]) for row in living), default=(lag and lag.oldest_s) or 0.0),
    )


def letters(limit: int, before: UUID | None = None) -> list[Letter]:
    """Dead letters of every tenant, newest event first, those before `before`."""
    with platform_unit("dead letters"):
        rows = OutboxEvent.objects.filter(dead_at__isnull=False).order_by("-id")
        if before is not None:
            rows = rows.filter(id__lt=before)
        return [
            Letter(
                *(row.id, row.tenant_id, row.type, row.version, row.key),
                *(row.last_error, row.attempts, row.created_at, row.dead_at),
            )
            for row in rows[:limit]
        ]


def dead_ids() -> list[UUID]:
    """Every dead letter there is now, oldest event first."""
    with platform_unit("dead letters"):
        dead = OutboxEvent.objects.filter(dead_at__isnull=False)
        return list(dead.order_by("id").values_list("id", flat=True))


def replay(ids: Sequence[UUID]) -> list[UUID]:
    """Make these dead letters due again. Joins the open platform unit. Returns which there were."""
    found = _locked(ids)
    OutboxEvent.objects.filter(id__in=[row.id for row in found]).update(
        dead_at=None, attempts=0, available_at=now()
    )
    return [row.id for row in found]


def discard(ids: Sequence[UUID]) -> list[UUID]:
    """Delete these dead letters for ever. Joins the open platform unit. Returns which there were.

    Their receipts are written: a later reading of the bus does not bring them back.
    """
    found = _locked(ids)
    receipts = [
        (uuid7(), row.tenant_id, subscription.name, row.id)
        for row in found
        for subscription in events.subscriptions(row.type)
    ]
    with connections[PLATFORM_ALIAS].cursor() as cursor:
        cursor.execute(
            "insert into kernel_inboxrecord (id, tenant_id, created_at, consumer, event_id) "
            "select i, t, %s, c, e from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::uuid[]) "
            "as r (i, t, c, e) on conflict do nothing",
            [now(), *([row[place] for row in receipts] for place in range(4))],
        )
    OutboxEvent.objects.filter(id__in=[row.id for row in found]).delete()
    return [row.id for row in found]


def wake() -> None:
    """Tell the relay that there is work, at once."""
    emitting.wake_now()


def _locked(ids: Sequence[UUID]) -> list[OutboxEvent]:
    rows = OutboxEvent.objects.filter(id__in=list(ids), dead_at__isnull=False)
    return list(rows.select_for_update(skip_locked=True))
