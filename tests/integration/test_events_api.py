"""Operators see how delivery stands, replay and discard dead letters; what was lost is found."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connections

from kernel import clock, events, outbox, reconciling
from kernel.db import platform_unit, unit_of_work
from kernel.ids import uuid7
from kernel.models import InboxRecord, OutboxEvent
from saas.models import AuditEntry
from tests.support.cast import Cast
from tests.support.services import wait_until
from tests.support.web import Client, Web

# A worker of another suite would deliver what these tests look at.
pytestmark = pytest.mark.usefixtures("nobody_is_woken")


def dead_letter(cast: Cast) -> UUID:
    """An event of acme that nobody could read."""
    with unit_of_work(cast.acme):
        row = OutboxEvent.objects.create(
            type="chat.turn_finished", version=99, key="k", payload={"secret": "hush"}, parked=True,
            dead_at=clock.now(), last_error="unknown event", attempts=5,
        )  # fmt: skip
    return UUID(str(row.id))


def audited(action: str) -> list[tuple[str, object]]:
    with platform_unit("test"):
        rows = AuditEntry.objects.filter(action=action).order_by("id")
        return [(row.object_id, row.after) for row in rows]


def test_only_platform_admins_see_and_touch_events(web: Web, cast: Cast) -> None:
    event_id = str(dead_letter(cast))
    for name in ("ann", "sysadmin"):
        client = Client(web, name)
        assert client.get("/saas/events/stats").status_code == 403
        assert client.get("/saas/events/dead").status_code == 403
        assert client.post("/saas/events/replay", {"ids": [event_id]}).status_code == 403
        body = {"ids": [event_id], "reason": "old"}
        assert client.post("/saas/events/discard", body).status_code == 403
    assert outbox.measure()["dead"] == 1


def test_dead_letters_are_shown_without_content_and_counted(web: Web, cast: Cast) -> None:
    ids = [str(dead_letter(cast)) for _ in range(3)]
    admin = Client(web, "platform")
    stats = admin.get("/saas/events/stats").json()
    assert stats["dead"] == 3
    assert {"chat", "memory", "audit", "degradation", "dead-letters"} <= set(stats["topics"])
    assert {"type": "chat.turn_finished", "condition": "dead", "cause": "unknown event",
            "count": 3} in stats["queues"]  # fmt: skip
    page = admin.get("/saas/events/dead", limit=2).json()
    assert [one["id"] for one in page["items"]] == [ids[2], ids[1]]
    assert "hush" not in str(page)
    rest = admin.get("/saas/events/dead", limit=2, before=page["next"]).json()
    assert [one["id"] for one in rest["items"]] == [ids[0]]
    assert rest["next"] is None


def test_a_replayed_letter_is_tried_again_and_a_discarded_one_is_gone_both_audited(
    web: Web, cast: Cast
) -> None:
    again, away = dead_letter(cast), dead_letter(cast)
    admin = Client(web, "platform")
    assert admin.post("/saas/events/replay", {"ids": [str(again)]}).json() == {"count": 1}
    body = {"ids": [str(away), str(uuid7())], "reason": "of a version we no longer run"}
    assert admin.post("/saas/events/discard", body).json() == {"count": 1}
    assert audited("event.replayed") == [(str(again), None)]
    assert audited("event.discarded") == [(str(away), {"reason": body["reason"]})]
    with platform_unit("test"):
        assert not OutboxEvent.objects.filter(id=away).exists()
        assert InboxRecord.objects.filter(event_id=away).count() == len(
            events.subscriptions("chat.turn_finished")
        )

    def is_dead_again() -> bool:
        # The run's worker may be at it just now: then this drain has nothing to do.
        outbox.drain()
        with platform_unit("test"):
            return OutboxEvent.objects.get(id=again).dead_at is not None

    # Still nobody can read it: dead again, at once, with the reason.
    wait_until(is_dead_again, "the letter was not tried again")
    with platform_unit("test"):
        row = OutboxEvent.objects.get(id=again)
    assert row.last_error == "unknown event chat.turn_finished v99"


def test_an_event_that_took_no_effect_is_found_and_delivered(cast: Cast) -> None:
    from chat.events import FeedbackGiven

    with unit_of_work(cast.acme):
        event = FeedbackGiven(uuid7(), cast.ann.user_id, "positive")
        event_id = outbox.emit(event, key="k")
    assert outbox.drain() == 1
    assert reconciling.reconcile().repaired == 0
    # Its receipt is gone, as after a restore of half of the data: it is not known to have worked.
    with platform_unit("test"), connections["platform"].cursor() as cursor:
        InboxRecord.objects.filter(event_id=event_id).delete()
        cursor.execute("delete from kernel_busposition where reader_group = 'soma-reconciliation'")
    found = reconciling.reconcile()
    assert (found.checked, found.repaired, found.behind) == (1, 1, 0)
    assert outbox.drain() == 1
    assert reconciling.reconcile() == reconciling.Reconciled(0, 0, 0)
    with platform_unit("test"):
        assert InboxRecord.objects.filter(event_id=event_id).count() == len(
            events.subscriptions("chat.feedback_given")
        )


def test_what_is_not_read_yet_is_not_missed_and_what_is_old_is_not_judged(cast: Cast) -> None:
    from chat.events import FeedbackGiven

    with unit_of_work(cast.acme):
        outbox.emit(FeedbackGiven(uuid7(), cast.ann.user_id, "positive"), key="k")
    outbox.relay()
    assert reconciling.reconcile() == reconciling.Reconciled(0, 0, 1)
    outbox.drain()
    with platform_unit("test"):
        InboxRecord.objects.all().delete()
    with clock.shifted(timedelta(days=6)):
        assert reconciling.reconcile() == reconciling.Reconciled(1, 0, 0)
