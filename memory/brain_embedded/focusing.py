"""Working memory: takes what was just said into the focus of its person and agent.

Runs in the worker, in the transaction that gives the memories their embeddings; which are admitted
and which have to leave is decided by `memory.cognition.focus`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import orjson

from kernel.clock import now
from kernel.ids import uuid7
from memory.cognition.focus import FocusItem, admitted
from memory.cognition.vectors import as_vector, normalised

# What was said longer ago (an import) is remembered, and not what anybody is concerned with now.
CURRENT = timedelta(days=1)
_OWNED = "f.tenant_id = %s and f.user_id = %s and f.agent_id = %s and f.namespace = %s"


@dataclass(frozen=True, slots=True)
class Fresh:
    """A memory that just got its embedding, as a pgvector literal."""

    tenant_id: UUID
    user_id: UUID
    agent_id: UUID
    namespace: str
    memory_id: UUID
    said_at: datetime
    vector: str

    @property
    def owner(self) -> tuple[UUID, UUID, UUID, str]:
        """Whose focus it is."""
        return self.tenant_id, self.user_id, self.agent_id, self.namespace


def admit(cursor: Any, fresh: Sequence[Fresh]) -> None:
    """Take the memories into focus, each pair of person and agent by itself."""
    since = now() - CURRENT
    current = sorted(
        (one for one in fresh if one.said_at >= since), key=lambda one: (one.owner, one.said_at)
    )
    for owner, group in groupby(current, key=lambda one: one.owner):
        _admit(cursor, owner, list(group))


def _admit(cursor: Any, owner: tuple[UUID, UUID, UUID, str], fresh: list[Fresh]) -> None:
    # One worker at a time: each decides by all that is in focus.
    key = ":".join(str(part) for part in owner)
    cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"focus:{key}"])
    cursor.execute(
        "select f.memory_id, f.touched_at, m.embedding::text from memory_memoryfocus f "  # noqa: S608  # constants
        "join memory_memory m on m.tenant_id = f.tenant_id and m.id = f.memory_id "
        f"where {_OWNED} and m.embedding is not null order by f.touched_at",
        owner,
    )
    items = tuple(
        FocusItem(str(memory_id), _direction(vector), touched_at.timestamp())
        for memory_id, touched_at, vector in cursor.fetchall()
    )
    before = {one.item_id for one in items}
    for one in fresh:
        at_s = one.said_at.timestamp()
        items = admitted(items, str(one.memory_id), _direction(one.vector), at_s).items
    after = {one.item_id: one.touched_s for one in items}
    gone = [UUID(item_id) for item_id in before - set(after)]
    new = [(UUID(item_id), at_s) for item_id, at_s in after.items() if item_id not in before]
    tenant_id, user_id, agent_id, namespace = owner
    cursor.execute(
        "delete from memory_memoryfocus where tenant_id = %s and memory_id = any(%s)",
        [tenant_id, gone],
    )
    cursor.executemany(
        "insert into memory_memoryfocus (id, tenant_id, created_at, user_id, agent_id, namespace, "
        "memory_id, touched_at) values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        [
            (
                *(uuid7(), tenant_id, now(), user_id, agent_id, namespace, memory_id),
                datetime.fromtimestamp(at_s, UTC),
            )
            for memory_id, at_s in new
        ],
    )


def _direction(literal: str) -> Any:
    """Return the vector of a literal, which is a JSON list."""
    return normalised(as_vector(orjson.loads(literal)))
