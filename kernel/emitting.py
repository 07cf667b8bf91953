"""Events enter the outbox in the transaction of their cause, and nowhere else."""

from collections.abc import Callable, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Model

from kernel import events, trace
from kernel.ids import uuid7
from kernel.models import OutboxEvent
from kernel.rows import insert
from kernel.scope import require_scope

# More rows than this in one statement gain nothing and bloat the plan cache.
ROWS_AT_ONCE = 50

_wake: Callable[[], None] | None = None


def set_wake(wake: Callable[[], None] | None) -> None:
    """Composition root only: how a commit tells the relay that there is work."""
    global _wake  # noqa: PLW0603
    _wake = wake


def wake_after_commit() -> None:
    """Tell the relay when the open unit has committed."""
    if _wake is not None:
        transaction.on_commit(_wake, robust=True)


def wake_now() -> None:
    """Tell the relay at once, when nothing is open that would have to commit first."""
    if _wake is not None:
        _wake()


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
    row = _row(value, key, headers)
    insert([*beside, row])
    wake_after_commit()
    return row.id


def emit_all(values: Sequence[tuple[object, str]]) -> list[UUID]:
    """Record many events, each with its key, in few round trips. Returns their ids, in order.

    Raises: InvalidEvent, ScopeMissing.
    """
    rows = [_row(value, key, None) for value, key in values]
    for first in range(0, len(rows), ROWS_AT_ONCE):
        OutboxEvent.objects.bulk_create(rows[first : first + ROWS_AT_ONCE])
    wake_after_commit()
    return [row.id for row in rows]


def _row(value: object, key: str, headers: dict[str, str] | None) -> OutboxEvent:
    entry = events.type_of(value)
    return OutboxEvent(
        id=uuid7(),
        tenant_id=require_scope().tenant_id,
        type=entry.name,
        version=entry.version,
        key=key,
        payload=events.dump(value),
        headers={trace.HEADER: trace.outgoing(), **(headers or {})},
    )
