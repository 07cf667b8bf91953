"""What each topic is told of: in the unit of its cause, by a schema, without content."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import jsonschema
import pytest

from chat.facade import ensure_first_agent
from chat.models import Agent
from chat.turns import opening, store
from chat.verbs import create_conversation
from health.events import BreakerOpened, LevelChanged, Teller
from health.monitor import Monitor
from kernel import clock, events, outbox
from kernel.breakers import Board
from kernel.db import platform_unit, unit_of_work
from kernel.events import Envelope
from kernel.ids import uuid7
from kernel.models import OutboxEvent
from kernel.scope import PLATFORM_TENANT
from memory.ports import Everything
from memory.verbs import FinishedTurn, Said, remember_turns
from memory.verbs_writing import forget_memories
from saas.facade import audit
from saas.models import AuditEntry
from tests.support.cast import Cast
from tests.support.services import wait_until

pytestmark = pytest.mark.usefixtures("nobody_is_woken")


def told(name: str) -> list[OutboxEvent]:
    with platform_unit("test"):
        return list(OutboxEvent.objects.filter(type=name).order_by("id"))


def schema_of(name: str) -> dict[str, Any]:
    return next(entry.schema() for entry in events.catalogue() if entry.name == name)


def test_every_topic_of_the_design_has_events() -> None:
    assert {entry.topic for entry in events.catalogue()} >= set(events.TOPICS)


def test_an_entry_of_the_audit_log_is_an_event_of_its_tenant_or_of_the_platform(
    cast: Cast,
) -> None:
    with unit_of_work(cast.acme):
        audit(cast.ann, "thing.changed", "thing", "t-1", before={"secret": "hush"})
    with platform_unit("test"):
        audit(cast.platform, "thing.reset", "thing", "t-2")
    tenants, platforms = told("audit.recorded")[-2:]
    assert (tenants.tenant_id, platforms.tenant_id) == (cast.acme_id, PLATFORM_TENANT)
    with platform_unit("test"):
        entry = AuditEntry.objects.get(action="thing.changed")
    assert tenants.payload == {
        "entry_id": str(entry.id),
        "actor_id": str(cast.ann.user_id),
        "action": "thing.changed",
        "object_type": "thing",
        "object_id": "t-1",
        "as_user_id": None,
    }
    assert (platforms.payload["object_id"], platforms.key) == ("t-2", "thing:t-2")
    jsonschema.validate(tenants.payload, schema_of("audit.recorded"))
    outbox.drain()
    assert told("audit.recorded") == []


def test_an_act_that_is_undone_is_told_to_nobody(cast: Cast) -> None:
    before = len(told("audit.recorded"))
    with pytest.raises(KeyError), unit_of_work(cast.acme):
        audit(cast.ann, "thing.changed", "thing", "t-1")
        raise KeyError
    assert len(told("audit.recorded")) == before


def test_memory_tells_what_is_new_and_what_is_gone_once(cast: Cast) -> None:
    with unit_of_work(cast.acme):
        ensure_first_agent(cast.acme)
        agent_id = Agent.objects.get().id
    said = Said("My cat is called Miso.", clock.now(), uuid7())
    turn = FinishedTurn(
        cast.acme_id, cast.ann.user_id, agent_id, uuid7(), uuid7(), said, None, False
    )
    envelope = Envelope(uuid7(), cast.acme_id, "t", 1, "k", {})
    for _ in range(2):
        with unit_of_work(cast.acme):
            remember_turns([(turn, envelope)], "test")
    (remembered,) = told("memory.remembered")
    assert remembered.payload["turn_id"] == str(turn.turn_id)
    assert remembered.key == str(turn.conversation_id)
    assert len(remembered.payload["memory_ids"]) == 1
    assert "Miso" not in str(remembered.payload)
    forget_memories(cast.ann, Everything())
    forget_memories(cast.ann, Everything())
    (forgotten,) = told("memory.forgotten")
    assert forgotten.payload["memories"] == 1
    assert forgotten.payload["memory_ids"] == remembered.payload["memory_ids"]
    for event in (remembered, forgotten):
        jsonschema.validate(event.payload, schema_of(event.type))


def test_who_answered_is_told_with_the_end_of_the_turn(cast: Cast) -> None:
    with unit_of_work(cast.acme):
        ensure_first_agent(cast.acme)
        agent_id = Agent.objects.get().id
    conversation = create_conversation(cast.ann, agent_id, None, None).id
    opened = opening.open_message(cast.ann, conversation, "Hello", "one")
    turn_id = UUID(opened.turn.id)
    outcome = store.Outcome("done", 1, "Hi.", degraded=["memory"], model="gpt")
    assert store.close_turn(cast.acme, turn_id, outcome)
    assert not store.close_turn(cast.acme, turn_id, replace(outcome, model="other"))
    (routed,) = told("routing.answered")
    assert routed.payload == {
        "turn_id": str(turn_id), "agent_id": str(agent_id), "model": "gpt", "degraded": ["memory"],
    }  # fmt: skip
    assert routed.key == str(conversation)


def test_of_many_processes_that_see_a_change_one_tells(database: None) -> None:
    one, other = Teller(), Teller()
    change = LevelChanged("minor", "none", ["redis"], clock.now())
    for tell in (one, other, one):
        tell("level:none:minor", change)
    one("breaker:brain", BreakerOpened("brain", "brain", 3))
    wait_until(lambda: told("degradation.breaker_opened"), "never told")
    other("level:minor:none", LevelChanged("none", "minor", [], clock.now()))
    wait_until(lambda: len(told("degradation.level_changed")) == 2, "not told once a change")
    first = told("degradation.level_changed")[0]
    assert (first.payload["level"], first.payload["services"]) == ("minor", ["redis"])
    assert first.tenant_id == PLATFORM_TENANT
    jsonschema.validate(first.payload, schema_of(first.type))
    outbox.drain()
    assert told("degradation.level_changed") == []


def test_the_failure_that_opens_a_breaker_is_told_and_no_other(database: None) -> None:
    facts: list[tuple[str, object]] = []
    board = Board(is_alone=False)
    Monitor(list, board, tell=lambda claim, fact: facts.append((claim, fact)))
    breaker = board.breaker("model:p:m", dependency="model:openai")
    for _ in range(5):
        breaker.failure()
    opened = BreakerOpened("model:openai", "model:p:m", 3)
    assert facts == [("breaker:model:p:m", opened)]
    breaker.success()
    assert len(facts) == 1


def test_what_no_schema_fits_is_a_dead_letter_with_its_reason(cast: Cast) -> None:
    with unit_of_work(cast.acme):
        OutboxEvent.objects.create(
            type="routing.answered", version=1, key="k", payload={"turn_id": "nonsense"}
        )
    outbox.drain()
    (dead,) = told("routing.answered")
    assert dead.dead_at is not None
    assert "turn_id" in dead.last_error
