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

import numpy as np
import orjson

from kernel.clock import now
from kernel.ids import uuid7
from kernel.locks import take_turns
from memory.cognition.focus import FocusItem, admitted
from memory.cognition.vectors import as_vector, normalised

# What was said longer ago (an import) is remembered, and not what anybody is concerned with now.
CURRENT = timedelta(days=1)
# The vectors in the form of the wire (two counts, then floats), whose text takes longer to write
# and to read than all the rest.
_IN_FOCUS = """
select f.tenant_id, f.user_id, f.agent_id, f.namespace, f.memory_id, f.touched_at,
  vector_send(m.embedding)
from unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[])
  as o (tenant_id, user_id, agent_id, namespace)
join memory_memoryfocus f on f.tenant_id = o.tenant_id and f.user_id = o.user_id
  and f.agent_id = o.agent_id and f.namespace = o.namespace
join memory_memory m on m.tenant_id = f.tenant_id and m.id = f.memory_id
where m.embedding is not null order by f.touched_at
"""
_COUNTS_BYTES = 4

Owner = tuple[UUID, UUID, UUID, str]


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
    def owner(self) -> Owner:
        """Whose focus it is."""
        return self.tenant_id, self.user_id, self.agent_id, self.namespace


def admit(cursor: Any, fresh: Sequence[Fresh]) -> None:
    """Take the memories into focus, each pair of person and agent by itself."""
    since = now() - CURRENT
    current = sorted(
        (one for one in fresh if one.said_at >= since), key=lambda one: (one.owner, one.said_at)
    )
    if not current:
        return
    owners = list(dict.fromkeys(one.owner for one in current))
    # One worker at a time: each decides by all that is in focus.
    take_turns(cursor, ("focus:" + ":".join(map(str, owner)) for owner in owners))
    focus = _in_focus(cursor, owners)
    gone: list[tuple[UUID, UUID]] = []
    new: list[tuple[Any, ...]] = []
    for owner, group in groupby(current, key=lambda one: one.owner):
        before = {one.item_id for one in focus[owner]}
        after = {one.item_id: one.touched_s for one in _with(focus[owner], list(group))}
        gone += [(owner[0], UUID(item_id)) for item_id in before - set(after)]
        new += [
            (uuid7(), *owner, UUID(item_id), datetime.fromtimestamp(at_s, UTC))
            for item_id, at_s in after.items()
            if item_id not in before
        ]
    cursor.execute(
        "delete from memory_memoryfocus where (tenant_id, memory_id) in "
        "(select * from unnest(%s::uuid[], %s::uuid[]))",
        columns(gone, 2),
    )
    cursor.execute(
        "insert into memory_memoryfocus (created_at, id, tenant_id, user_id, agent_id, namespace, "
        "memory_id, touched_at) select %s, * from unnest(%s::uuid[], %s::uuid[], %s::uuid[], "
        "%s::uuid[], %s::text[], %s::uuid[], %s::timestamptz[]) on conflict do nothing",
        [now(), *columns(new, 7)],
    )


def columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """Return the columns of `rows`, as `unnest` takes them."""
    return [[row[place] for row in rows] for place in range(count)]


def _in_focus(cursor: Any, owners: Sequence[Owner]) -> dict[Owner, tuple[FocusItem, ...]]:
    """Return what each owner is concerned with, oldest first."""
    cursor.execute(_IN_FOCUS, columns(owners, 4))
    found: dict[Owner, tuple[FocusItem, ...]] = dict.fromkeys(owners, ())
    for tenant_id, user_id, agent_id, namespace, memory_id, touched_at, sent in cursor.fetchall():
        direction = normalised(as_vector(np.frombuffer(sent, ">f4", offset=_COUNTS_BYTES)))
        item = FocusItem(str(memory_id), direction, touched_at.timestamp())
        found[tenant_id, user_id, agent_id, namespace] += (item,)
    return found


def _with(items: tuple[FocusItem, ...], fresh: Sequence[Fresh]) -> tuple[FocusItem, ...]:
    """Return the focus after all of `fresh` was taken in."""
    for one in fresh:
        direction = normalised(as_vector(orjson.loads(one.vector)))
        items = admitted(items, str(one.memory_id), direction, one.said_at.timestamp()).items
    return items
