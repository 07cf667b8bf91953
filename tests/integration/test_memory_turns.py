"""From a finished turn to its recall: verbs, deadlines and the words a user is left with."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from prometheus_client import REGISTRY

from kernel.actor import Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.errors import Forbidden
from kernel.events import Envelope
from kernel.ids import uuid7
from kernel.models import OutboxEvent
from memory import facade
from memory.brain_embedded import EmbeddedBrain
from memory.embedding.minilm import Embedder
from memory.errors import MemoryUnavailable
from memory.facade import (
    FinishedTurn,
    Matching,
    MemoryScope,
    Said,
    recall,
    remember_turns,
)
from memory.models import Memory
from memory.models_cognition import MemoryFocus
from memory.ports import BRAIN, BrainPort, Forgotten, Pending, Remembered
from memory.verbs import recent_memory, search_memory
from memory.verbs_writing import forget_memories
from tests.support.cast import Cast
from tests.support.services import wait_until

MORNING = datetime(2026, 3, 3, 9, tzinfo=UTC)
AGENT = UUID("01900000-0000-7000-8000-000000000001")


@pytest.fixture(autouse=True)
def brain(database: None) -> Iterator[BrainPort]:
    """The product's own brain, without the broker: tests settle by hand."""
    before = BRAIN.get()
    embedder = Embedder()
    embedder.warm_up()
    BRAIN.bind(EmbeddedBrain(embedder, lambda: None))
    yield BRAIN.get()
    BRAIN.bind(before)


def turn(cast: Cast, user: str, assistant: str | None = "I see.", **values: object) -> FinishedTurn:
    given = {
        "tenant_id": cast.acme_id,
        "user_id": cast.ann.user_id,
        "agent_id": AGENT,
        "conversation_id": uuid7(),
        "turn_id": uuid7(),
        "user": Said(user, MORNING, uuid7()),
        "assistant": None if assistant is None else Said(assistant, MORNING, uuid7()),
    } | values
    return FinishedTurn(**given)


def ann(cast: Cast) -> MemoryScope:
    return MemoryScope(cast.acme_id, cast.ann.user_id, AGENT)


def remember_turn(one: FinishedTurn) -> tuple[Remembered, ...]:
    """As the consumer does who was told of the turn."""
    with unit_of_work(Scope(one.tenant_id)):
        envelope = Envelope(uuid7(), one.tenant_id, "t", 1, "k", {})
        return remember_turns([(one, envelope)], "test")


def all_texts(cast: Cast) -> set[str]:
    return {one.text for one in recent_memory(cast.ann, limit=200)}


# --- remembering --------------------------------------------------------------------------------


def test_both_sides_of_a_turn_are_remembered_with_their_speaker(cast: Cast) -> None:
    kept = remember_turn(turn(cast, "My cat is called Miso.", "What a lovely name!"))
    assert [one.created for one in kept] == [True, True]
    assert {(one.speaker, one.text) for one in recent_memory(cast.ann)} == {
        ("user", "My cat is called Miso."),
        ("assistant", "What a lovely name!"),
    }


def test_a_turn_that_is_delivered_twice_is_remembered_once(cast: Cast) -> None:
    once = turn(cast, "My cat is called Miso.")
    first = remember_turn(once)
    second = remember_turn(once)
    assert [one.memory_id for one in second] == [one.memory_id for one in first]
    assert not any(one.created for one in second)
    assert len(recent_memory(cast.ann)) == 2


def test_what_is_forgotten_while_it_is_being_remembered_is_gone(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = turn(cast, "My cat is called Miso.")
    envelope = Envelope(uuid7(), cast.acme_id, "t", 1, "k", {})
    remember_many = BRAIN.get().remember_many
    begun = threading.Event()

    def slowly(*args: Any, **values: Any) -> tuple[Remembered, ...]:
        begun.set()
        wait_until(lambda: not forgetting.is_alive() or is_waited_for(), "nobody forgets")
        return remember_many(*args, **values)

    def remember() -> None:
        with unit_of_work(cast.acme):
            remember_turns([(told, envelope)], "test")
        connection.close()

    def forget() -> None:
        begun.wait(30)
        where = Matching(conversation_id=told.conversation_id)
        proofs.append(forget_memories(cast.ann, where, agent_id=AGENT))
        connection.close()

    proofs: list[Forgotten] = []
    monkeypatch.setattr(BRAIN.get(), "remember_many", slowly)
    remembering, forgetting = threading.Thread(target=remember), threading.Thread(target=forget)
    for one in (forgetting, remembering):
        one.start()
    for one in (remembering, forgetting):
        one.join(60)
    assert [proof.memories for proof in proofs] == [2]
    assert all_texts(cast) == set()


def is_waited_for() -> bool:
    """Whether somebody waits for a lock that another one holds."""
    with psycopg.connect(settings.SOMA.effective_db_dsn("owner")) as owner:
        query = "select 1 from pg_locks where locktype = 'advisory' and not granted"
        return owner.execute(query).fetchone() is not None


def test_a_retry_of_the_same_message_adds_only_the_new_answer(cast: Cast) -> None:
    first = turn(cast, "Tell me a joke about cats.", "First joke.")
    remember_turn(first)
    again = Said("Second joke.", MORNING, uuid7())
    remember_turn(replace(first, turn_id=uuid7(), assistant=again))
    assert all_texts(cast) == {"Tell me a joke about cats.", "First joke.", "Second joke."}


def test_an_answer_that_only_quoted_memory_is_not_remembered(cast: Cast) -> None:
    remember_turn(turn(cast, "My cat is Miso.", "> My cat is Miso.", answered_from_memory=True))
    assert all_texts(cast) == {"My cat is Miso."}


def test_a_turn_without_an_answer_keeps_what_the_person_said(cast: Cast) -> None:
    remember_turn(turn(cast, "My cat is called Miso.", None))
    remember_turn(turn(cast, "   ", ""))
    assert all_texts(cast) == {"My cat is called Miso."}


def test_turns_that_arrive_together_keep_their_persons_and_their_traces(
    cast: Cast, brain: BrainPort
) -> None:
    first, other, gone = (
        replace(turn(cast, "", None), user_id=person.user_id, user=Said(text, now(), uuid7()))
        for person, text in (
            (cast.ann, "My cat is called Miso."),
            (cast.bob, "My dog is called Rex."),
            (cast.bob, "My fish is called Pim."),
        )
    )
    forget_memories(cast.bob, Matching(conversation_id=gone.conversation_id))
    causes = [f"00-{number:032x}-{number:016x}-01" for number in (1, 2, 3)]
    arrived = [
        (one, Envelope(uuid7(), cast.acme_id, "t", 1, "k", {"traceparent": cause}))
        for one, cause in zip((first, other, gone), causes, strict=True)
    ]
    with unit_of_work(cast.acme):
        remember_turns(arrived, "memory.remember_turn")
        told = OutboxEvent.objects.filter(type="memory.remembered").order_by("id")
        traces = [(one.payload["user_id"], one.headers["traceparent"][3:35]) for one in told]
    assert traces == [
        (str(cast.ann.user_id), causes[0][3:35]),
        (str(cast.bob.user_id), causes[1][3:35]),
    ]
    assert [one.text for one in recent_memory(cast.bob)] == ["My dog is called Rex."]
    for _ in range(2):
        brain.settle()
        with unit_of_work(cast.acme):
            focus = MemoryFocus.objects.values_list("user_id", "memory__text")
            assert set(focus) == {
                (cast.ann.user_id, "My cat is called Miso."),
                (cast.bob.user_id, "My dog is called Rex."),
            }
            Memory.objects.update(state="stored", embedding=None, embedding_model=None)


def test_a_reply_of_200_000_characters_is_remembered_whole_and_found_at_its_end(
    cast: Cast, brain: BrainPort
) -> None:
    sentences = [f"Entry {number} of the long list is plain." for number in range(5_500)]
    sentences[-1] = "The very last entry mentions a heliotrope."
    text = " ".join(sentences)
    assert len(text) > 200_000
    kept = remember_turn(turn(cast, "Give me the list.", text))
    whole = [one for one in recent_all(cast) if one.speaker == "assistant"]
    assert len(whole) == len(kept) - 1
    assert sum(len(one.text) for one in whole) == len(text)
    found = search_memory(cast.ann, "heliotrope")
    assert found[0].text.endswith("The very last entry mentions a heliotrope.")


def recent_all(cast: Cast) -> list[facade.Recalled]:
    from memory.ports import Position

    found: list[facade.Recalled] = []
    before = None
    while page := recent_memory(cast.ann, limit=200, before=before):
        found += page
        before = Position(page[-1].said_at, page[-1].memory_id)
    return found


# --- recall for a turn --------------------------------------------------------------------------


async def test_tomorrow_s_conversation_recalls_what_was_said_today(cast: Cast) -> None:
    today = turn(cast, "My cat is called Miso.")
    await asyncio.to_thread(remember_turn, today)
    await asyncio.to_thread(BRAIN.get().settle)
    result = await recall(ann(cast), "What is the name of my pet?", timeout_s=5)
    assert result.degraded == ()
    assert result.items[0].text == "My cat is called Miso."
    assert result.items[0].conversation_id == today.conversation_id


async def test_the_conversation_at_hand_is_left_out_when_asked(cast: Cast) -> None:
    said = turn(cast, "My cat is called Miso.")
    await asyncio.to_thread(remember_turn, said)
    for excluded in (
        {"exclude_conversation_id": said.conversation_id},
        {"exclude_turn_ids": [said.turn_id]},
    ):
        result = await recall(ann(cast), "Who is Miso?", timeout_s=5, **excluded)
        assert result == facade.RecallResult()


@contextmanager
def locked_memories() -> Iterator[None]:
    """Hold the table, as a broken migration or a runaway query would."""
    with psycopg.connect(settings.SOMA.effective_db_dsn("owner")) as holder:
        holder.execute("lock table memory_memory in access exclusive mode")
        yield


def outcomes(outcome: str) -> float:
    labels = {"outcome": outcome}
    return REGISTRY.get_sample_value("soma_memory_recall_seconds_count", labels) or 0.0


async def test_a_late_memory_degrades_the_turn_within_its_deadline(cast: Cast) -> None:
    await asyncio.to_thread(remember_turn, turn(cast, "My cat is called Miso."))
    before = outcomes("late")
    with locked_memories():
        started = time.monotonic()
        result = await recall(ann(cast), "What is my cat called?", timeout_s=0.3)
        took_s = time.monotonic() - started
    assert result == facade.RecallResult(degraded=("memory",))
    assert took_s < 5  # not until the lock is gone
    assert outcomes("late") == before + 1
    # The abandoned statement gave up by itself: the next turn has memory again.
    after = await recall(ann(cast), "What is my cat called?", timeout_s=5)
    assert after.items[0].text == "My cat is called Miso."


async def test_a_burst_of_late_recalls_leaves_no_thread_behind(cast: Cast) -> None:
    with locked_memories():
        results = await asyncio.gather(
            *(recall(ann(cast), "What is my cat called?", timeout_s=0.2) for _ in range(40))
        )
    assert all(one.degraded == ("memory",) for one in results)
    assert (await recall(ann(cast), "Miso", timeout_s=5)).degraded == ()


async def test_a_broken_brain_degrades_the_turn_and_does_not_fail_it(cast: Cast) -> None:
    with psycopg.connect(settings.SOMA.effective_db_dsn("owner"), autocommit=True) as owner:
        owner.execute("alter table memory_memory rename to memory_gone")
        try:
            result = await recall(ann(cast), "What is my cat called?", timeout_s=5)
            probe = await asyncio.to_thread(BRAIN.get().probe)
        finally:
            owner.execute("alter table memory_gone rename to memory_memory")
    assert result == facade.RecallResult(degraded=("memory",))
    assert not probe.ok
    assert probe.advice


async def test_without_its_embedding_model_memory_goes_on_by_words(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memory.embedding.weights.PACKAGE", "no_such_package")
    lame = EmbeddedBrain(Embedder(), lambda: None)
    BRAIN.bind(lame)
    await asyncio.to_thread(remember_turn, turn(cast, "My cat is called Miso."))
    result = await recall(ann(cast), "What is my cat called?", timeout_s=5)
    assert result.degraded == ()
    assert result.items[0].text == "My cat is called Miso."
    probe = await asyncio.to_thread(lame.probe)
    assert not probe.ok
    assert "words only" in probe.detail
    with pytest.raises(RuntimeError, match="no_such_package"):
        await asyncio.to_thread(lame.settle)
    assert (await asyncio.to_thread(lame.pending)).waiting == 2


async def test_a_search_that_takes_too_long_is_told_as_unavailable(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memory.verbs.SEARCH_TIMEOUT_S", 0.2)
    with locked_memories(), pytest.raises(MemoryUnavailable) as refused:
        await asyncio.to_thread(search_memory, cast.ann, "cat")
    assert refused.value.status == 503
    assert refused.value.retry_after


class Fragile(Embedder):
    """Fails on one text, as a model may on input that its makers never thought of."""

    def embed(self, texts):
        if any("poison" in text for text in texts):
            raise RuntimeError
        return super().embed(texts)


def test_one_text_that_cannot_be_embedded_does_not_hold_up_the_others(cast: Cast) -> None:
    fragile = EmbeddedBrain(Fragile(), lambda: None)
    BRAIN.bind(fragile)
    for text in ("My cat is called Miso.", "This is poison.", "My dog is called Rex."):
        remember_turn(turn(cast, text, None))
    assert fragile.settle() == 2
    assert fragile.pending() == Pending(waiting=1, failed=0)
    # It is tried a few times more, then left alone; by its words it is found all the same.
    for _ in range(10):
        assert fragile.settle() == 0
    assert fragile.pending() == Pending(waiting=0, failed=1)
    assert [one.text for one in search_memory(cast.ann, "poison")] == ["This is poison."]


# --- reading one's own --------------------------------------------------------------------------


def test_people_see_their_own_memories_and_no_one_else_s(cast: Cast) -> None:
    remember_turn(turn(cast, "My cat is called Miso."))
    for other in (cast.bob, cast.admin, cast.sysadmin, cast.viewer, cast.stranger, cast.platform):
        assert search_memory(other, "What is my cat called?") == ()
        assert recent_memory(other) == ()
    assert search_memory(cast.ann, "What is my cat called?")[0].text == "My cat is called Miso."


def test_without_a_role_nothing_is_read(cast: Cast) -> None:
    for nobody in (replace(cast.ann, role=None), replace(cast.ann, tenant_id=None)):
        with pytest.raises(Forbidden):
            search_memory(nobody, "cat")
        with pytest.raises(Forbidden):
            recent_memory(nobody)


def test_pending_memories_are_counted_in_the_metric(cast: Cast, brain: BrainPort) -> None:
    remember_turn(turn(cast, "My cat is called Miso."))
    assert brain.pending().waiting == 2
    assert REGISTRY.get_sample_value("soma_memory_pending") == 2
    brain.settle()
    assert brain.pending().waiting == 0
    assert REGISTRY.get_sample_value("soma_memory_pending") == 0
