"""Reconciliation: is everything that went over the bus accounted for?

An event that consumers have passed must have its subscribers' receipts, or lie in the outbox
(waiting, parked or dead). One that has neither was lost between them (a bus that went back
in time, rows removed by hand): it is parked again and delivered. Receipts make a wrong suspicion
harmless. Reads with a group of its own, so each run goes on where the last one ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import connections
from prometheus_client import Counter

from kernel import consuming, events
from kernel.actor import Scope
from kernel.bus.backbone import BACKBONE, Reader
from kernel.clock import now
from kernel.consuming import Arrived

GROUP = "soma-reconciliation"
BATCH_SIZE = 1_000
# Kafka hands out its partitions only after a moment.
WAIT_S = 3.0
BATCHES_AT_MOST = 1_000
# Receipts are forgotten after a week; what is nearly as old is not judged.
JUDGED_FOR = timedelta(days=5)

log = structlog.get_logger(__name__)

_repaired = Counter("soma_events_repaired_total", "Events found lost and delivered again")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`checked` records, of which `repaired` were lost; `behind`: not judged, still to be read."""

    checked: int
    repaired: int
    behind: int


def reconcile() -> Reconciled:
    """Check what has been on the bus since the last run, and repair. Raises: BackboneAway."""
    backbone = BACKBONE.get()
    topics = events.topics()
    behind = backbone.lag(consuming.GROUP, topics).records
    if behind:
        # What consumers have not passed yet cannot be missed.
        return Reconciled(0, 0, behind)
    reader = backbone.reader(GROUP, topics)
    checked = repaired = 0
    try:
        for _ in range(BATCHES_AT_MOST):
            read, lost = _check(reader)
            checked, repaired = checked + read, repaired + lost
            if not read:
                break
    finally:
        reader.close()
    _repaired.inc(repaired)
    if repaired:
        log.error("events.repaired", count=repaired)
    return Reconciled(checked, repaired, 0)


def _check(reader: Reader) -> tuple[int, int]:
    with reader.batch(BATCH_SIZE, WAIT_S) as records:
        rows = [row for record in records if (row := consuming.event_of(record)) is not None]
        lost = sum(
            _park_lost(Scope(tenant_id), group) for tenant_id, group in consuming.by_tenant(rows)
        )
    return len(records), lost


def _park_lost(scope: Scope, rows: Sequence[Arrived]) -> int:
    wanted = [
        row
        for row in rows
        if events.subscriptions(row.type) and row.created_at > now() - JUDGED_FOR
    ]
    if not wanted:
        return 0
    with consuming.unit(scope):
        accounted = _accounted([row.id for row in wanted])
        lost = [row for row in wanted if row.id not in accounted]
        consuming.park(lost)
    return len(lost)


def _accounted(event_ids: list[UUID]) -> set[UUID]:
    # Receipts of an event are written together. One is enough: a subscriber that is new since then
    # was never meant to hear of it.
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "select event_id from kernel_inboxrecord where event_id = any(%(ids)s) "
            "union select id from kernel_outboxevent where id = any(%(ids)s)",
            {"ids": event_ids},
        )
        return {event_id for (event_id,) in cursor.fetchall()}
