"""Events enter the outbox in the transaction of their cause, and nowhere else."""

from collections.abc import Callable, Sequence
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Model

from kernel import events, trace
from kernel.clock import now
from kernel.ids import uuid7
from kernel.models import OutboxEvent
from kernel.rows import insert
from kernel.scope import require_scope

_INSERT = """
insert into kernel_outboxevent (tenant_id, created_at, available_at, attempts, parked, last_error,
  id, type, version, key, payload, headers)
select %s, %s, %s, 0, false, '', id, type, version, key, payload::jsonb, headers::jsonb
from unnest(%s::uuid[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[])
  as e (id, type, version, key, payload, headers)
"""

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
    """Record many events, each with its key, in one round trip. Returns their ids, in order.

    Raises: InvalidEvent, ScopeMissing.
    """
    entries = [events.type_of(value) for value, _ in values]
    ids = [uuid7() for _ in values]
    with connections["default"].cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                *(require_scope().tenant_id, now(), now()),
                ids,
                [entry.name for entry in entries],
                [entry.version for entry in entries],
                [key for _, key in values],
                [events.encode(value).decode() for value, _ in values],
                [f'{{"{trace.HEADER}": "{trace.outgoing()}"}}' for _ in values],
            ],
        )
    wake_after_commit()
    return ids


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
