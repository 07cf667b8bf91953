"""The HTTP adapter against the quirks of the original: what it must not believe."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from kernel.clock import monotonic_s
from kernel.ids import uuid7
from memory.brain_http import FractalMemory, HttpBrain
from memory.brain_http.original import coordinate_of
from memory.errors import (
    CapabilityAbsent,
    MemoryLate,
    MemoryRefused,
    MemoryUnavailable,
    NotAcknowledged,
)
from memory.overview import GraphQuery
from memory.ports import (
    ContextQuery,
    Everything,
    Matching,
    MemoryItem,
    MemoryScope,
    RecallQuery,
    These,
)
from memory.values import Adjustment, Feedback, SleepRequest
from tests.support import brain_original
from tests.support.brain_original import TOKEN, Served, serving

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
ASKED = RecallQuery("What is my cat called?", timeout_s=5.0)


@dataclass
class World:
    """The doubles, their servers, and an adapter over both."""

    double: brain_original.Brain
    brain: Served
    store: Served
    adapter: HttpBrain

    def another(self, *, behind: bool = False) -> HttpBrain:
        """A further process's adapter, with or without the store behind the brain."""
        fallback = FractalMemory(self.store.url, TOKEN) if behind else None
        return HttpBrain(self.brain.url, TOKEN, fallback)


@pytest.fixture
def world() -> Iterator[World]:
    double = brain_original.Brain()
    with serving(double) as brain, serving(double.store) as store:
        adapter = HttpBrain(brain.url, TOKEN, FractalMemory(store.url, TOKEN))
        yield World(double, brain, store, adapter)


_keys = itertools.count()


def scope_of(**values: object) -> MemoryScope:
    return MemoryScope(**({"tenant_id": uuid7(), "user_id": uuid7(), "agent_id": uuid7()} | values))


def item(text: str, **values: object) -> MemoryItem:
    number = next(_keys)
    given = {"said_at": NEW_YEAR + timedelta(minutes=number), "idempotency_key": f"key-{number}"}
    return MemoryItem(text, "user", **(given | values))


# --- the double itself is as bad as the original -------------------------------------------------


def test_the_double_loses_what_it_acknowledges_and_overwrites_across_tenants(world: World) -> None:
    http = httpx.Client(base_url=world.brain.url, headers={"Authorization": f"Bearer {TOKEN}"})
    one = {"namespace": "n", "key": "shared", "value": {"task": "ours"}}
    for tenant in ("acme", "globex"):
        body = {**one, "tenant": tenant, "value": {"task": tenant}}
        assert http.post("/memory/remember", json=body).json()["persisted_to_ltm"]
    assert [stored["task"] for stored in world.double.store.objects.values()] == ["globex"]
    world.double.store.is_down = True
    lost = http.post("/memory/remember", json={**one, "tenant": "acme", "key": "k1"}).json()
    assert lost["persisted_to_ltm"]
    assert lost["coordinate"] == list(coordinate_of("real", "k1"))
    assert len(world.double.store.objects) == 1
    assert http.get("/health").json()["status"] == "critical"


def test_coordinates_are_those_of_the_original() -> None:
    assert coordinate_of("real", "k1") == pytest.approx(
        (0.35563529282808304, -0.9046328789554536, 0.0845051622018218), abs=1e-15
    )
    assert coordinate_of("real", "shared") == pytest.approx(
        (0.09371817484498024, -0.798250031657517, -0.9279875000938773), abs=1e-15
    )


# --- keeping --------------------------------------------------------------------------------------


def test_equal_keys_of_two_tenants_and_namespaces_never_meet(world: World) -> None:
    first = scope_of()
    others = [
        scope_of(user_id=first.user_id, agent_id=first.agent_id),
        MemoryScope(first.tenant_id, first.user_id, first.agent_id, "notes"),
    ]
    world.adapter.remember(first, item("My cat is called Miso.", idempotency_key="shared"))
    for scope in others:
        # A process that does not know yet what another one wrote.
        world.another().remember(scope, item("My cat is called Felix.", idempotency_key="shared"))
    assert len(world.double.store.objects) == 3
    assert [one.text for one in world.adapter.recall(first, ASKED)] == ["My cat is called Miso."]
    for scope in others:
        found = world.adapter.recall(scope, ASKED)
        assert [one.text for one in found] == ["My cat is called Felix."]


def test_a_write_goes_as_a_batch_because_only_a_batch_tells_that_it_failed(world: World) -> None:
    scope = scope_of()
    adapter = world.another()
    adapter.remember(scope, item("My cat is called Miso."))
    world.double.store.is_down = True
    lost = item("My PIN is 4711.")
    with pytest.raises(MemoryUnavailable):
        adapter.remember(scope, lost)
    world.double.store.is_down = False
    assert adapter.remember(scope, lost).created
    assert len(world.double.store.objects) == 2
    assert "POST /memory/remember" not in world.double.asked


def test_a_repeated_key_is_not_sent_again_because_it_would_overwrite(world: World) -> None:
    scope = scope_of()
    first = world.adapter.remember(scope, item("My cat is called Miso.", idempotency_key="k"))
    again = world.adapter.remember(scope, item("My dog is called Rex.", idempotency_key="k"))
    assert (first.memory_id, first.created, again.created) == (again.memory_id, True, False)
    assert [one["text"] for one in world.double.store.objects.values()] == [
        "My cat is called Miso."
    ]
    many = [item("One."), item("Two.")]
    kept = world.adapter.remember_many(scope, [many[0], many[1], many[0]])
    assert [one.created for one in kept] == [True, True, False]
    assert kept[0].memory_id == kept[2].memory_id


def test_a_batch_beyond_the_original_s_limit_goes_in_pieces(world: World) -> None:
    scope = scope_of()
    kept = world.adapter.remember_many(scope, [item("x" * 19_000) for _ in range(150)])
    assert all(one.created for one in kept)
    assert len(world.double.store.objects) == 150
    assert world.double.asked.count("POST /memory/remember/batch") >= 3


def test_an_acknowledgement_without_durability_is_no_acknowledgement(world: World) -> None:
    class Queueing(brain_original.Brain):
        def _keep(self, outer, item, at):
            return {**super()._keep(outer, item, at), "persisted_to_ltm": False}

    with serving(Queueing()) as served, pytest.raises(NotAcknowledged):
        HttpBrain(served.url, TOKEN).remember(scope_of(), item("My cat is called Miso."))


# --- finding --------------------------------------------------------------------------------------


def test_a_crowded_working_memory_neither_hides_nor_adds_anything(world: World) -> None:
    tenant = uuid7()
    mine, colleague = scope_of(tenant_id=tenant), scope_of(tenant_id=tenant)
    world.adapter.remember(mine, item("My cat is called Miso."))
    world.adapter.remember_many(
        colleague, [item(f"My cat is called number {n}.") for n in range(120)]
    )
    assert [one.text for one in world.adapter.recall(mine, ASKED)] == ["My cat is called Miso."]
    unrelated = RecallQuery("Which train leaves for Lisbon?", timeout_s=5.0)
    assert world.adapter.recall(mine, unrelated) == ()


def test_what_does_not_say_whose_it_is_is_never_shown(world: World) -> None:
    scope = scope_of()
    world.double.working[str(scope.tenant_id)] = [
        {"key": "k", "text": "My cat is called Evil.", "namespace": "chat"},
        {"key": "l", "text": "My cat is called Evil.", "user_id": str(scope.user_id)},
    ]
    assert world.adapter.recall(scope, ASKED) == ()


def test_a_prompt_is_built_here_because_the_original_s_route_is_broken(world: World) -> None:
    scope = scope_of()
    world.adapter.remember(scope, item("My cat is called Miso."))
    built = world.adapter.context(scope, ContextQuery(ASKED))
    assert '"My cat is called Miso."' in built.prompt
    assert [one.text for one in built.recalled] == ["My cat is called Miso."]


# --- what is absent ------------------------------------------------------------------------------


def test_absent_routes_are_tried_once_and_then_remembered(world: World) -> None:
    scope = scope_of()
    adapter = world.another()
    memory_id = uuid7()
    calls = {
        "recent": lambda: adapter.recent(scope, limit=5),
        "pending": lambda: adapter.pending(scope),
        "links": lambda: adapter.neighbours(scope, memory_id),
        "feedback": lambda: adapter.feedback(scope, Feedback("k", reward=1.0)),
        "state": lambda: adapter.state(scope),
        "adjust": lambda: adapter.adjust(scope, Adjustment(reset=True)),
        "sleep": lambda: adapter.sleep(scope, SleepRequest()),
        "stats": lambda: adapter.stats(scope),
        "graph": lambda: adapter.graph(scope, GraphQuery()),
        "get": lambda: adapter.get(scope, memory_id),
        "forget": lambda: adapter.forget(scope, These((memory_id,))),
    }
    for name, call in calls.items():
        for _ in range(2):
            with pytest.raises(CapabilityAbsent) as absent:
                call()
            assert absent.value.data["capability"] == name
    routes = [route for route in world.double.asked if route != "GET /health"]
    assert len(routes) == len(set(routes))
    assert adapter.capabilities() == {"context"}


def test_a_constant_is_not_taken_for_a_capability(world: World) -> None:
    """/neuromod/state answers 0.5 four times, /sleep/state is always active: both are hollow."""
    probe = world.adapter.probe()
    assert probe.ok
    assert (
        "cannot: adjust, feedback, graph, links, pending, recent, sleep, state, stats"
        in probe.detail
    )
    assert not any("neuromod" in route for route in world.double.asked)
    before = len(world.double.asked)
    world.adapter.probe()
    assert world.double.asked[before:] == ["GET /health"]


# --- gate, breaker, deadline, fallback ------------------------------------------------------------


def test_a_brain_that_is_not_ready_is_not_used_whatever_its_status(world: World) -> None:
    world.double.ready = False
    adapter = world.another()
    with pytest.raises(MemoryUnavailable):
        adapter.remember(scope_of(), item("My cat is called Miso."))
    assert set(world.double.asked) == {"GET /health"}
    assert not adapter.probe().ok


def test_the_breaker_opens_after_three_failures_and_tries_again_after_thirty_seconds(
    world: World,
) -> None:
    scope, adapter = scope_of(), world.another()
    at_s = monotonic_s()
    adapter.transport.breaker._clock = lambda: at_s
    world.double.fails_with = 503
    for _ in range(3):
        with pytest.raises(MemoryUnavailable):
            adapter.recall(scope, ASKED)
    asked = len(world.double.asked)
    with pytest.raises(MemoryUnavailable) as resting:
        adapter.recall(scope, ASKED)
    assert len(world.double.asked) == asked
    assert resting.value.retry_after == 30
    world.double.fails_with = None
    at_s += 29
    with pytest.raises(MemoryUnavailable):
        adapter.recall(scope, ASKED)
    at_s += 2
    assert adapter.recall(scope, ASKED) == ()
    assert adapter.transport.breaker.state == "closed"


def test_a_brain_that_stalls_keeps_nobody_longer_than_the_deadline(world: World) -> None:
    adapter = world.another()
    assert adapter.probe().ok
    world.double.stalls_s = 3.0
    started_s = monotonic_s()
    with pytest.raises(MemoryLate) as late:
        adapter.recall(scope_of(), RecallQuery("Miso?", timeout_s=0.2))
    assert monotonic_s() - started_s < world.double.stalls_s
    assert isinstance(late.value, TimeoutError)


def test_a_wrong_key_is_told_as_such_and_does_not_open_the_breaker(world: World) -> None:
    adapter = HttpBrain(world.brain.url, "another-token")
    for _ in range(5):
        with pytest.raises(MemoryRefused):
            adapter.recall(scope_of(), ASKED)
    assert adapter.transport.breaker.state == "closed"


def test_the_store_keeps_and_finds_while_the_brain_is_down(world: World) -> None:
    scope, other = scope_of(), scope_of()
    first = item("My cat is called Miso.")
    kept = world.adapter.remember(scope, first)
    world.brain.stop()
    second = item("What is my cat called")
    assert world.adapter.remember(scope, second).created
    assert not world.adapter.remember(scope, second).created
    exact = RecallQuery("My cat is called Miso.", timeout_s=5.0)
    # The store finds equal texts only.
    assert [one.memory_id for one in world.adapter.recall(scope, exact)] == [kept.memory_id]
    assert world.adapter.get(scope, kept.memory_id).text == "My cat is called Miso."
    assert world.adapter.recall(other, exact) == ()
    assert len(world.double.store.objects) == 2
    with pytest.raises(MemoryUnavailable):
        world.another().remember(scope, item("Nobody keeps this."))
    world.brain.start()


def test_with_brain_and_store_down_nothing_is_acknowledged(world: World) -> None:
    scope = scope_of()
    world.adapter.remember(scope, item("My cat is called Miso."))
    world.brain.stop()
    world.store.stop()
    with pytest.raises(MemoryUnavailable):
        world.adapter.remember(scope, item("My PIN is 4711."))
    probe = world.adapter.probe()
    assert not probe.ok
    assert "SOMA_BRAIN_URL" in probe.advice


def test_forgetting_says_what_the_original_still_holds(world: World) -> None:
    scope = scope_of()
    kept = world.adapter.remember(scope, item("My PIN is 4711."))
    proof = world.adapter.forget(scope, These((kept.memory_id, uuid7())))
    assert (proof.memories, proof.left) == (1, 1)
    assert world.double.store.objects == {}
    for selection in (Everything(), Matching(speaker="user")):
        with pytest.raises(CapabilityAbsent):
            world.adapter.forget(scope, selection)
    assert world.adapter.forget(scope_of(), These((kept.memory_id,))).memories == 0
