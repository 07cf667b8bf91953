"""How long memories are kept: the person's own wish and the tenant's rule; the stricter counts.

What is past its time is forgotten for good by the worker, with the same proof as by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import DatabaseError

from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from kernel.errors import SomaError
from kernel.holding import held_tenants
from kernel.scope import require_scope
from memory.errors import CapabilityAbsent
from memory.models_retention import MemoryRetention
from memory.ports import BRAIN, Forgotten, Matching, MemoryScope
from memory.verbs_writing import forget_in
from saas.facade import allowed, audit, require

# Who acts when nobody does: the worker, in the audit log.
WORKER = UUID(int=0)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """Days after which memories are forgotten; None: never.  `effective_days` is what counts."""

    days: int | None
    tenant_days: int | None
    may_set_tenant: bool

    @property
    def effective_days(self) -> int | None:
        """Return the stricter of the two."""
        return _stricter(self.days, self.tenant_days)


@dataclass(frozen=True, slots=True)
class RetentionChange:
    """What to set; a field that is not in `fields` stays."""

    fields: frozenset[str]
    days: int | None = None
    tenant_days: int | None = None


def read_retention(actor: Actor) -> Retention:
    """Return for how long the actor's memories are kept.  Raises: Forbidden."""
    require(actor, "memory.read")
    with unit_of_work(actor.scope):
        return _read(actor)


def set_retention(actor: Actor, change: RetentionChange) -> Retention:
    """Set the actor's own wish, the tenant's rule, or both.

    Raises: Forbidden; the tenant's rule is for its administrators, unless it stays as it is.
    """
    require(actor, "memory.delete")
    with unit_of_work(actor.scope):
        before = _read(actor)
        if "tenant_days" in change.fields and change.tenant_days != before.tenant_days:
            require(actor, "tenant.administrate")
            _set(None, change.tenant_days)
        if "days" in change.fields:
            _set(actor.user_id, change.days)
        after = _read(actor)
        if after != before:
            audit(
                actor,
                "memory.retention_set",
                "memory_retention",
                actor.user_id,
                {"days": before.days, "tenant_days": before.tenant_days},
                {"days": after.days, "tenant_days": after.tenant_days},
            )
    return after


def enforce_retention() -> int:
    """Forget what is past its time, over all tenants; return how many memories.  For the worker.

    A person or a tenant for whom it fails is tried again the next time; others go on.
    """
    gone = 0
    waiting = held_tenants()
    for tenant_id in (one for one in _tenants_with_rules() if one not in waiting):
        scope = Scope(tenant_id)
        try:
            people = BRAIN.get().people(scope)
        except CapabilityAbsent:
            log.warning("memory.retention_impossible", tenant_id=str(tenant_id))
            continue
        except (SomaError, DatabaseError) as exc:
            log.warning(
                "memory.retention_failed", tenant_id=str(tenant_id), error=type(exc).__name__
            )
            continue
        for user_id, namespace in people:
            gone += _enforce(MemoryScope(tenant_id, user_id, None, namespace))
    return gone


def _enforce(scope: MemoryScope) -> int:
    """Forget what one person's memory holds past its time; 0 when it failed."""
    actor = Actor(WORKER, scope.tenant_id, kind="service", request_id="retention")
    try:
        with unit_of_work(scope.tenant):
            days = _stricter(_days(scope.user_id), _days(None))
            if days is None:
                return 0
            proof = forget_in(scope, Matching(said_before=now() - timedelta(days=days)))
            if _counted(proof):
                after = {"stores": dict(proof.stores), "left": proof.left, "days": days}
                audit(actor, "memory.retained_no_longer", "memory", scope.user_id, after=after)
    except (SomaError, DatabaseError) as exc:
        log.warning(
            "memory.retention_failed", tenant_id=str(scope.tenant_id), error=type(exc).__name__
        )
        return 0
    return proof.memories


def _tenants_with_rules() -> list[UUID]:
    with platform_unit("memory retention"):
        rules = MemoryRetention.objects.order_by("tenant_id")
        return list(rules.values_list("tenant_id", flat=True).distinct())


def _read(actor: Actor) -> Retention:
    may_set_tenant = allowed(actor, "tenant.administrate")
    return Retention(_days(actor.user_id), _days(None), may_set_tenant)


def _days(user_id: UUID | None) -> int | None:
    rules = MemoryRetention.objects.filter(user_id=user_id)
    days: int | None = rules.values_list("days", flat=True).first()
    return days


def _set(user_id: UUID | None, days: int | None) -> None:
    if days is None:
        MemoryRetention.objects.filter(user_id=user_id).delete()
        return
    rule = MemoryRetention(tenant_id=require_scope().tenant_id, user_id=user_id, days=days)
    MemoryRetention.objects.bulk_create(
        [rule],
        update_conflicts=True,
        unique_fields=["tenant_id", "user_id"],
        update_fields=["days"],
    )


def _stricter(one: int | None, other: int | None) -> int | None:
    given = [days for days in (one, other) if days is not None]
    return min(given) if given else None


def _counted(proof: Forgotten) -> bool:
    return bool(proof.memories or sum(count for _, count in proof.stores))
