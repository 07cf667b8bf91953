"""Forgetting for good, and its proof: what is selected, what hangs on it, what went.

Runs inside a unit that the engine opened; all or nothing.  Every table that holds something of a
memory has a line in SATELLITES, or is reached from the memory by a cascading key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection, models

from kernel.scope import require_scope
from memory.models import Memory
from memory.models_cognition import MemoryFocus, SleepCycleRecord
from memory.ports import WORKING, Everything, Forgotten, Matching, MemoryScope, Selection, These

# Ids that a proof lists; for more the counts have to do.
MAX_TOLD = 1_000
# So many at a time keep a statement's arrays and locks within reason.
_BATCH = 5_000
# Facts that were drawn from nothing but the memories in %(ids)s: they go with them.
_DERIVED = (
    "select f.id from memory_memory f where f.tenant_id = %(tenant_id)s and f.kind = 'semantic' "
    "and f.id <> all(%(ids)s) and exists ("
    "select 1 from memory_memorylink l where l.tenant_id = f.tenant_id "
    "and l.source_id = f.id and l.relation = 'derived_from' and l.target_id = any(%(ids)s)) "
    "and not exists (select 1 from memory_memorylink l where l.tenant_id = f.tenant_id "
    "and l.source_id = f.id and l.relation = 'derived_from' and l.target_id <> all(%(ids)s))"
)
# store -> statement that deletes what belongs to the memories in %(ids)s of %(tenant_id)s, run
# before the memories themselves go; its row count is the proof.
SATELLITES: Mapping[str, str] = {
    "links": (
        "delete from memory_memorylink where tenant_id = %(tenant_id)s "
        "and (source_id = any(%(ids)s) or target_id = any(%(ids)s))"
    ),
    "facts": (
        "delete from memory_memoryfact where tenant_id = %(tenant_id)s and memory_id = any(%(ids)s)"
    ),
    "traces": (
        "delete from memory_memorytrace "
        "where tenant_id = %(tenant_id)s and memory_id = any(%(ids)s)"
    ),
    "focus": (
        "delete from memory_memoryfocus "
        "where tenant_id = %(tenant_id)s and memory_id = any(%(ids)s)"
    ),
    "names": (
        "delete from memory_memoryname where tenant_id = %(tenant_id)s and memory_id = any(%(ids)s)"
    ),
    # What sleep did is told with the beginning of the text.
    "sleep_reports": (
        "update memory_sleepcyclerecord c set changes = coalesce(("
        "select jsonb_agg(one order by place) "
        "from jsonb_array_elements(c.changes) with ordinality as o(one, place) "
        "where not (one -> 'memory_ids' ?| %(texts)s::text[])), '[]') "
        "where c.tenant_id = %(tenant_id)s and c.user_id = %(user_id)s and exists ("
        "select 1 from jsonb_array_elements(c.changes) one "
        "where one -> 'memory_ids' ?| %(texts)s::text[])"
    ),
}


def selected(scope: MemoryScope, selection: Selection) -> models.QuerySet[Memory]:
    """Return the rows of the scope that a selection means."""
    rows: models.QuerySet[Memory] = Memory.objects.filter(user_id=scope.user_id)
    if isinstance(selection, Everything):
        return rows
    rows = rows.filter(namespace=scope.namespace)
    if scope.agent_id is not None:
        rows = rows.filter(agent_id=scope.agent_id)
    if isinstance(selection, These):
        return rows.filter(id__in=list(selection.memory_ids))
    return rows.filter(**conditions(selection))


def forget(scope: MemoryScope, selection: Selection) -> Forgotten:
    """Delete the selection; return the counts of what was deleted and what a last look found.

    `derived` of the proof: facts that lost their last source; they count as memories too.
    """
    chosen = list(selected(scope, selection).order_by("id").select_for_update().values_list("id"))
    ids: list[UUID] = [row[0] for row in chosen]
    stores = Counter(dict.fromkeys(("embeddings", "pending", "derived", *SATELLITES), 0))
    derived = _derived(ids)
    stores["derived"] = len(derived)
    gone = [*ids, *derived]
    deleted = sum(
        _delete(scope, gone[first : first + _BATCH], stores)
        for first in range(0, len(gone), _BATCH)
    )
    if isinstance(selection, Everything):
        # Reports may still tell of facts that sleep itself took away.
        rest, _ = SleepCycleRecord.objects.filter(user_id=scope.user_id).delete()
        stores["sleep_reports"] += rest
    left = selected(scope, selection).count()
    told = tuple(gone) if len(gone) <= MAX_TOLD else ()
    return Forgotten(deleted, (("memories", deleted), *stores.items()), left, told)


def _derived(ids: list[UUID]) -> list[UUID]:
    """Return the facts that stand on these memories alone, and facts on those in turn."""
    found: list[UUID] = []
    with connection.cursor() as cursor:
        while True:
            known = [*ids, *found]
            cursor.execute(_DERIVED, {"tenant_id": require_scope().tenant_id, "ids": known})
            more = [row[0] for row in cursor.fetchall()]
            if not more:
                return found
            found += more


def _delete(scope: MemoryScope, ids: list[UUID], stores: Counter[str]) -> int:
    """Delete memories with all that hangs on them; add to the counts, return how many went."""
    values: dict[str, Any] = {
        "tenant_id": require_scope().tenant_id,
        "user_id": scope.user_id,
        "ids": ids,
        "texts": [str(one) for one in ids],
    }
    with connection.cursor() as cursor:
        for store, statement in SATELLITES.items():
            cursor.execute(statement, values)
            stores[store] += cursor.rowcount
        cursor.execute(
            "delete from memory_memory where tenant_id = %(tenant_id)s and id = any(%(ids)s) "
            "returning embedding_model is not null",
            values,
        )
        embedded = [row[0] for row in cursor.fetchall()]
    stores["embeddings"] += sum(embedded)
    stores["pending"] += len(embedded) - sum(embedded)
    return len(embedded)


def _in_focus() -> models.QuerySet[MemoryFocus, dict[str, Any]]:
    """Return the ids of what is in focus; the policy of its table keeps to the tenant."""
    return MemoryFocus.objects.values("memory_id")


def conditions(selection: Matching) -> dict[str, object]:
    """Return the look-ups of a filter, without those that were not given."""
    given = {
        "conversation_id": selection.conversation_id,
        "turn_id": selection.turn_id,
        "message_id": selection.message_id,
        "speaker": selection.speaker,
        "kind": None if selection.kind == WORKING else selection.kind,
        "id__in": _in_focus() if selection.kind == WORKING else None,
        "said_at__gte": selection.said_from,
        "said_at__lt": selection.said_before,
    }
    return {name: value for name, value in given.items() if value is not None}
