"""Looking over a scope: its figures, and the graph of its memories and the names in them.

Each function runs inside a unit that the caller opened.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import connection

from kernel.text import as_like
from memory.brain_embedded import links
from memory.brain_embedded.links import IN_SCOPE, values_of
from memory.errors import NoSuchMemory
from memory.overview import (
    MAX_LABEL_CHARS,
    MAX_NAME_CHARS,
    AgentCount,
    Graph,
    GraphEdge,
    GraphNode,
    GraphQuery,
    Stats,
)
from memory.ports import MemoryScope

# Memories that one name leads to, and edges that one memory leads over.
_HOLDERS = 40
_EDGES = 50
_NAME = "name:"


def stats(scope: MemoryScope) -> Stats:
    """Return the figures of the scope: a pass over its memories, one each over traces and links."""
    groups = _all(
        "with grouped as (select m.kind, m.state, m.agent_id, m.conversation_id, "  # noqa: S608  # constants
        "count(*) as size, min(m.said_at) as oldest, max(m.said_at) as newest "
        f"from memory_memory m where {IN_SCOPE} group by 1, 2, 3, 4) "
        "select kind, state, agent_id, sum(size)::int, min(oldest), max(newest), "
        "(select count(distinct conversation_id) from grouped) from grouped group by 1, 2, 3",
        values_of(scope),
    )
    ((consolidated,),) = _all(
        "select count(*) from memory_memorytrace t "  # noqa: S608  # constants
        "join memory_memory m on m.tenant_id = t.tenant_id and m.id = t.memory_id "
        f"where t.tenant_id = %(tenant)s and m.state = 'indexed' and {IN_SCOPE}",
        values_of(scope),
    )
    ((superseded,),) = _all(
        "select count(distinct l.target_id) from memory_memorylink l "  # noqa: S608  # constants
        "join memory_memory m on m.tenant_id = l.tenant_id and m.id = l.target_id "
        f"where l.tenant_id = %(tenant)s and l.relation = 'supersedes' and {IN_SCOPE}",
        values_of(scope),
    )
    kinds: Counter[str] = Counter()
    states: Counter[str] = Counter()
    agents: Counter[UUID] = Counter()
    for kind, state, agent_id, size, *_ in groups:
        kinds[kind] += size
        states[state] += size
        agents[agent_id] += size
    states["indexed"] -= consolidated
    states["consolidated"] = consolidated
    return Stats(
        total=kinds.total(),
        by_kind=dict(kinds),
        by_state={name: size for name, size in states.items() if size},
        by_agent=tuple(AgentCount(agent_id, size) for agent_id, size in agents.most_common()),
        conversations=groups[0][6] if groups else 0,
        oldest=min((row[4] for row in groups), default=None),
        newest=max((row[5] for row in groups), default=None),
        superseded=superseded,
    )


def graph(scope: MemoryScope, query: GraphQuery) -> Graph:
    """Return the part of the graph that was asked for.  Raises: NoSuchMemory."""
    reached = _Reached(query.limit)
    if query.around is not None:
        if query.around not in links.kept(scope, [query.around]):
            raise NoSuchMemory
        reached.add_memories([query.around])
    elif query.name is not None:
        reached.add_names(_names_like(scope, query.name))
    else:
        reached.add_names(_most_held(scope, max(1, query.limit // 5)))
        reached.add_memories(_most_linked(scope, max(1, query.limit // 5)))
    for _ in range(query.hops):
        memories, names = list(reached.fresh_memories), list(reached.fresh_names)
        reached.fresh_memories.clear()
        reached.fresh_names.clear()
        if reached.is_full or not (memories or names):
            break
        reached.add_memories(_linked(scope, memories))
        reached.add_names(_names_in(scope, memories))
        reached.add_memories(_holders(scope, names))
    return _drawn(scope, reached)


class _Reached:
    """The nodes found so far, nearest first, up to a limit; `fresh_*` were found last."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.memories: dict[UUID, None] = {}
        self.names: dict[str, None] = {}
        self.fresh_memories: dict[UUID, None] = {}
        self.fresh_names: dict[str, None] = {}

    @property
    def is_full(self) -> bool:
        """Whether no further node is taken."""
        return len(self.memories) + len(self.names) >= self._limit

    def add_memories(self, ids: list[UUID]) -> None:
        """Take those that are new, while there is room."""
        for one in ids:
            if one not in self.memories and not self.is_full:
                self.memories[one] = self.fresh_memories[one] = None

    def add_names(self, names: list[str]) -> None:
        """Take those that are new, while there is room."""
        for one in names:
            if one not in self.names and not self.is_full:
                self.names[one] = self.fresh_names[one] = None


def _drawn(scope: MemoryScope, reached: _Reached) -> Graph:
    """Return the nodes with every edge between them."""
    kept = links.kept(scope, list(reached.memories))
    values = {**values_of(scope), "ids": list(kept), "names": list(reached.names)}
    edges = [
        GraphEdge(str(source), str(target), relation)
        for source, target, relation in _all(
            "select source_id, target_id, relation from memory_memorylink "
            "where tenant_id = %(tenant)s and source_id = any(%(ids)s) "
            "and target_id = any(%(ids)s) order by source_id, target_id, relation",
            values,
        )
    ]
    edges += [
        GraphEdge(str(memory_id), f"{_NAME}{name}", "mentions")
        for memory_id, name in _all(
            "select memory_id, name from memory_memoryname where tenant_id = %(tenant)s "
            "and memory_id = any(%(ids)s) and name = any(%(names)s) order by memory_id, name",
            values,
        )
    ]
    degrees = Counter(end for edge in edges for end in (edge.source, edge.target))
    nodes = [
        GraphNode(str(one.memory_id), "memory", _label(one.text), one.said_at, one.kind)
        for one in (kept[memory_id] for memory_id in reached.memories if memory_id in kept)
    ]
    nodes += [GraphNode(f"{_NAME}{name}", "name", name) for name in reached.names]
    return Graph(tuple(replace(node, degree=degrees[node.id]) for node in nodes), tuple(edges))


def _most_held(scope: MemoryScope, limit: int) -> list[str]:
    """Return the names that most memories hold; those of several memories first."""
    return _column(
        "select n.name from memory_memoryname n "  # noqa: S608  # constants
        "join memory_memory m on m.tenant_id = n.tenant_id and m.id = n.memory_id "
        f"where n.tenant_id = %(tenant)s and n.user_id = %(user)s and {IN_SCOPE} "
        "group by n.name order by count(*) desc, n.name limit %(limit)s",
        {**values_of(scope), "limit": limit},
    )


def _most_linked(scope: MemoryScope, limit: int) -> list[UUID]:
    """Return the memories with most edges."""
    return _column(
        "select m.id from memory_memory m join ("  # noqa: S608  # constants
        "select source_id as id from memory_memorylink where tenant_id = %(tenant)s union all "
        "select target_id from memory_memorylink where tenant_id = %(tenant)s) e on e.id = m.id "
        f"where {IN_SCOPE} group by m.id order by count(*) desc, m.id limit %(limit)s",
        {**values_of(scope), "limit": limit},
    )


def _names_like(scope: MemoryScope, given: str) -> list[str]:
    """Return the name itself, else names that begin with the word or hold it as a word."""
    word = given.strip().lower()[:MAX_NAME_CHARS].replace("\x00", "")
    if not word:
        return []
    pattern = as_like(word)
    return _column(
        "select n.name from memory_memoryname n "  # noqa: S608  # constants
        "join memory_memory m on m.tenant_id = n.tenant_id and m.id = n.memory_id "
        f"where n.tenant_id = %(tenant)s and n.user_id = %(user)s and {IN_SCOPE} "
        "and (n.name like %(begin)s or n.name like %(inside)s) "
        "group by n.name order by n.name = %(word)s desc, count(*) desc, n.name limit 10",
        {**values_of(scope), "word": word, "begin": f"{pattern}%", "inside": f"% {pattern}%"},
    )


def _linked(scope: MemoryScope, ids: list[UUID]) -> list[UUID]:
    """Return what is linked to the memories in either direction, heaviest edges first."""
    return _column(
        "select e.id from (select id, max(weight) as weight from ("  # noqa: S608  # constants
        "select target_id as id, weight from memory_memorylink "
        "where tenant_id = %(tenant)s and source_id = any(%(ids)s) union all "
        "select source_id, weight from memory_memorylink "
        "where tenant_id = %(tenant)s and target_id = any(%(ids)s)) x group by id) e "
        # From the few edges to their ends, never through all memories of the scope.
        "cross join lateral (select 1 from memory_memory m "
        f"where m.id = e.id and {IN_SCOPE} offset 0) within "
        "order by e.weight desc, e.id limit %(limit)s",
        {**values_of(scope), "ids": ids, "limit": _EDGES * max(1, len(ids))},
    )


def _names_in(scope: MemoryScope, ids: list[UUID]) -> list[str]:
    """Return the names that the memories mention."""
    return _column(
        "select name from memory_memoryname where tenant_id = %(tenant)s "
        "and memory_id = any(%(ids)s) group by name order by count(*) desc, name",
        {**values_of(scope), "ids": ids},
    )


def _holders(scope: MemoryScope, names: list[str]) -> list[UUID]:
    """Return the memories that hold the names: of each the newest, in turn, so all get a share."""
    return _column(
        "select id from (select m.id, m.said_at, "  # noqa: S608  # constants
        "row_number() over (partition by n.name order by m.said_at desc, m.id) as place "
        "from memory_memoryname n cross join lateral (select m.id, m.said_at from memory_memory m "
        f"where m.id = n.memory_id and {IN_SCOPE} offset 0) m "
        "where n.tenant_id = %(tenant)s and n.user_id = %(user)s "
        "and n.namespace = %(namespace)s and n.name = any(%(names)s)) x "
        "where place <= %(most)s order by place, said_at desc, id",
        {**values_of(scope), "names": names, "most": _HOLDERS},
    )


def _label(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_LABEL_CHARS else f"{line[: MAX_LABEL_CHARS - 1]}…"


def _all(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _column(statement: str, values: dict[str, Any]) -> list[Any]:
    return list(dict.fromkeys(row[0] for row in _all(statement, values)))
