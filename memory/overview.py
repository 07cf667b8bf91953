"""Values of looking over a memory as a whole: figures, and the graph of memories and names.

Pure and frozen; they cross BrainPort.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from memory.errors import BadMemory

MAX_GRAPH_NODES = 200
MAX_GRAPH_HOPS = 2
MAX_NAME_CHARS = 60
MAX_LABEL_CHARS = 120


@dataclass(frozen=True, slots=True)
class AgentCount:
    """How many memories of the scope belong to one agent."""

    agent_id: UUID
    count: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures of one scope.  `superseded`: memories that a newer one replaces; they are kept.

    `by_kind`, `by_state`: {name: memories}; a name without any is left out.
    """

    total: int
    by_kind: Mapping[str, int] = field(default_factory=dict)
    by_state: Mapping[str, int] = field(default_factory=dict)
    by_agent: tuple[AgentCount, ...] = ()
    conversations: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    superseded: int = 0


@dataclass(frozen=True, slots=True)
class GraphQuery:
    """Which part of the graph: around a memory, around a name, or (neither) the most linked.

    Raises: BadMemory for both at once, hops outside 1..2, a limit outside 1..200.
    """

    around: UUID | None = None
    name: str | None = None
    hops: int = 1
    limit: int = 100

    def __post_init__(self) -> None:
        if self.around is not None and self.name is not None:
            raise BadMemory("Give a memory or a name to look around, not both.")
        for pointer, value, most in (
            ("/hops", self.hops, MAX_GRAPH_HOPS),
            ("/limit", self.limit, MAX_GRAPH_NODES),
        ):
            if not 1 <= value <= most:
                raise BadMemory(errors=[{"pointer": pointer, "detail": f"not within 1 and {most}"}])


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A memory (`id` is its UUID) or a name (`id` is "name:" and the name).

    `label`: the name, or the first 120 characters of the text.  `degree`: edges within the answer.
    """

    id: str
    kind: Literal["memory", "name"]
    label: str
    said_at: datetime | None = None
    memory_kind: str | None = None
    degree: int = 0


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """A directed edge between two nodes of the answer; a memory `mentions` a name."""

    source: str
    target: str
    relation: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes nearest first, at most `limit`, and every edge between them."""

    nodes: tuple[GraphNode, ...] = ()
    edges: tuple[GraphEdge, ...] = ()
