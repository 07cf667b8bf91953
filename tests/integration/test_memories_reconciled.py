"""Turns that ended are remembered, forgotten on purpose, or told again."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chat.facade import ensure_first_agent, reconcile_memories
from chat.models import Agent
from chat.reconciling import Judged
from chat.turns import opening, store
from chat.verbs import create_conversation
from gateway.models import Usage
from kernel import clock, outbox
from kernel.db import platform_unit, unit_of_work
from kernel.ids import uuid7
from kernel.models import OutboxEvent
from memory.ports import BRAIN, Everything, Matching, MemoryScope
from memory.verbs_writing import forget_memories
from tests.support.cast import Cast

pytestmark = pytest.mark.usefixtures("nobody_is_woken")
LATER = timedelta(hours=1)


def said(cast: Cast, text: str, usage: dict[str, Any] | None = None) -> tuple[UUID, MemoryScope]:
    """A turn that ended. Returns its question's id and whose memory it belongs to."""
    with unit_of_work(cast.acme):
        ensure_first_agent(cast.acme)
        agent_id = Agent.objects.get().id
    conversation = create_conversation(cast.ann, agent_id, None, None).id
    opened = opening.open_message(cast.ann, conversation, text, "one")
    store.close_turn(
        cast.acme, UUID(opened.turn.id), store.Outcome("done", 1, "I see.", usage=usage)
    )
    assert opened.user_message is not None
    return UUID(opened.user_message.id), MemoryScope(cast.acme_id, cast.ann.user_id, agent_id)


def is_remembered(scope: MemoryScope, message_id: UUID) -> bool:
    return bool(BRAIN.get().recent(scope, limit=1, where=Matching(message_id=message_id)))


def lose_events() -> None:
    with platform_unit("test"):
        OutboxEvent.objects.all().delete()


def test_what_is_remembered_is_well_and_what_was_lost_is_told_again_once(cast: Cast) -> None:
    kept, _ = said(cast, "My cat is Miso.")
    outbox.drain()
    lost, scope = said(cast, "My dog is Rex.")
    lose_events()
    assert not is_remembered(scope, lost)
    assert reconcile_memories() == Judged(0, 0, 0), "what is young may be on its way"
    with clock.shifted(LATER):
        assert reconcile_memories() == Judged(2, 1, 0)
    outbox.drain()
    assert is_remembered(scope, lost)
    assert is_remembered(scope, kept)
    with clock.shifted(LATER * 2):
        assert reconcile_memories() == Judged(0, 0, 0), "judged already"


def test_nothing_is_judged_while_events_of_memory_wait(cast: Cast) -> None:
    said(cast, "My cat is Miso.")
    with clock.shifted(LATER):
        assert reconcile_memories() == Judged(0, 0, 0)
        outbox.drain()
        assert reconcile_memories() == Judged(1, 0, 0)


def test_what_may_have_been_forgotten_is_reported_and_never_comes_back(cast: Cast) -> None:
    message_id, scope = said(cast, "My cat is Miso.")
    outbox.drain()
    forget_memories(cast.ann, Everything())
    outbox.drain()
    with clock.shifted(LATER):
        assert reconcile_memories() == Judged(1, 0, 1)
        outbox.drain()
    assert not is_remembered(scope, message_id)


def test_a_deleted_conversation_is_nobodys_business(cast: Cast) -> None:
    from chat.verbs import delete_conversation

    said(cast, "My cat is Miso.")
    lose_events()
    with unit_of_work(cast.acme):
        from chat.models import Conversation

        conversation_id = Conversation.objects.get().id
    delete_conversation(cast.ann, conversation_id)
    outbox.drain()
    with clock.shifted(LATER):
        assert reconcile_memories() == Judged(1, 0, 0)


def test_an_answer_that_the_ledger_does_not_know_is_reported(cast: Cast) -> None:
    for call_id in (uuid7(), uuid7()):
        said(
            cast,
            "My cat is Miso.",
            {"input_tokens": 3, "output_tokens": 2, "counted": True, "call_id": str(call_id)},
        )
    outbox.drain()
    with unit_of_work(cast.acme):
        Usage.objects.create(
            call_id=call_id, kind="chat", at=clock.now(), model="m", input_tokens=3,
            output_tokens=2, cost_micros=0, counted=True, state="ok", latency_ms=1,
            tenant_id=cast.acme_id,
        )  # fmt: skip
    with clock.shifted(LATER):
        assert reconcile_memories() == Judged(2, 0, 0, unpaid=1)
