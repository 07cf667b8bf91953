"""Events enter the outbox in the transaction of their cause, and nowhere else."""

from collections.abc import Callable, Sequence
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Model

from kernel import events, trace
from kernel.clock import now
from kernel.db import PLATFORM_ALIAS
from kernel.ids import uuid7
from kernel.models import OutboxEvent
from kernel.rows import insert
from kernel.scope import PLATFORM_TENANT, current_scope, is_platform, require_scope

# One parameter for all rows: several arrays cost as much again in writing them out.
_INSERT = """
insert into kernel_outboxevent (tenant_id, created_at, available_at, attempts, parked, last_error,
  id, type, version, key, payload, headers)
select %s, %s, %s, 0, false, '', id, type, version, key, payload, headers
from json_to_recordset(%s::json)
  as e (id uuid, type text, version int, key text, payload jsonb, headers jsonb)
"""

_wake: Callable[[], None] | None = None


def set_wake(wake: Callable[[], None] | None) -> None:
    """Composition root only: how a commit tells the relay that there is work."""
    global _wake  # noqa: PLW0603
    _wake = wake


def wake_after_commit(alias: str = DEFAULT_DB_ALIAS) -> None:
    """Tell the relay when the open unit has committed."""
    if _wake is not None:
        transaction.on_commit(_wake, using=alias, robust=True)


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

    In a platform unit it is an event of the platform itself, under the nil tenant.
    `beside`: new rows that are inserted with it, in the same round trip.
    Raises: InvalidEvent, ScopeMissing. The relay is woken after the commit.
    """
    row = event_row(value, key=key, headers=headers)
    is_ours = row.tenant_id == PLATFORM_TENANT and current_scope() is None
    alias = PLATFORM_ALIAS if is_ours else DEFAULT_DB_ALIAS
    insert([*beside, row], alias=alias)
    wake_after_commit(alias)
    return row.id


def emit_all(
    values: Sequence[tuple[object, str]], traces: Sequence[str] | None = None
) -> list[UUID]:
    """Record many events, each with its key, in one round trip. Returns their ids, in order.

    `traces`: what each goes on with (`trace.outgoing`), where they come from several.
    Raises: InvalidEvent, ScopeMissing.
    """
    if not values:
        return []
    ids = [uuid7() for _ in values]
    own = traces or [trace.outgoing()] * len(values)
    rows = []
    for event_id, (value, key), traceparent in zip(ids, values, own, strict=True):
        entry = events.type_of(value)
        payload = orjson.Fragment(events.encode(value))
        rows.append(
            {
                "id": event_id,
                "type": entry.name,
                "version": entry.version,
                "key": key,
                "payload": payload,
                "headers": {trace.HEADER: traceparent},
            }
        )
    moment = now()
    with connections["default"].cursor() as cursor:
        cursor.execute(
            _INSERT,
            [require_scope().tenant_id, moment, moment, orjson.dumps(rows).decode()],
        )
    wake_after_commit()
    return ids


def event_row(value: object, *, key: str, headers: dict[str, str] | None = None) -> OutboxEvent:
    """An event to be inserted `beside` another one. Raises: InvalidEvent, ScopeMissing."""
    entry = events.type_of(value)
    is_ours = current_scope() is None and is_platform()
    return OutboxEvent(
        id=uuid7(),
        tenant_id=PLATFORM_TENANT if is_ours else require_scope().tenant_id,
        type=entry.name,
        version=entry.version,
        key=key,
        payload=events.dump(value),
        headers={trace.HEADER: trace.outgoing(), **(headers or {})},
    )
