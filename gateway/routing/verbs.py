"""What people do with routing: rules, trying them out, decisions, and what the platform spends."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDay

from gateway.catalogue import Snapshot
from gateway.drafts import Findings
from gateway.ledger.metrics import USAGE_SUMS
from gateway.ledger.rules import NOBODY
from gateway.ledger.terms import read_terms
from gateway.models import Decision, Model, RoutingPolicy, UsageTotal
from gateway.router import MODELS
from gateway.routing.choosing import AUTO, DEFAULT, standings_of
from gateway.routing.engine import Choice, Limits, Need, Weighed, pick, weigh
from gateway.routing.log import UNFAILED
from gateway.routing.policies import PLATFORM, read, stored, tell_rules
from gateway.routing.rules import ACTS, FALLBACKS, OF_PLATFORM_ONLY, Rules, bound, rules_of
from gateway.verbs import MANAGE
from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from saas.facade import audit, require

ADMINISTRATE = "tenant.administrate"
SPENT_BY = ("tenant", "model", "provider", "kind")
ROWS_AT_MOST, DAYS_AT_MOST = 2_000, 400
SpentBy = Literal["tenant", "model", "provider", "kind"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Rules as somebody sees them. `is_own` false: nothing was said, the platform's hold."""

    rules: Rules
    is_own: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """A call that might be made. `asked`: a model's name, or "auto"; `seed`: of the draw."""

    need: Need
    asked: str = AUTO
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What would be done with it now."""

    choice: Choice
    weighed: list[Weighed]
    rules: Rules


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Which decisions are wanted. Empty: any. `failed`: those that did not come out well."""

    tenant_id: UUID | None = None
    model: str = ""
    kind: str = ""
    call_id: UUID | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Spending:
    """`rows`: [{bucket, name, calls, ..., cost_micros}], oldest first; days begin in UTC."""

    rows: list[dict[str, Any]]
    total: dict[str, int]
    is_cut: bool


def see_rules(actor: Actor) -> Standing:
    """How models are chosen for the tenant, within the platform's limits. Raises: Forbidden."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.view")
    own = stored(actor.scope.tenant_id)
    return Standing(read(actor.scope.tenant_id).rules, own is not None)


def set_rules(actor: Actor, draft: Mapping[str, Any] | None) -> Standing:
    """Set all of the tenant's rules (None: the platform's hold again).

    What only the platform may say stays as it is. Raises: Forbidden, Unprocessable.
    """
    with unit_of_work(actor.scope):
        require(actor, ADMINISTRATE)
        # What the platform said stays; what somebody else says in its place does not count.
        kept = dict.fromkeys(OF_PLATFORM_ONLY) | _of_platform(RoutingPolicy.objects.first())
        _write(actor, actor.scope.tenant_id, _checked(draft, kept))
    tell_rules(actor.scope.tenant_id)
    return see_rules(actor)


def see_platform_rules(actor: Actor, tenant_id: UUID | None) -> Standing:
    """The platform's rules, or what it let a tenant have. Raises: Forbidden."""
    require(actor, MANAGE)
    own = stored(tenant_id or PLATFORM)
    return Standing(own or Rules(), own is not None)


def set_platform_rules(
    actor: Actor, tenant_id: UUID | None, draft: Mapping[str, Any] | None
) -> Standing:
    """Set the platform's rules, or a tenant's (None: none). Raises: Forbidden, Unprocessable."""
    require(actor, MANAGE)
    whose = tenant_id or PLATFORM
    with unit_of_work(Scope(whose)):
        _write(actor, whose, _checked(draft, {}))
    tell_rules(whose)
    return see_platform_rules(actor, tenant_id)


def try_rules(actor: Actor, trial: Trial) -> Verdict:
    """What would become of a call of the tenant now, and why; asks no model. Raises: Forbidden."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.view")
    return _tried(actor.scope.tenant_id, trial, None)


def try_platform_rules(
    actor: Actor, tenant_id: UUID | None, trial: Trial, draft: Mapping[str, Any] | None
) -> Verdict:
    """The same for any tenant, with rules that are not stored yet if `draft` is given."""
    require(actor, MANAGE)
    rules = _checked(draft, {})
    return _tried(tenant_id or PLATFORM, trial, rules)


def list_decisions(
    actor: Actor, wanted: DecisionFilter, limit: int, before: UUID | None
) -> list[Decision]:
    """The tenant's decisions, newest first (one more than `limit`, when there are more)."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.see_settings")
        return _found(Decision.objects.all(), wanted, limit, before)


def list_platform_decisions(
    actor: Actor, wanted: DecisionFilter, limit: int, before: UUID | None
) -> list[Decision]:
    """Those of every tenant, or of one. Raises: Forbidden."""
    require(actor, MANAGE)
    with platform_unit("routing: decisions") as alias:
        rows = Decision.objects.using(alias)
        if wanted.tenant_id is not None:
            rows = rows.filter(tenant_id=wanted.tenant_id)
        return _found(rows, wanted, limit, before)


def see_spending(actor: Actor, since: datetime, until: datetime, by: SpentBy) -> Spending:
    """What all tenants and the platform's own shadows used, by day. Raises: Forbidden."""
    require(actor, MANAGE)
    since = max(since, until - timedelta(days=DAYS_AT_MOST))
    column = {"tenant": "tenant_id", "model": "model", "kind": "kind", "provider": "model_id"}[by]
    sums = {f"sum_{name}": Sum(name) for name in USAGE_SUMS}
    with platform_unit("routing: spending") as alias:
        rows = UsageTotal.objects.using(alias).filter(
            grain="hour", bucket__gte=since, bucket__lt=until
        )
        grouped = list(
            rows.annotate(on=TruncDay("bucket")).values("on", column).annotate(**sums)
            .order_by("on", column)[: ROWS_AT_MOST + 1]
        )  # fmt: skip
        summed = rows.aggregate(**sums)
    names = _provider_names() if by == "provider" else {}
    shown: dict[tuple[datetime, str], dict[str, Any]] = {}
    for row in grouped[:ROWS_AT_MOST]:
        name = names.get(row[column], "") if by == "provider" else _plain(row[column])
        told = shown.setdefault((row["on"], name), {"bucket": row["on"], "name": name})
        for sort in USAGE_SUMS:
            told[sort] = told.get(sort, 0) + int(row[f"sum_{sort}"])
    total = {name: int(summed[f"sum_{name}"] or 0) for name in USAGE_SUMS}
    return Spending(list(shown.values()), total, is_cut=len(grouped) > ROWS_AT_MOST)


def _plain(value: object) -> str:
    return "" if value == NOBODY else str(value)


def _provider_names() -> dict[UUID, str]:
    return dict(Model.objects.values_list("id", "provider__name"))


def _found(
    rows: QuerySet[Decision], wanted: DecisionFilter, limit: int, before: UUID | None
) -> list[Decision]:
    if wanted.model:
        rows = rows.filter(model__icontains=wanted.model)
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    if wanted.call_id is not None:
        rows = rows.filter(call_id=wanted.call_id)
    if wanted.failed:
        rows = rows.exclude(outcome__in=UNFAILED)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.order_by("-id")[: limit + 1])


def _tried(tenant_id: UUID, trial: Trial, draft: Rules | None) -> Verdict:
    rules = read(tenant_id).rules if draft is None else bound(draft, stored(PLATFORM) or Rules())
    snapshot = MODELS.get().catalogue.current()
    limits = Limits(read_terms(tenant_id).allowed_models)
    named = _named(snapshot, trial.asked)
    endpoints = [one for one in snapshot.endpoints.values() if not named or one.model_id in named]
    weighed = weigh(
        trial.need, endpoints, rules, standings_of(endpoints), limits, now(), frozenset(named)
    )
    return Verdict(pick(weighed, rules, trial.seed, named=named), weighed, rules)


def _named(snapshot: Snapshot, asked: str) -> tuple[UUID, ...]:
    if asked in {"", AUTO, DEFAULT}:
        return ()
    found = snapshot.by_name.get(asked, [])
    return tuple(one.model_id for one in found if one.model_id is not None)


def _write(actor: Actor, tenant_id: UUID, rules: Rules | None) -> None:
    """Inside a unit of the tenant."""
    row = RoutingPolicy.objects.select_for_update().first()
    before = row.rules if row is not None else None
    if rules is None:
        if row is not None:
            row.delete()
    else:
        row = row or RoutingPolicy(tenant_id=tenant_id)
        row.rules, row.updated_at = rules.as_json(), now()
        row.save()
    after = rules.as_json() if rules is not None else None
    audit(actor, "routing.changed", "tenant", tenant_id, before, after)


def _of_platform(row: RoutingPolicy | None) -> dict[str, Any]:
    return {name: row.rules[name] for name in OF_PLATFORM_ONLY if row and name in row.rules}


def _checked(draft: Mapping[str, Any] | None, kept: Mapping[str, Any]) -> Rules | None:
    """The rules of a draft. Raises: Unprocessable."""
    if draft is None:
        return None
    findings = Findings()
    known = {str(one) for one in Model.objects.values_list("id", flat=True)}
    shares = [*draft.get("split", ()), *([draft["shadow"]] if draft.get("shadow") else [])]
    for model_id in [*draft.get("order", ()), *(one["model_id"] for one in shares)]:
        if str(model_id) not in known:
            findings.add("/order", f"there is no model {model_id}")
    if sum(int(one["percent"]) for one in draft.get("split", ())) > 100:
        findings.add("/split", "the shares come to more than 100 %")
    for code, act in (draft.get("fallbacks") or {}).items():
        if code not in FALLBACKS or act not in ACTS:
            findings.add(f"/fallbacks/{code}", "a failure that we know, and what to do then")
    findings.settle()
    return rules_of({**draft, **kept})
