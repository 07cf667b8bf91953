"""Reading the audit log: filters, words, pages, statistics, export."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from kernel.actor import Actor, Scope
from kernel.db import unit_of_work
from kernel.scope import PLATFORM_TENANT
from saas.audit.recording import OPERATOR
from saas.authz.check import require

# As indexed: see the migration.
WORDS = (
    "(to_tsvector('simple', translate(e.action || ' ' || e.object_type || ' ' || e.object_id, "
    "'._', '  ')) || jsonb_to_tsvector('simple', coalesce(e.before, '{}'), '[\"all\"]') "
    "|| jsonb_to_tsvector('simple', coalesce(e.after, '{}'), '[\"all\"]'))"
)
_WHERE = f"""
from saas_auditentry e left join saas_user u on u.id = e.actor_id
left join saas_user w on w.id = e.as_user_id
where e.tenant_id = %(tenant)s
  and (%(before)s::uuid is null or e.id < %(before)s)
  and (%(actor)s::uuid is null or %(actor)s in (e.actor_id, e.as_user_id))
  and (%(action)s = '' or e.action = %(action)s or starts_with(e.action, %(action)s || '.'))
  and (%(object)s = '' or e.object_id = %(object)s)
  and (%(since)s::timestamptz is null or e.created_at >= %(since)s)
  and (%(until)s::timestamptz is null or e.created_at < %(until)s)
  and (%(words)s = '' or {WORDS} @@ websearch_to_tsquery('simple', %(words)s))
"""
_ENTRIES = f"""
select e.id, e.created_at, e.actor_id,
       coalesce(u.display_name, case e.actor_id when '{OPERATOR.user_id}' then 'Operator' end, ''),
       coalesce(u.email, ''), e.action, e.object_type,
       e.object_id, e.before, e.after, e.address, e.request_id,
       e.as_user_id, coalesce(w.display_name, ''), coalesce(w.email, '')
{_WHERE} order by e.id desc limit %(limit)s
"""
_COUNTS = f"select e.action, count(*) {_WHERE} group by e.action order by 2 desc, 1"
EXPORTED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What to look for. `action`: whole, or its noun; `is_platform`: the platform's own log."""

    actor_id: UUID | None = None
    action: str = ""
    object_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    words: str = ""
    is_platform: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as people read it. `as_…`: as whom the actor acted, where that was somebody else."""

    id: UUID
    at: datetime
    actor_id: UUID
    actor_name: str
    actor_email: str
    action: str
    object_type: str
    object_id: str
    before: Any
    after: Any
    address: str
    request_id: str
    as_user_id: UUID | None
    as_user_name: str
    as_user_email: str


@dataclass(frozen=True, slots=True)
class ActionCount:
    """How often an act is in the log."""

    action: str
    count: int


def list_entries(actor: Actor, query: AuditQuery, limit: int, before: UUID | None) -> list[Entry]:
    """The newest first (one more than `limit`, when there are more). Raises: Forbidden."""
    with reading(actor, query) as tenant_id:
        return _entries(tenant_id, query, limit + 1, before)


def count_actions(actor: Actor, query: AuditQuery) -> list[ActionCount]:
    """How often which act, most frequent first. Raises: Forbidden."""
    with reading(actor, query) as tenant_id, connection.cursor() as cursor:
        cursor.execute(_COUNTS, _values(tenant_id, query, 0, None))
        return [ActionCount(*row) for row in cursor.fetchall()]


def export_entries(actor: Actor, query: AuditQuery) -> Iterator[list[Entry]]:
    """All of them in portions, newest first, each read in a unit of its own. Raises: Forbidden."""
    portion = list_entries(actor, query, EXPORTED_AT_ONCE - 1, None)

    def rest(portion: list[Entry]) -> Iterator[list[Entry]]:
        while portion:
            yield portion
            if len(portion) < EXPORTED_AT_ONCE:
                return
            portion = list_entries(actor, query, EXPORTED_AT_ONCE - 1, portion[-1].id)

    return rest(portion)


@contextmanager
def reading(actor: Actor, query: AuditQuery) -> Iterator[UUID]:
    """A unit of the log that was asked for, after the check."""
    if query.is_platform:
        require(actor, "platform.see_audit")
        scope = Scope(PLATFORM_TENANT)
    else:
        require(actor, "tenant.see_audit")
        scope = actor.scope
    with unit_of_work(scope):
        yield scope.tenant_id


def _entries(tenant_id: UUID, query: AuditQuery, limit: int, before: UUID | None) -> list[Entry]:
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, _values(tenant_id, query, limit, before))
        return [Entry(*_parsed(row)) for row in cursor.fetchall()]


def _parsed(row: tuple[Any, ...]) -> list[Any]:
    # Django leaves JSON as text where a statement is written by hand.
    return [
        orjson.loads(value) if name in {"before", "after"} and isinstance(value, str) else value
        for name, value in zip(Entry.__slots__, row, strict=True)
    ]


def _values(tenant_id: UUID, query: AuditQuery, limit: int, before: UUID | None) -> dict[str, Any]:
    return {
        "tenant": tenant_id, "before": before, "actor": query.actor_id, "action": query.action,
        "object": query.object_id, "since": query.since, "until": query.until,
        "words": query.words, "limit": limit,
    }  # fmt: skip
