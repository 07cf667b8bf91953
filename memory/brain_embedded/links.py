"""Links between memories: typed, weighted edges of one person's memories, and the way along them.

Each function runs inside a unit that the caller opened.  An end outside the scope is as good as
unknown; edges go with either of their memories.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection

from kernel.clock import now
from kernel.ids import uuid7
from kernel.scope import require_scope
from memory.errors import BadMemory, NoSuchMemory
from memory.ports import MAX_NEIGHBOURS, Link, Memory, MemoryScope, Neighbour

MAX_HOPS = 3
# Edges of one memory that a walk follows: a hub must not pull in the whole store.
_MAX_EDGES = 50

# What the port tells of a memory; the two derived columns come from the tables of cognition.
KEPT_COLUMNS = (
    "m.id, m.text, m.speaker, m.said_at, m.kind, "
    "case when t.id is not null and m.state = 'indexed' then 'consolidated' else m.state end, "
    "m.agent_id, m.conversation_id, m.turn_id, m.message_id, m.span_start, "
    "(select l.source_id from memory_memorylink l where l.tenant_id = m.tenant_id "
    "and l.target_id = m.id and l.relation = 'supersedes' "
    "order by (select n.said_at from memory_memory n where n.id = l.source_id) desc, l.id desc "
    "limit 1), "
    "(select count(*) from memory_memorylink l where l.tenant_id = m.tenant_id "
    "and l.source_id = m.id and l.relation = 'derived_from')"
)
_KEPT_FROM = (
    "memory_memory m left join memory_memorytrace t "
    "on t.tenant_id = m.tenant_id and t.memory_id = m.id"
)
# user, namespace and, unless it is null, agent: the part of a scope below the tenant.
# Of `m`, the table of memories; its parameters: `values_of`.
IN_SCOPE = (
    "m.tenant_id = %(tenant)s and m.user_id = %(user)s and m.namespace = %(namespace)s "
    "and (%(agent)s::uuid is null or m.agent_id = %(agent)s::uuid)"
)


def kept(scope: MemoryScope, memory_ids: list[UUID]) -> dict[UUID, Memory]:
    """Return those of the memories that lie in the scope, by id."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {KEPT_COLUMNS} from {_KEPT_FROM} where {IN_SCOPE} and m.id = any(%(ids)s)",  # noqa: S608  # constants
            {**values_of(scope), "ids": memory_ids},
        )
        return {row[0]: Memory(*row) for row in cursor.fetchall()}


def link(scope: MemoryScope, edge: Link) -> bool:
    """Connect two memories; True when the edge is new, else its weight is replaced.

    Raises: NoSuchMemory when an end is not in the scope.
    """
    if len(kept(scope, [edge.source_id, edge.target_id])) < 2:
        raise NoSuchMemory
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into memory_memorylink "
            "(id, tenant_id, created_at, source_id, target_id, relation, weight) "
            "values (%s, %s, %s, %s, %s, %s, %s) "
            "on conflict (tenant_id, source_id, target_id, relation) "
            "do update set weight = excluded.weight returning xmax = 0",
            [
                *(uuid7(), require_scope().tenant_id, now()),
                *(edge.source_id, edge.target_id, edge.relation, edge.weight),
            ],
        )
        return bool(cursor.fetchone()[0])


def neighbours(
    scope: MemoryScope, memory_id: UUID, *, hops: int, limit: int
) -> tuple[Neighbour, ...]:
    """Return what is linked to a memory, nearest first, then strongest; each once.

    Breadth first, in either direction; of each memory the 50 heaviest edges count.
    Raises: NoSuchMemory, BadMemory for hops outside 1..3.
    """
    if not 1 <= hops <= MAX_HOPS:
        raise BadMemory(errors=[{"pointer": "/hops", "detail": f"not within 1 and {MAX_HOPS}"}])
    if memory_id not in kept(scope, [memory_id]):
        raise NoSuchMemory
    limit = max(1, min(limit, MAX_NEIGHBOURS))
    known: dict[UUID, tuple[str, bool, int, float]] = {}
    frontier: dict[UUID, tuple[bool, float]] = {memory_id: (True, 1.0)}
    for distance in range(1, hops + 1):
        following: dict[UUID, tuple[bool, float]] = {}
        for near, far, relation, is_outgoing, weight in _edges(scope, list(frontier)):
            first_outgoing, strength = frontier[near]
            outgoing = is_outgoing if distance == 1 else first_outgoing
            if far == memory_id or (far in known and known[far][2] < distance):
                continue
            found = (relation, outgoing, distance, strength * weight)
            if far not in known or known[far][3] < found[3]:
                known[far] = found
                following[far] = (outgoing, found[3])
        if len(known) >= limit or not following:
            break
        frontier = following
    best = sorted(known.items(), key=lambda pair: (pair[1][2], -pair[1][3], str(pair[0])))[:limit]
    memories = kept(scope, [one for one, _ in best])
    return tuple(Neighbour(memories[one], *found) for one, found in best if one in memories)


def _edges(scope: MemoryScope, ids: list[UUID]) -> list[tuple[UUID, UUID, str, bool, float]]:
    """Return (near end, far end, relation, whether it leaves the near end, weight)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select e.near, e.far, e.relation, e.outgoing, e.weight from ("  # noqa: S608  # constants
            "select x.*, row_number() over (partition by near order by weight desc, far) as place "
            "from ("
            "select source_id as near, target_id as far, relation, true as outgoing, weight "
            "from memory_memorylink where tenant_id = %(tenant)s and source_id = any(%(ids)s) "
            "union all "
            "select target_id, source_id, relation, false, weight "
            "from memory_memorylink where tenant_id = %(tenant)s and target_id = any(%(ids)s)"
            # From the few edges to their ends, never through all memories of the scope.
            ") x cross join lateral (select 1 from memory_memory m "
            f"where m.id = x.far and {IN_SCOPE} offset 0) within"
            ") e where e.place <= %(most)s",
            {**values_of(scope), "ids": ids, "most": _MAX_EDGES},
        )
        return list(cursor.fetchall())


def values_of(scope: MemoryScope) -> dict[str, Any]:
    """The parameters that name a scope in a statement."""
    return {
        "tenant": require_scope().tenant_id,
        "user": scope.user_id,
        "namespace": scope.namespace,
        "agent": scope.agent_id,
    }
