"""How long memories are kept: set over HTTP, enforced by the worker as real forgetting."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chat.facade import TurnFinished
from kernel import outbox
from kernel.actor import Actor
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.ids import uuid7
from memory.brain_http import HttpBrain
from memory.ports import BRAIN, MemoryItem, MemoryScope
from memory.tasks import enforce_retention
from saas.models import AuditEntry
from somaagent.celery import SCHEDULE
from tests.support.brain_original import TOKEN
from tests.support.cast import Cast
from tests.support.signed_in import signed_in
from tests.support.web import free_port

# A worker of another suite would deliver what these tests look at.
pytestmark = pytest.mark.usefixtures("nobody_is_woken", "quiet_brain")


def keep(actor: Actor, agent_id: UUID, *ages_days: float) -> None:
    scope = MemoryScope(actor.scope.tenant_id, actor.user_id, agent_id)
    for age in ages_days:
        said_at = now() - timedelta(days=age)
        item = MemoryItem(f"{age} days ago.", "user", said_at, str(uuid7()))
        BRAIN.get().remember(scope, item)


def ages(name: str) -> set[str]:
    items = signed_in(name).get("/memory/recent").json()["items"]
    return {one["text"].split()[0] for one in items}


def audited(cast: Cast) -> list[tuple[str, Any]]:
    with unit_of_work(cast.acme):
        rows = AuditEntry.objects.filter(action__startswith="memory.ret").order_by("id")
        return [(row.action, row.after) for row in rows]


def test_without_a_rule_everything_is_kept_for_ever(cast: Cast, agent_id: UUID) -> None:
    keep(cast.ann, agent_id, 1, 30_000)
    assert signed_in("ann").get("/memory/retention").json() == {
        "days": None,
        "tenant_days": None,
        "effective_days": None,
        "may_set_tenant": False,
    }
    assert enforce_retention() == 0
    assert ages("ann") == {"1", "30000"}


def test_the_stricter_of_the_two_rules_counts(cast: Cast, agent_id: UUID) -> None:
    keep(cast.ann, agent_id, 1, 20, 50, 100)
    keep(cast.bob, agent_id, 1, 20, 50, 100)
    keep(cast.stranger, agent_id, 1, 20, 50, 100)
    ann, admin = signed_in("ann"), signed_in("admin")
    assert admin.put("/memory/retention", {"tenant_days": 60}).json()["tenant_days"] == 60
    set_by_ann = ann.put("/memory/retention", {"days": 10}).json()
    assert (set_by_ann["days"], set_by_ann["effective_days"]) == (10, 10)
    bob = signed_in("bob").put("/memory/retention", {"days": 90}).json()
    assert (bob["days"], bob["effective_days"]) == (90, 60)
    assert enforce_retention() == 3 + 1
    assert (ages("ann"), ages("bob")) == ({"1"}, {"1", "20", "50"})
    assert ages("stranger") == {"1", "20", "50", "100"}
    assert enforce_retention() == 0
    acts = [action for action, _ in audited(cast)]
    assert acts == ["memory.retention_set"] * 3 + ["memory.retained_no_longer"] * 2
    proof = audited(cast)[-1][1]
    assert (proof["days"], proof["left"]) in {(10, 0), (60, 0)}


def test_a_rule_is_taken_back_and_what_is_not_sent_stays(cast: Cast, agent_id: UUID) -> None:
    admin = signed_in("admin")
    admin.put("/memory/retention", {"days": 5, "tenant_days": 7})
    assert admin.put("/memory/retention", {"days": None}).json() == {
        "days": None,
        "tenant_days": 7,
        "effective_days": 7,
        "may_set_tenant": True,
    }
    assert admin.put("/memory/retention", {}).json()["tenant_days"] == 7
    assert admin.put("/memory/retention", {"tenant_days": None}).json()["effective_days"] is None
    keep(cast.admin, agent_id, 100)
    assert enforce_retention() == 0


def test_the_tenant_s_rule_is_for_its_administrators(cast: Cast) -> None:
    signed_in("admin").put("/memory/retention", {"tenant_days": 30})
    ann = signed_in("ann")
    refused = ann.put("/memory/retention", {"days": 3, "tenant_days": 5})
    assert refused.status_code == 403
    found = ann.get("/memory/retention").json()
    assert (found["days"], found["tenant_days"]) == (None, 30)
    # A form that sends back what it was given changes nothing of the tenant's.
    assert ann.put("/memory/retention", {"days": 3, "tenant_days": 30}).json()["days"] == 3
    assert signed_in("viewer").put("/memory/retention", {"days": 3}).status_code == 403
    assert signed_in("stranger").get("/memory/retention").json()["tenant_days"] is None


@pytest.mark.parametrize("days", [0, -1, 36_501, 1.5, "soon", True, 10**30])
def test_a_number_of_days_that_cannot_be_is_refused(cast: Cast, days: object) -> None:
    answer = signed_in("ann").put("/memory/retention", {"days": days})
    assert answer.status_code == 422
    assert signed_in("ann").get("/memory/retention").json()["days"] is None


def test_turns_past_their_time_do_not_become_memories_later(cast: Cast, agent_id: UUID) -> None:
    keep(cast.ann, agent_id, 1)
    signed_in("ann").put("/memory/retention", {"days": 10})
    with unit_of_work(cast.acme):
        event = TurnFinished(uuid7(), uuid7(), agent_id, cast.ann.user_id, "done", None, None)
        outbox.emit(event, key="k")
    enforce_retention()
    # Its message is not known to be old: it stays.
    assert signed_in("ann").get("/memory/pending").json()["undelivered"] == 1


def test_a_brain_that_is_away_is_asked_again_the_next_time(cast: Cast, agent_id: UUID) -> None:
    keep(cast.ann, agent_id, 100)
    signed_in("ann").put("/memory/retention", {"days": 10})
    embedded = BRAIN.get()
    BRAIN.bind(HttpBrain(f"http://127.0.0.1:{free_port()}", TOKEN))
    assert enforce_retention() == 0
    BRAIN.bind(embedded)
    assert enforce_retention() == 1


def test_the_worker_is_asked_every_hour() -> None:
    assert ("memory.enforce_retention", 3600.0) in SCHEDULE.values()
