"""Nobody's memory reaches anybody else: a generated sweep over every call that gives out memories.

The world and the calls are in tests.support.memory_sweep; `./soma bench memory` runs a larger one.
"""

import itertools
from uuid import UUID

import pytest
from django.db import connection

from kernel.db import unit_of_work
from kernel.ids import uuid7
from memory.brain_embedded import EmbeddedBrain
from memory.embedding.minilm import Embedder
from memory.errors import CapabilityAbsent, NoSuchMemory
from memory.ports import BRAIN, BrainPort, Everything, Link, Matching, MemoryScope, These
from memory.values import Feedback
from memory.verbs import recent_memory, search_memory
from tests.support import memory_sweep
from tests.support.cast import Cast
from tests.support.memory_sweep import COMMON, QUESTIONS, START, World
from tests.support.web import Client, Web

TENANTS, USERS, AGENTS = 3, 3, 2


@pytest.fixture
def brain(database: None) -> BrainPort:
    embedder = Embedder()
    embedder.warm_up()
    return EmbeddedBrain(embedder, lambda: None)


@pytest.fixture
def world(brain: BrainPort) -> World:
    return memory_sweep.build(brain, [uuid7() for _ in range(TENANTS)], USERS, AGENTS)


def test_every_call_of_the_port_is_part_of_the_sweep_or_gives_out_no_memories() -> None:
    known = memory_sweep.READS.keys() | memory_sweep.NO_READS
    assert memory_sweep.calls_of_port() == known


def test_no_call_gives_out_what_belongs_to_another_tenant_user_agent_or_namespace(
    brain: BrainPort, world: World
) -> None:
    tally = memory_sweep.sweep(brain, world)
    assert tally.foreign == []
    # The sweep must have found a lot, or it proves nothing: what is one's own comes each time.
    readers = len(list(world.readers()))
    assert tally.calls["recall"] == tally.calls["recent"] == readers
    assert tally.hits >= 10 * readers
    assert tally.unknown == 0
    print(f"\n{sum(tally.calls.values())} calls, {tally.hits} memories given out, 0 foreign")


def test_words_alone_are_as_sealed_as_meaning(brain: BrainPort) -> None:
    world = memory_sweep.build(brain, [uuid7(), uuid7()], 2, 2, settle=False)
    tally = memory_sweep.sweep(brain, world, seed=2)
    assert tally.foreign == []
    assert tally.hits > 0


def test_many_at_once_get_their_own_only(brain: BrainPort, world: World) -> None:
    # One process serves everybody: scopes of threads and pooled connections must not mix.
    assert memory_sweep.sweep(brain, world, seed=3, threads=4).foreign == []


def test_no_write_reaches_a_memory_of_somebody_else(brain: BrainPort, world: World) -> None:
    before = rows(world)
    for reader in world.readers():
        others = tuple(
            one for one, owner in world.owners.items() if not world.may_read(reader, owner)
        )
        assert brain.forget(reader, These(others)).memories == 0
        if reader.agent_id is None:
            continue
        own, other = world.of(reader)[0], others[0]
        for link in (Link(own, other), Link(other, own), Link(*others[:2])):
            with pytest.raises((NoSuchMemory, CapabilityAbsent)):
                brain.link(reader, link)
        feedback = Feedback(f"feedback:{uuid7()}", reward=1.0, memory_ids=others[:3])
        try:
            brain.feedback(reader, feedback)
        except (NoSuchMemory, CapabilityAbsent):
            continue
    assert rows(world) == before


def test_forgetting_by_filter_and_everything_ends_at_the_user(
    brain: BrainPort, world: World
) -> None:
    gone = world.scopes[0]
    # Everybody said the same thing at the same time.
    assert brain.forget(gone, Matching(said_from=START)).memories == len(COMMON) + 1
    assert not set(rows(world)) & set(world.of(gone))
    assert len(rows(world)) == len(world.owners) - len(COMMON) - 1
    brain.forget(gone, Everything())
    left = {
        one
        for one, owner in world.owners.items()
        if (owner.tenant_id, owner.user_id) != (gone.tenant_id, gone.user_id)
    }
    assert set(rows(world)) == left


def test_the_database_refuses_what_a_query_forgets_to_ask(world: World) -> None:
    """No `where` at all, in each tenant: row-level security alone keeps the others out."""
    for tenant_id in {one.tenant_id for one in world.scopes}:
        with unit_of_work(MemoryScope(tenant_id, uuid7()).tenant), connection.cursor() as cursor:
            cursor.execute("select id from memory_memory")
            seen = {row[0] for row in cursor.fetchall()}
        assert seen == {one for one, owner in world.owners.items() if owner.tenant_id == tenant_id}


def test_the_verbs_and_the_api_give_people_their_own_only(web: Web, cast: Cast) -> None:
    """The same sentences by two people of one organisation and one of another."""
    brain, agent = BRAIN.get(), uuid7()
    people = {"ann": cast.ann, "bob": cast.bob, "stranger": cast.stranger}
    owners: dict[UUID, str] = {}
    for name, actor in people.items():
        scope = MemoryScope(actor.scope.tenant_id, actor.user_id, agent)
        items = [
            memory_sweep.MemoryItem(text, "user", START, f"{name}:{number}")
            for number, text in enumerate((*COMMON, f"The secret word of this place is {name}x."))
        ]
        owners.update({one.memory_id: name for one in brain.remember_many(scope, items)})
    while brain.pending().waiting:
        brain.settle()
    hits = 0
    for name, actor in people.items():
        client = Client(web, name)
        questions = (*QUESTIONS, *(f"Is {other}x the secret word?" for other in people))
        for question, agent_id in itertools.product(questions, (None, agent)):
            found = {one.memory_id for one in search_memory(actor, question, agent_id=agent_id)}
            query = {"q": question} | ({"agent_id": str(agent_id)} if agent_id else {})
            answer = client.get("/memory/search", **query)
            found |= {UUID(one["memory_id"]) for one in answer.json()["items"]}
            assert {owners[one] for one in found} <= {name}
            hits += len(found)
        listed = {one.memory_id for one in recent_memory(actor)}
        listed |= {UUID(one["memory_id"]) for one in client.get("/memory/recent").json()["items"]}
        assert {owners[one] for one in listed} == {name}
    assert hits > 10 * len(people)


def rows(world: World) -> list[UUID]:
    """Everything that is kept, in each tenant."""
    found: list[UUID] = []
    for tenant_id in sorted({one.tenant_id for one in world.scopes}):
        with unit_of_work(MemoryScope(tenant_id, uuid7()).tenant), connection.cursor() as cursor:
            cursor.execute("select id from memory_memory order by id")
            found += [row[0] for row in cursor.fetchall()]
    return found
