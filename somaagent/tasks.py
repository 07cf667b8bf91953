"""Periodic work of the worker: relay, reaper, retention."""

from celery import shared_task

from chat.facade import purge_deleted, reap
from chat.facade import reconcile_memories as memories
from kernel import idempotency, outbox, reconciling
from kernel.bus.backbone import BACKBONE
from kernel.valkey import sync_client
from saas.authz.mirroring import mirror_all
from saas.identity import copying, lockout

RELAY_WANTED = "soma:relay:wanted"


@shared_task(name="somaagent.relay_outbox")  # type: ignore[untyped-decorator]  # celery has no types
def relay_outbox() -> int:
    """Deliver events until none is due."""
    # Cleared first: a commit from now on asks again, and none falls between.
    sync_client().delete(RELAY_WANTED)
    return outbox.drain()


@shared_task(name="somaagent.reap_turns")  # type: ignore[untyped-decorator]  # celery has no types
def reap_turns() -> int:
    """End turns whose runner is gone."""
    return reap()


@shared_task(name="somaagent.reconcile_events")  # type: ignore[untyped-decorator]  # celery has no types
def reconcile_events() -> int:
    """Find events that were on the bus and took no effect, and deliver them."""
    return reconciling.reconcile().repaired


@shared_task(name="somaagent.reconcile_memories")  # type: ignore[untyped-decorator]  # celery has no types
def reconcile_memories() -> int:
    """Find turns that ended and are not remembered, and tell memory again."""
    return memories().repaired


@shared_task(name="somaagent.mirror_rights")  # type: ignore[untyped-decorator]  # celery has no types
def mirror_rights() -> int:
    """Compare what SpiceDB holds with the database, and repair."""
    return mirror_all().repaired


@shared_task(name="somaagent.mirror_memberships")  # type: ignore[untyped-decorator]  # celery has no types
def mirror_memberships() -> int:
    """Compare the identity provider's copy of memberships with the database, and repair."""
    return copying.mirror_all()


@shared_task(name="somaagent.retention")  # type: ignore[untyped-decorator]  # celery has no types
def retention() -> None:
    """Forget what is past its time."""
    outbox.forget_receipts()
    BACKBONE.get().forget()
    idempotency.forget_expired()
    lockout.forget_old()
    purge_deleted()
