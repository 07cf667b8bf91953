"""Background work of a suspended tenant waits, none of it is lost, and it goes on afterwards.

Every task of the worker has an entry here: a new one says whether it waits, or why it does not.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chat.models import Conversation
from gateway.models import Decision, StoredResponse, Usage
from kernel import holding, outbox
from kernel.clock import now
from kernel.db import platform_unit
from kernel.events import going_on
from kernel.ids import uuid7
from kernel.models import OutboxEvent
from memory.models import Memory
from memory.models_retention import MemoryRetention
from saas import tenants
from saas.models import AuditEntry, AuditSeal
from somaagent.celery import app
from tests.support.cast import Cast
from tests.support.simulator import SimulatedProvider
from tests.support.snapshot import rows_of
from tests.support.web import Client, Web, eventually

pytestmark = pytest.mark.usefixtures("no_worker", "nobody_is_woken")

# What touches a tenant's own things.
WAIT = (
    "gateway.forget_calls", "gateway.forget_decisions", "gateway.forget_responses",
    "memory.enforce_retention", "memory.index_pending", "memory.plan_sleep", "memory.sleep",
    "somaagent.reconcile_events", "somaagent.reconcile_memories", "somaagent.relay_outbox",
    "somaagent.retention",
)  # fmt: skip
GO_ON = {
    "saas.archive_audit": "the record is kept, wherever it lies",
    "gateway.settle_orphans": "what was used is paid for",
    "gateway.sync_environment": "the catalogue is the platform's",
    "memory.measure": "counts",
    "saas.close_acting": "whoever acts as somebody ends in a suspended tenant, too",
    "saas.forget_secrets": "what is past its time must not open anything after a resumption",
    "saas.send_mails": "mails are the platform's: a person is told why the door is closed",
    "somaagent.mirror_memberships": "who belongs where is asked also while it is suspended",
    "somaagent.mirror_rights": "rights are asked also while the tenant is suspended",
    "somaagent.reap_turns": "a turn whose runner is gone must end",
}
# The record of the suspension itself: these go on, so that it cannot be done unseen.
RECORD = frozenset({"saas_auditentry", "saas_auditseal"})


def test_every_task_says_whether_it_waits() -> None:
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert ours == {*WAIT, *GO_ON}


def test_the_work_of_a_suspended_tenant_waits_and_goes_on_when_it_is_resumed(
    web: Web, model: SimulatedProvider, cast: Cast
) -> None:
    due(web, cast)
    tenants.suspend_tenant(cast.platform, cast.acme_id, "No payment")
    before = rows_of(cast.acme_id, RECORD)
    assert events() > 0
    run(*WAIT)
    assert rows_of(cast.acme_id, RECORD) == before
    assert outbox.measure() == {"pending": 0, "dead": 0, "lag_s": 0.0}
    with platform_unit("test"):
        parked = OutboxEvent.objects.filter(tenant_id=cast.acme_id)
        assert set(parked.values_list("parked", "dead_at", "attempts")) == {(True, None, 0)}
        assert set(parked.values_list("type", flat=True)).isdisjoint(going_on())
        acts = AuditEntry.objects.filter(tenant_id=cast.acme_id)
        assert acts.count() == AuditSeal.objects.filter(tenant_id=cast.acme_id).count() > 0

    tenants.resume_tenant(cast.platform, cast.acme_id)
    run("somaagent.relay_outbox", *WAIT)
    assert events() == 0
    with platform_unit("test"):
        found = Memory.objects.filter(tenant_id=cast.acme_id)
        assert found.filter(text__contains="4711", state="indexed").exists()
        assert not found.filter(text__contains="long ago").exists()
        assert not Conversation.objects.filter(deleted_at__isnull=False).exists()
        assert not StoredResponse.objects.filter(tenant_id=cast.acme_id).exists()


def due(web: Web, cast: Cast) -> None:
    """Something for every task: an answer to be remembered, and things past their time."""
    ann = Client(web, "ann")
    ann.say(ann.conversation(), "The vault code is 4711.")
    made = ann.post("/memory", {"agent_id": ann.agent_id(), "text": "This was said long ago."})
    assert made.status_code == 201
    conversation = ann.conversation()
    assert ann.delete(f"/chat/conversations/{conversation}").status_code == 204
    # Written by the web process a moment later.
    eventually(lambda: count(Decision, cast) and count(Usage, cast), "the call is not recorded")
    old = now() - timedelta(days=400)
    tenant_id = cast.acme_id
    with platform_unit("test") as alias:
        Memory.objects.using(alias).filter(text__contains="long ago").update(said_at=old)
        Conversation.objects.using(alias).filter(id=conversation).update(deleted_at=old)
        MemoryRetention.objects.using(alias).create(tenant_id=tenant_id, id=uuid7(), days=30)
        StoredResponse.objects.using(alias).create(
            tenant_id=tenant_id, user_id=cast.ann.user_id, messages=[], body={}, expires_at=old
        )
        Decision.objects.using(alias).filter(tenant_id=tenant_id).update(at=old)


def count(model: type[Decision | Usage], cast: Cast) -> int:
    with platform_unit("test"):
        return int(model.objects.filter(tenant_id=cast.acme_id).count())


def events() -> int:
    """How many wait in the outbox, of all tenants."""
    with platform_unit("test"):
        return int(OutboxEvent.objects.filter(dead_at=None).count())


def run(*names: str) -> None:
    holding.look_again()
    for name in names:
        task: Callable[[], Any] = app.tasks[name]
        task()
