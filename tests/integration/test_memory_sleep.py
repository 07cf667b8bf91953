"""Sleep, facts, links, levels and weights of the embedded brain, on real PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from kernel import clock
from kernel.db import unit_of_work
from kernel.ids import uuid7
from memory.brain_embedded import EmbeddedBrain, sleep, sleep_steps
from memory.embedding.minilm import Embedder
from memory.errors import BadMemory, EmptyMemory, NoSuchMemory
from memory.models_cognition import MemoryFact, MemoryLink, MemoryTrace, SleepCycleRecord
from memory.ports import Link, MemoryItem, MemoryScope, RecallQuery, These
from memory.values import Adjustment, Feedback, SleepCycle, SleepRequest

START = datetime(2026, 1, 1, tzinfo=UTC)
SAID = [
    "I live in Lisbon.",
    "The weather is fine today.",
    "My cat is called Miso.",
    "I live in Lisbon.",
    "I just moved to Porto last week!",
    "Should I visit Porto?",
    "I really love hiking.",
]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    one = Embedder()
    one.warm_up()
    return one


@pytest.fixture
def brain(database: None, embedder: Embedder) -> EmbeddedBrain:
    return EmbeddedBrain(embedder, lambda: None)


@pytest.fixture
def scope(brain: EmbeddedBrain) -> MemoryScope:
    scope = MemoryScope(uuid7(), uuid7(), uuid7())
    tell(brain, scope, SAID)
    return scope


def tell(brain: EmbeddedBrain, scope: MemoryScope, texts: list[str], first: int = 0) -> list:
    items = [
        MemoryItem(text, "user", START + timedelta(hours=n), f"{scope.user_id}:{n}")
        for n, text in enumerate(texts, first)
    ]
    kept = brain.remember_many(scope, items)
    brain.settle()
    return [one.memory_id for one in kept]


def slept(brain: EmbeddedBrain, scope: MemoryScope, request: SleepRequest) -> SleepCycle:
    brain.sleep(scope, request)
    while brain.sleep_a_while():
        pass
    return brain.sleep_cycles(scope)[0]


def facts_of(scope: MemoryScope) -> dict[str, bool]:
    """Each fact's text, and whether it is current."""
    with unit_of_work(scope.tenant):
        from memory.brain_embedded import links

        ids = list(
            MemoryFact.objects.filter(user_id=scope.user_id).values_list("memory_id", flat=True)
        )
        kept = links.kept(scope, ids)
    return {one.text: one.superseded_by is None for one in kept.values()}


def episodes(brain: EmbeddedBrain, scope: MemoryScope) -> list[tuple]:
    with unit_of_work(scope.tenant), connection.cursor() as cursor:
        cursor.execute(
            "select id, text, said_at, state, idempotency_key from memory_memory "
            "where kind = 'episodic' order by id"
        )
        return cursor.fetchall()


def test_a_night_draws_facts_orders_them_and_leaves_every_episode_as_it_was(
    brain: EmbeddedBrain, scope: MemoryScope
) -> None:
    before = episodes(brain, scope)
    cycle = slept(brain, scope, SleepRequest(depth="freeze"))
    assert (cycle.state, cycle.sleep, cycle.error) == ("finished", "active", "")
    assert cycle.done == cycle.total > 0
    assert facts_of(scope) == {
        "I live in Lisbon.": False,
        "I live in Porto.": True,
        "My cat is called Miso.": True,
        "I like hiking.": True,
    }
    assert episodes(brain, scope) == before
    assert cycle.counts["extracted"] == 4
    assert cycle.counts["merged"] == 1
    brain.settle()
    found = brain.recall(scope, RecallQuery("Where do I live?", timeout_s=10))
    assert "I live in Porto." in [one.text for one in found]
    assert brain.get(scope, before[0][0]).state == "consolidated"


def test_a_second_night_finds_nothing_new_and_doubles_nothing(
    brain: EmbeddedBrain, scope: MemoryScope
) -> None:
    slept(brain, scope, SleepRequest(depth="deep"))
    with unit_of_work(scope.tenant):
        before = (
            MemoryFact.objects.count(),
            MemoryLink.objects.count(),
            MemoryTrace.objects.count(),
        )
    again = slept(brain, scope, SleepRequest(depth="deep"))
    assert again.counts.get("extracted", 0) == 0
    assert again.counts["strengthened"] > 0
    with unit_of_work(scope.tenant):
        after = (
            MemoryFact.objects.count(),
            MemoryLink.objects.count(),
            MemoryTrace.objects.count(),
        )
        replays = set(MemoryTrace.objects.values_list("replays", flat=True))
    assert after == before
    assert replays == {1, 2}


def test_a_dry_run_tells_what_it_would_do_and_does_nothing(
    brain: EmbeddedBrain, scope: MemoryScope
) -> None:
    cycle = slept(brain, scope, SleepRequest(depth="freeze", dry_run=True))
    assert cycle.is_dry_run
    told = [(one.act, one.detail) for one in cycle.changes]
    assert ("extract", "I live in Porto.") in told
    assert any(act == "merge" for act, _ in told)
    with unit_of_work(scope.tenant):
        assert MemoryTrace.objects.count() == 0
        assert MemoryFact.objects.count() == 0
        assert MemoryLink.objects.count() == 0
    real = slept(brain, scope, SleepRequest(depth="freeze"))
    assert real.counts["merged"] == cycle.counts["merged"]


def test_said_again_an_older_fact_becomes_current(brain: EmbeddedBrain, scope: MemoryScope) -> None:
    slept(brain, scope, SleepRequest(depth="deep"))
    tell(brain, scope, ["I moved to Lisbon."], first=50)
    slept(brain, scope, SleepRequest(depth="deep"))
    facts = facts_of(scope)
    assert facts["I live in Lisbon."]
    assert not facts["I live in Porto."]


def test_a_fact_is_forgotten_with_its_last_source_and_the_older_one_is_current_again(
    brain: EmbeddedBrain, scope: MemoryScope
) -> None:
    slept(brain, scope, SleepRequest(depth="deep"))
    rows = episodes(brain, scope)
    (moved,) = [row[0] for row in rows if "Porto last week" in row[1]]
    first_lisbon = next(row[0] for row in rows if row[1] == "I live in Lisbon.")
    proof = dict(brain.forget(scope, These((moved,))).stores)
    assert proof["derived"] == 1
    assert facts_of(scope)["I live in Lisbon."]
    assert "I live in Porto." not in facts_of(scope)
    # Lisbon was said twice: one source is left.
    proof = dict(brain.forget(scope, These((first_lisbon,))).stores)
    assert proof["derived"] == 0
    assert "I live in Lisbon." in facts_of(scope)


@pytest.mark.parametrize("step", ["replay", "strengthen", "draw", "prune"])
def test_a_worker_that_dies_within_a_step_loses_and_doubles_nothing(
    brain: EmbeddedBrain, scope: MemoryScope, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept(brain, scope, SleepRequest(depth="freeze"))
    tell(brain, scope, ["I live in Madrid now.", "My dog is called Rex."], first=60)

    class Killed(BaseException):
        pass

    genuine: Callable[..., bool] = sleep_steps.do
    deaths = []

    def dying(record: SleepCycleRecord) -> bool:
        was = record.step
        result = genuine(record)
        if was == step and not deaths:
            deaths.append(was)
            raise Killed
        return result

    monkeypatch.setattr(sleep_steps, "do", dying)
    brain.sleep(scope, SleepRequest(depth="freeze"))
    with pytest.raises(Killed):
        while brain.sleep_a_while():
            pass
    while brain.sleep_a_while():
        pass
    cycle = brain.sleep_cycles(scope)[0]
    assert deaths == [step]
    assert cycle.state == "finished"
    assert cycle.counts["extracted"] == 2
    facts = facts_of(scope)
    assert facts["I live in Madrid."]
    assert facts["My dog is called Rex."]
    assert len(facts) == 6
    with unit_of_work(scope.tenant):
        assert MemoryTrace.objects.count() == len(episodes_count(scope))


def episodes_count(scope: MemoryScope) -> list:
    with connection.cursor() as cursor:
        cursor.execute("select 1 from memory_memory where kind = 'episodic'")
        return cursor.fetchall()


def test_a_cycle_is_interrupted_between_steps_and_goes_on_another_night(
    brain: EmbeddedBrain, scope: MemoryScope
) -> None:
    started = brain.sleep(scope, SleepRequest())
    assert brain.sleep(scope, SleepRequest()).cycle_id == started.cycle_id
    assert started.state == "waiting"
    with_step = sleep.work(slice_s=0.0)
    assert with_step
    assert brain.sleep_cycles(scope)[0].state == "running"
    assert brain.state(scope).sleep == "light"
    woken = brain.wake(scope)
    assert woken is not None
    assert woken.state == "interrupted"
    assert brain.wake(scope) is None
    assert not brain.sleep_a_while()
    assert brain.state(scope).sleep == "active"
    assert slept(brain, scope, SleepRequest()).state == "finished"
    assert len(facts_of(scope)) == 4


def test_a_step_that_fails_three_times_ends_the_cycle_with_its_cause(
    brain: EmbeddedBrain, scope: MemoryScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(record: SleepCycleRecord) -> bool:
        raise ValueError("broken")

    monkeypatch.setattr(sleep_steps, "do", broken)
    brain.sleep(scope, SleepRequest())
    for _ in range(5):
        brain.sleep_a_while()
    cycle = brain.sleep_cycles(scope)[0]
    assert (cycle.state, cycle.error) == ("failed", "ValueError")


def test_sleep_is_planned_for_the_idle_and_the_overdue_only_once(
    brain: EmbeddedBrain, scope: MemoryScope
) -> None:
    assert brain.plan_sleep() == 0
    with clock.shifted(timedelta(days=2)):
        assert brain.plan_sleep() == 1
        assert brain.plan_sleep() == 0
        (cycle,) = brain.sleep_cycles(scope)
        assert (cycle.trigger, cycle.state) == ("schedule", "waiting")


def test_sleep_of_one_person_touches_nobody_else(brain: EmbeddedBrain, scope: MemoryScope) -> None:
    same_tenant = replace(scope, user_id=uuid7())
    stranger = MemoryScope(uuid7(), uuid7(), scope.agent_id)
    for other in (same_tenant, stranger):
        tell(brain, other, ["I live in Rome."])
    slept(brain, scope, SleepRequest(depth="freeze"))
    assert facts_of(same_tenant) == {}
    assert facts_of(stranger) == {}
    assert brain.sleep_cycles(same_tenant) == ()
    assert brain.wake(stranger) is None


@pytest.mark.parametrize(
    "request_",
    [
        SleepRequest(depth="active"),
        SleepRequest(max_seconds=0),
        SleepRequest(max_seconds=1e9),
    ],
)
def test_a_sleep_that_cannot_be_is_refused(
    brain: EmbeddedBrain, scope: MemoryScope, request_: SleepRequest
) -> None:
    with pytest.raises(BadMemory):
        brain.sleep(scope, request_)
    with pytest.raises(EmptyMemory):
        brain.sleep(replace(scope, agent_id=None), SleepRequest())


def test_feedback_moves_the_weights_once_a_key_and_is_kept_for_undoing(
    brain: EmbeddedBrain, scope: MemoryScope
) -> None:
    first = brain.feedback(scope, Feedback("k1", reward=1.0))
    assert first.applied
    assert first.weights.alpha == pytest.approx(1.045)
    again = brain.feedback(scope, Feedback("k1", reward=1.0))
    assert not again.applied
    assert again.weights == first.weights
    state = brain.state(scope, history=10)
    assert state.feedback_count == 1
    assert state.neuromodulators.dopamine == pytest.approx(0.42, abs=1e-4)
    assert [one.cause for one in state.history] == ["feedback"]
    undone = brain.adjust(scope, Adjustment(roll_back=1))
    assert undone.weights.alpha == 1.0
    with pytest.raises(BadMemory, match="Only 0 changes"):
        brain.adjust(scope, Adjustment(roll_back=1))


def test_levels_set_by_hand_decay_and_are_refused_out_of_range(
    brain: EmbeddedBrain, scope: MemoryScope
) -> None:
    brain.adjust(scope, Adjustment(levels={"dopamine": 0.8}, weights={"lambda_": 2.0}))
    with clock.shifted(timedelta(minutes=30)):
        assert brain.state(scope).neuromodulators.dopamine == pytest.approx(0.6, abs=1e-3)
    with pytest.raises(BadMemory) as refused:
        brain.adjust(scope, Adjustment(levels={"noradrenaline": 0.5}, weights={"alpha": 9}))
    assert [one["pointer"] for one in refused.value.errors or []] == [
        "/levels/noradrenaline", "/weights/alpha",
    ]  # fmt: skip
    assert brain.state(scope).weights.lambda_ == 2.0
    assert brain.adjust(scope, Adjustment(reset=True)).weights.lambda_ == 1.0
    assert brain.adjust(scope, Adjustment(roll_back=1)).weights.lambda_ == 2.0
    other = replace(scope, tenant_id=uuid7())
    assert brain.state(other).weights.lambda_ == 1.0


def test_links_are_walked_both_ways_and_cycles_end(
    brain: EmbeddedBrain, scope: MemoryScope
) -> None:
    a, b, c, d = tell(brain, scope, ["Alpha one.", "Beta two.", "Gamma three.", "Delta four."], 100)
    assert brain.link(scope, Link(a, b, weight=0.5))
    assert not brain.link(scope, Link(a, b, weight=0.8))
    for source, target in ((b, c), (c, a), (c, d)):
        brain.link(scope, Link(source, target))
    near = brain.neighbours(scope, a)
    assert [(one.memory.memory_id, one.outgoing) for one in near] == [(c, False), (b, True)]
    far = brain.neighbours(scope, a, hops=3)
    assert [(one.memory.memory_id, one.distance) for one in far] == [(c, 1), (b, 1), (d, 2)]
    assert far[1].strength == pytest.approx(0.8)
    brain.forget(scope, These((c,)))
    assert [one.memory.memory_id for one in brain.neighbours(scope, a, hops=3)] == [b]


def test_a_link_never_leaves_its_scope(brain: EmbeddedBrain, scope: MemoryScope) -> None:
    (mine,) = tell(brain, scope, ["Mine."], 200)
    colleague, stranger = replace(scope, user_id=uuid7()), replace(scope, tenant_id=uuid7())
    for other in (colleague, stranger):
        (theirs,) = tell(brain, replace(other, user_id=uuid7()), ["Theirs."], 200)
        with pytest.raises(NoSuchMemory):
            brain.link(scope, Link(mine, theirs))
        with pytest.raises(NoSuchMemory):
            brain.neighbours(scope, theirs)
        with pytest.raises(NoSuchMemory):
            brain.neighbours(other, mine)
