"""What a tenant decided, as calls need it: budgets, zone, allowed models."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.ledger.rules import Rule
from gateway.models import Budget, Policy
from kernel.actor import Scope
from kernel.bus.ports import BUS, Payload
from kernel.db import unit_of_work
from kernel.remembered import Remembered

TOPIC = "gateway.terms"


@dataclass(frozen=True, slots=True)
class Terms:
    """`allowed_models`: ids; None: all of the catalogue. `rates`: see `gateway.models.Policy`.

    `cache_s`: how long an answer serves the same question again; 0: never.
    """

    rules: tuple[Rule, ...]
    zone: ZoneInfo
    allowed_models: frozenset[UUID] | None
    rates: Mapping[str, Mapping[str, int]]
    cache_s: int = 0


def read_terms(tenant_id: UUID) -> Terms:
    """As the tables have them now. Two statements."""
    with unit_of_work(Scope(tenant_id)):
        rules = tuple(rule_of(row) for row in Budget.objects.order_by("id"))
        policy = Policy.objects.first()
    if policy is None:
        return Terms(rules, ZoneInfo("UTC"), None, {})
    allowed = frozenset(map(UUID, policy.allowed_models)) or None
    return Terms(rules, ZoneInfo(policy.zone), allowed, policy.rates, policy.cache_s)


def rule_of(row: Budget) -> Rule:
    """A budget as the ledger takes it."""
    return Rule(
        row.id, row.metric, row.subject, row.subject_id, row.period,  # type: ignore[arg-type]  # checked where it is written
        row.limit_micros, row.is_hard, tuple(row.alerts),
    )  # fmt: skip


TERMS: Remembered[UUID, Terms] = Remembered(read_terms)


def tell_terms(tenant_id: UUID) -> None:
    """A tenant's terms changed: forget them here and elsewhere, after the commit."""
    TERMS.forget(tenant_id)
    BUS.get().publish(TOPIC, {"tenant": str(tenant_id)})


async def follow_terms() -> None:
    """Hear at once of terms that another process changed; once, in the process's own loop."""

    def changed(payload: Payload) -> None:
        tenant = payload.get("tenant")
        TERMS.forget(UUID(tenant) if tenant else None)

    await BUS.get().listen(TOPIC, changed)
