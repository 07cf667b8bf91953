"""A generated world of memories, and every way of reading it: does anybody get what is not theirs?

Tenants, users, agents and namespaces are crossed: the same people and agents occur in every tenant,
and everybody says the same sentences next to a secret of their own, so that whatever leaks is the
best answer to somebody's question. `READS` has every call of BrainPort that gives out memories;
`NO_READS` names the others, so that a call that is in neither is noticed.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connections

from kernel.ids import uuid7
from memory.errors import BadMemory, CapabilityAbsent, EmptyMemory, NoSuchMemory
from memory.overview import GraphQuery
from memory.ports import (
    BrainPort,
    ContextQuery,
    Link,
    Matching,
    MemoryItem,
    MemoryScope,
    Position,
    Recalled,
    RecallQuery,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
# Whoever tests isolation does not test speed.
PATIENT_S = 30.0
COMMON = (
    "My cat is called Miso and she is nine years old.",
    "The rent of our flat in Lisbon went up to 1,450 euros.",
)
QUESTIONS = (
    "What is the secret word?",
    "What is the name of my pet?",
    "How expensive is the apartment?",
    "Miso rent secret word place",
)
NO_READS = frozenset(
    (
        *("remember", "remember_many", "expect", "forget", "link", "feedback", "adjust", "wake"),
        # Levels and cycles of (tenant, agent): numbers, and ids only of what a cycle changed.
        *("state", "sleep", "settle", "capabilities", "probe", "retry"),
    )
)


@dataclass(frozen=True, slots=True)
class World:
    """Who is there, and whose each memory is."""

    scopes: tuple[MemoryScope, ...]
    owners: dict[UUID, MemoryScope]
    secrets: dict[MemoryScope, str]

    def readers(self) -> Iterator[MemoryScope]:
        """Every scope as itself, and every user over all of their agents."""
        yield from self.scopes
        wide = {(one.tenant_id, one.user_id, one.namespace) for one in self.scopes}
        for tenant_id, user_id, namespace in sorted(wide):
            yield MemoryScope(tenant_id, user_id, None, namespace)

    def may_read(self, reader: MemoryScope, owner: MemoryScope) -> bool:
        """Whether a memory of `owner` is among those that `reader` asks about."""
        same = (reader.tenant_id, reader.user_id, reader.namespace) == (
            owner.tenant_id,
            owner.user_id,
            owner.namespace,
        )
        return same and reader.agent_id in (None, owner.agent_id)

    def of(self, reader: MemoryScope) -> list[UUID]:
        """The memories that a reader may see."""
        return [one for one, owner in self.owners.items() if self.may_read(reader, owner)]


@dataclass
class Tally:
    """What a sweep saw. `foreign`: "call: reader <- owner" for each hit that must not be."""

    calls: dict[str, int] = field(default_factory=dict)
    hits: int = 0
    foreign: list[str] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)
    unknown: int = 0

    def join(self, other: Tally) -> None:
        """Add what another thread saw."""
        for name, count in other.calls.items():
            self.calls[name] = self.calls.get(name, 0) + count
        self.hits += other.hits
        self.unknown += other.unknown
        self.foreign += other.foreign
        self.absent |= other.absent


@dataclass
class Reading:
    """One reader at one call: the world, and a dice of its own."""

    brain: BrainPort
    world: World
    reader: MemoryScope
    dice: random.Random

    def someone_else(self) -> UUID:
        """A memory that this reader must not see, most often of the same person elsewhere."""
        others = [
            one for one, owner in self.world.owners.items()
            if not self.world.may_read(self.reader, owner)
        ]  # fmt: skip
        near = [one for one in others if self.world.owners[one].user_id == self.reader.user_id]
        return self.dice.choice(near if near and self.dice.random() < 0.7 else others)


def build(
    brain: BrainPort, tenants: Sequence[UUID], users: int, agents: int, *, settle: bool = True
) -> World:
    """Have everybody say the common sentences and a secret; link what the brain can link.

    All users and agents occur in every tenant. The idempotency keys are the same in all tenants.
    """
    people, helpers = [uuid7() for _ in range(users)], [uuid7() for _ in range(agents)]
    scopes = tuple(
        MemoryScope(tenant, user, agent, namespace)
        for tenant in tenants
        for user, agent in itertools.product(people, helpers)
        for namespace in ("chat", "notes")
    )
    world = World(scopes, {}, {})
    for scope in scopes:
        secret = f"secret{uuid7().hex}"
        world.secrets[scope] = secret
        texts = (*COMMON, f"The secret word of this place is {secret}.")
        place = f"{scope.user_id}:{scope.agent_id}:{scope.namespace}"
        conversation = uuid7()
        items = [
            MemoryItem(
                text,
                "user",
                START + timedelta(minutes=number),
                f"{place}:{number}",
                conversation_id=conversation,
                turn_id=uuid7(),
                message_id=uuid7(),
            )
            for number, text in enumerate(texts)
        ]
        kept = brain.remember_many(scope, items)
        assert all(one.created for one in kept), "a key of another tenant was taken for this one's"
        world.owners.update({one.memory_id: scope for one in kept})
        try:
            for one, two in itertools.pairwise(kept):
                brain.link(scope, Link(one.memory_id, two.memory_id))
        except CapabilityAbsent:
            continue
    if settle:
        while brain.pending().waiting:
            brain.settle()
    return world


def _recall(it: Reading) -> list[Recalled]:
    found: list[Recalled] = []
    # Somebody else's secret, as a question: what leaks would be its best answer.
    stolen = it.world.secrets[it.world.owners[it.someone_else()]]
    for question in (*QUESTIONS, f"Is {stolen} the secret word?"):
        found += it.brain.recall(it.reader, RecallQuery(question, 50, timeout_s=PATIENT_S))
    return found


def _recent(it: Reading) -> list[Recalled]:
    found = list(it.brain.recent(it.reader, limit=100))
    # A position is a value of the caller: it must not open anything.
    for before in (Position(START + timedelta(days=1), it.someone_else()),):
        found += it.brain.recent(it.reader, limit=100, before=before)
    # Nor must a condition, which everybody's memories meet.
    for where in (Matching(speaker="user"), Matching(kind="episodic", said_from=START)):
        found += it.brain.recent(it.reader, limit=100, where=where)
        query = RecallQuery(QUESTIONS[3], 50, timeout_s=PATIENT_S, where=where)
        found += it.brain.recall(it.reader, query)
    return found


def _look_up(it: Reading) -> list[UUID]:
    asked = [*it.world.of(it.reader)[:3], *(it.someone_else() for _ in range(20)), uuid7()]
    found = []
    for one in it.brain.look_up(it.reader, asked):
        found.append(one.memory_id)
        found += [one.superseded_by] if one.superseded_by else []
    return found


def _stats(it: Reading) -> list[UUID]:
    stats = it.brain.stats(it.reader)
    assert stats.total == len(it.world.of(it.reader)), "figures count what is not the reader's"
    agents = {it.world.owners[one].agent_id for one in it.world.of(it.reader)}
    assert {one.agent_id for one in stats.by_agent} == agents
    return []


def _graph(it: Reading) -> list[UUID]:
    graphs = [
        it.brain.graph(it.reader, GraphQuery(limit=200)),
        it.brain.graph(it.reader, GraphQuery(name="miso", hops=2, limit=200)),
    ]
    for memory_id in (it.world.of(it.reader)[0], it.someone_else()):
        try:
            query = GraphQuery(around=memory_id, hops=2, limit=200)
            graphs.append(it.brain.graph(it.reader, query))
        except NoSuchMemory:
            continue
    for scope, secret in it.world.secrets.items():
        if not it.world.may_read(it.reader, scope):
            assert secret not in str(graphs), "another's secret is in the graph"
    return [UUID(node.id) for one in graphs for node in one.nodes if node.kind == "memory"]


def _people(it: Reading) -> list[UUID]:
    found = set(it.brain.people(it.reader.tenant))
    tenant = [one for one in it.world.scopes if one.tenant_id == it.reader.tenant_id]
    assert found == {(one.user_id, one.namespace) for one in tenant}, "people of another tenant"
    return []


def _get(it: Reading) -> list[UUID]:
    found = []
    for memory_id in [*it.world.of(it.reader)[:3], *(it.someone_else() for _ in range(4)), uuid7()]:
        try:
            found.append(it.brain.get(it.reader, memory_id).memory_id)
        except NoSuchMemory:
            continue
    return found


def _neighbours(it: Reading) -> list[UUID]:
    found = []
    for memory_id in [*it.world.of(it.reader)[:2], *(it.someone_else() for _ in range(3))]:
        try:
            walked = it.brain.neighbours(it.reader, memory_id, hops=3, limit=50)
        except NoSuchMemory:
            continue
        found += [memory_id, *(one.memory.memory_id for one in walked)]
    return found


def _context(it: Reading) -> list[Recalled]:
    query = ContextQuery(RecallQuery(QUESTIONS[0], 50, timeout_s=PATIENT_S), 4_000)
    made = it.brain.context(it.reader, query)
    for scope, secret in it.world.secrets.items():
        if not it.world.may_read(it.reader, scope):
            assert secret not in made.prompt, "another's secret is in the prompt"
    return list(made.recalled)


def _pending(it: Reading) -> list[UUID]:
    counted = it.brain.pending(it.reader)
    most = len(it.world.of(it.reader))
    assert counted.waiting + counted.failed <= most, "pending counts what is not the reader's"
    return []


def _sleep_cycles(it: Reading) -> list[UUID]:
    if it.reader.agent_id is None:
        return []
    cycles = it.brain.sleep_cycles(it.reader, limit=20)
    return [one for cycle in cycles for change in cycle.changes for one in change.memory_ids]


READS: dict[str, Callable[[Reading], Sequence[Recalled | UUID]]] = {
    "recall": _recall,
    "recent": _recent,
    "get": _get,
    "neighbours": _neighbours,
    "context": _context,
    "pending": _pending,
    "sleep_cycles": _sleep_cycles,
    "look_up": _look_up,
    "stats": _stats,
    "graph": _graph,
    "people": _people,
}


def calls_of_port() -> set[str]:
    """Every call that BrainPort has."""
    return {name for name in vars(BrainPort) if not name.startswith("_")}


def sweep(brain: BrainPort, world: World, *, seed: int = 1, threads: int = 1) -> Tally:
    """Let every reader make every call; `threads` at a time, in an order of the seed."""
    readers = list(world.readers())
    random.Random(seed).shuffle(readers)
    tally, lock = Tally(), threading.Lock()

    def read(part: Sequence[MemoryScope]) -> None:
        mine, dice = Tally(), random.Random(f"{seed}:{part[0]}")
        try:
            for reader, (name, call) in itertools.product(part, READS.items()):
                _note(mine, Reading(brain, world, reader, dice), name, call)
        finally:
            if threads > 1:
                connections.close_all()
        with lock:
            tally.join(mine)

    if threads == 1:
        read(readers)
        return tally
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(read, readers[place::threads]) for place in range(threads)]:
            done.result()
    return tally


def _note(
    tally: Tally, it: Reading, name: str, call: Callable[[Reading], Sequence[Recalled | UUID]]
) -> None:
    try:
        found = call(it)
    except CapabilityAbsent:
        tally.absent.add(name)
        return
    except (BadMemory, EmptyMemory):
        if it.reader.agent_id is not None:
            raise
        return  # this call wants an agent
    tally.calls[name] = tally.calls.get(name, 0) + 1
    tally.hits += len(found)
    for one in found:
        memory_id = one if isinstance(one, UUID) else one.memory_id
        owner = it.world.owners.get(memory_id)
        if owner is None:
            tally.unknown += 1
        elif not it.world.may_read(it.reader, owner):
            tally.foreign.append(f"{name}: {it.reader} <- {owner}")
        if isinstance(one, UUID):
            continue
        for scope, secret in it.world.secrets.items():
            if secret in one.text and not it.world.may_read(it.reader, scope):
                tally.foreign.append(f"{name}: {it.reader} <- the secret of {scope}")
