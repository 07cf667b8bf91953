"""Forgetting for good, and its proof: what is selected, what hangs on it, what went.

Runs inside a unit that the engine opened; all or nothing.  Every table that holds something of a
memory has a line in SATELLITES, or is reached from the memory by a cascading key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection, models

from kernel.scope import require_scope
from memory.models import Memory
from memory.ports import Everything, Forgotten, Matching, MemoryScope, Selection, These

# store -> statement that deletes what belongs to the memories in %(ids)s of %(tenant_id)s, run
# before the memories themselves go; its row count is the proof.
SATELLITES: Mapping[str, str] = {
    # First: which fact loses its last source is seen by the links, which go with the memories.
    "derived": (
        "delete from memory_memory f where f.tenant_id = %(tenant_id)s and f.kind = 'semantic' "
        "and f.id <> all(%(ids)s) and exists ("
        "select 1 from memory_memorylink l where l.tenant_id = f.tenant_id "
        "and l.source_id = f.id and l.relation = 'derived_from' and l.target_id = any(%(ids)s)) "
        "and not exists (select 1 from memory_memorylink l where l.tenant_id = f.tenant_id "
        "and l.source_id = f.id and l.relation = 'derived_from' and l.target_id <> all(%(ids)s))"
    ),
    "links": (
        "delete from memory_memorylink where tenant_id = %(tenant_id)s "
        "and (source_id = any(%(ids)s) or target_id = any(%(ids)s))"
    ),
    "traces": (
        "delete from memory_memorytrace "
        "where tenant_id = %(tenant_id)s and memory_id = any(%(ids)s)"
    ),
    "names": (
        "delete from memory_memoryname where tenant_id = %(tenant_id)s and memory_id = any(%(ids)s)"
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
    """Delete the selection; return the counts of what was deleted and what a last look found."""
    found = list(
        selected(scope, selection)
        .order_by("id")
        .select_for_update()
        .values_list("id", "embedding_model")
    )
    ids: list[UUID] = [memory_id for memory_id, _ in found]
    stores = {"embeddings": sum(model is not None for _, model in found)}
    values: dict[str, Any] = {"tenant_id": require_scope().tenant_id, "ids": ids}
    with connection.cursor() as cursor:
        for store, statement in SATELLITES.items():
            cursor.execute(statement, values)
            stores[store] = cursor.rowcount
    deleted, _ = Memory.objects.filter(id__in=ids).delete()
    left = selected(scope, selection).count()
    return Forgotten(deleted, (("memories", deleted), *stores.items()), left)


def conditions(selection: Matching) -> dict[str, object]:
    """Return the look-ups of a filter, without those that were not given."""
    given = {
        "conversation_id": selection.conversation_id,
        "turn_id": selection.turn_id,
        "message_id": selection.message_id,
        "speaker": selection.speaker,
        "kind": selection.kind,
        "said_at__gte": selection.said_from,
        "said_at__lt": selection.said_before,
    }
    return {name: value for name, value in given.items() if value is not None}
