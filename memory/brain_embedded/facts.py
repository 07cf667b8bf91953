"""Semantic facts: made from episodes, linked to them, the newer one of a slot before the older.

A fact is a memory of kind semantic, so it is found, linked and forgotten like any other; its row in
`MemoryFact` says what it states.  Runs inside a unit that the caller opened; safe to repeat.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from kernel.clock import now
from kernel.ids import uuid7
from kernel.scope import require_scope
from memory.brain_embedded import search
from memory.cognition.drawing import Fact
from memory.ports import MemoryItem, MemoryScope

# Of a slot that keeps changing, this many of its facts are ordered among each other.
_MOST_OF_A_SLOT = 20


@dataclass(frozen=True, slots=True)
class Source:
    """The episode that a fact was drawn from."""

    memory_id: UUID
    said_at: datetime


def keep(scope: MemoryScope, fact: Fact, source: Source) -> tuple[UUID, bool]:
    """Keep the fact with its source; return its memory's id and whether it is new.

    Idempotent on: (user, agent, namespace, fact); said again it gets another source and a newer
    time.  Then the facts of its slot are put in order.
    """
    key = f"fact:{scope.user_id}:{scope.agent_id}:{scope.namespace}:{fact.key}"
    item = MemoryItem(fact.text, "user", source.said_at, key, kind="semantic")
    is_new = bool(search.insert([(uuid7(), scope, item)]))
    memory_id = search.ids_by_key([key])[key]
    tenant_id = require_scope().tenant_id
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into memory_memoryfact (id, tenant_id, created_at, memory_id, user_id, "
            "agent_id, namespace, slot, value, said_at) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "on conflict (tenant_id, memory_id) do update "
            "set said_at = greatest(memory_memoryfact.said_at, excluded.said_at)",
            [
                *(uuid7(), tenant_id, now(), memory_id, scope.user_id, scope.agent_id),
                *(scope.namespace, fact.slot, fact.value, source.said_at),
            ],
        )
        cursor.execute(
            "update memory_memory set said_at = greatest(said_at, %s) "
            "where tenant_id = %s and id = %s",
            [source.said_at, tenant_id, memory_id],
        )
    _connect(memory_id, source.memory_id, "derived_from")
    _order(scope, fact.slot)
    return memory_id, is_new


def without_source(scope: MemoryScope) -> list[UUID]:
    """Return facts of the scope whose every source is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select f.memory_id from memory_memoryfact f where f.tenant_id = %s "
            "and f.user_id = %s and f.agent_id = %s and f.namespace = %s and not exists ("
            "select 1 from memory_memorylink l where l.tenant_id = f.tenant_id "
            "and l.source_id = f.memory_id and l.relation = 'derived_from')",
            [require_scope().tenant_id, scope.user_id, scope.agent_id, scope.namespace],
        )
        return [row[0] for row in cursor.fetchall()]


def _order(scope: MemoryScope, slot: str) -> None:
    """Link every fact of the slot to each older one, `supersedes`.

    All pairs, not a chain: whichever fact is forgotten, the order of the others stays.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select memory_id from memory_memoryfact where tenant_id = %s and user_id = %s "
            "and agent_id = %s and namespace = %s and slot = %s "
            "order by said_at desc, id desc limit %s",
            [
                *(require_scope().tenant_id, scope.user_id, scope.agent_id, scope.namespace),
                *(slot, _MOST_OF_A_SLOT),
            ],
        )
        ordered = [row[0] for row in cursor.fetchall()]
        if len(ordered) < 2:
            return
        # A fact that is said again comes before the ones that had replaced it.
        cursor.execute(
            "delete from memory_memorylink where tenant_id = %s and relation = 'supersedes' "
            "and source_id = any(%s) and target_id = any(%s)",
            [require_scope().tenant_id, ordered, ordered],
        )
    for place, newer in enumerate(ordered):
        for older in ordered[place + 1 :]:
            _connect(newer, older, "supersedes")


def _connect(source_id: UUID, target_id: UUID, relation: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into memory_memorylink "
            "(id, tenant_id, created_at, source_id, target_id, relation, weight) "
            "values (%s, %s, %s, %s, %s, %s, 1) on conflict do nothing",
            [uuid7(), require_scope().tenant_id, now(), source_id, target_id, relation],
        )
