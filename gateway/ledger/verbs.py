"""What people do with the ledger: budgets, prices, the tenant's policy, and usage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from django.db import IntegrityError
from django.db.models import Q, Sum

from gateway.catalogue import writing
from gateway.drafts import Findings
from gateway.ledger.metrics import METRICS, USAGE_SUMS
from gateway.ledger.pricelist import entry_of, listed, read_table
from gateway.ledger.rules import NOBODY, Caller, day_of, places
from gateway.ledger.terms import rule_of, tell_terms
from gateway.models import Account, Budget, Model, Policy, Price, Usage, UsageTotal
from gateway.presets import limits_of
from gateway.traits import ListedTraits, listed_traits
from gateway.verbs import MANAGE, tell_changed
from kernel.actor import Actor
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.errors import Conflict, NotFound
from saas.facade import allowed, audit, require

ADMINISTRATE = "tenant.administrate"
ROWS_AT_MOST = 2_000
DAYS_AT_MOST = 400
By = Literal["model", "user", "agent", "key", "kind"]
_COLUMNS: dict[By, str] = {
    "model": "model", "user": "user_id", "agent": "agent_id", "key": "key_id", "kind": "kind"
}  # fmt: skip
RATED = ("tenant", "user", "address")


class BudgetExists(Conflict):
    """There is a budget for the same metric, subject and period."""

    code, title = "budget-exists", "There is such a budget already"


@dataclass(frozen=True, slots=True)
class BudgetDraft:
    """A budget to be set. `limit_micros` -1: unlimited, but recorded."""

    metric: str
    subject: str
    subject_id: UUID | None
    period: str
    limit_micros: int
    is_hard: bool = True
    alerts: Sequence[int] = (80, 100)


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget, and how its accounts of now stand: [(subject id, spent, held), ...]."""

    budget: Budget
    accounts: list[tuple[UUID, int, int]]


@dataclass(frozen=True, slots=True)
class PriceImport:
    """How many models got a price, and which of the others the table does not know."""

    imported: int
    unknown: list[str]


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which usage, summed how. `since`, `until`: the days of the tenant's zone, both included."""

    since: datetime
    until: datetime
    grain: Literal["hour", "day"] = "day"
    by: By = "model"


@dataclass(frozen=True, slots=True)
class UsageReport:
    """`rows`: [{bucket, name, calls, ..., cost_micros}], oldest first; `total`: their sums."""

    zone: str
    rows: list[dict[str, Any]]
    total: dict[str, int]
    is_cut: bool


def list_budgets(actor: Actor) -> list[Standing]:
    """Every budget of the tenant with its present accounts. Raises: Forbidden."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.see_settings")
        budgets = list(Budget.objects.order_by("subject", "period", "id"))
        periods = _periods(actor, budgets)
        found: dict[UUID, list[tuple[UUID, int, int]]] = {}
        wanted = Q(pk__in=[])
        for budget in budgets:
            if (period := periods.get(budget.id)) is not None:
                wanted |= Q(budget_id=budget.id, place__endswith=f"|{period}")
        for account in Account.objects.filter(wanted).order_by("-spent_micros")[:ROWS_AT_MOST]:
            subject = UUID(account.place.partition("|")[0])
            standing = (subject, account.spent_micros, account.held_micros)
            found.setdefault(account.budget_id, []).append(standing)
        return [Standing(budget, found.get(budget.id, [])) for budget in budgets]


def create_budget(actor: Actor, draft: BudgetDraft) -> Budget:
    """Set a budget; it binds from the next call on. Raises: Forbidden, BudgetExists."""
    try:
        with unit_of_work(actor.scope):
            require(actor, ADMINISTRATE)
            _check(draft)
            row: Budget = Budget.objects.create(
                metric=draft.metric,
                subject=draft.subject,
                subject_id=_subject(actor, draft),
                period=draft.period,
                limit_micros=draft.limit_micros,
                is_hard=draft.is_hard,
                alerts=sorted(set(draft.alerts)),
            )
            audit(actor, "budget.created", "budget", row.id, after=_audited(row))
    except IntegrityError as exc:
        raise BudgetExists from exc
    tell_terms(actor.scope.tenant_id)
    return row


def update_budget(actor: Actor, budget_id: UUID, changes: Mapping[str, Any]) -> Budget:
    """Change limit, hardness or alerts; what was spent stays spent. Raises: NotFound."""
    with unit_of_work(actor.scope):
        row = _access(actor, budget_id)
        before = _audited(row)
        for name in ("limit_micros", "is_hard", "alerts"):
            if changes.get(name) is not None:
                setattr(row, name, changes[name])
        row.alerts = sorted(set(row.alerts))
        row.updated_at = now()
        row.save()
        audit(actor, "budget.updated", "budget", row.id, before, _audited(row))
    tell_terms(actor.scope.tenant_id)
    return row


def delete_budget(actor: Actor, budget_id: UUID) -> None:
    """Remove a budget with its accounts; usage stays. Raises: NotFound."""
    with unit_of_work(actor.scope):
        row = _access(actor, budget_id)
        audit(actor, "budget.deleted", "budget", row.id, before=_audited(row))
        row.delete()
    tell_terms(actor.scope.tenant_id)


def see_policy(actor: Actor) -> Policy:
    """The tenant's policy; the defaults where it set none. Raises: Forbidden."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.view")
        return Policy.objects.first() or Policy(tenant_id=actor.scope.tenant_id)


def set_policy(actor: Actor, changes: Mapping[str, Any]) -> Policy:
    """Change zone, models, rates or the cache of answers. Raises: Forbidden, Unprocessable."""
    with unit_of_work(actor.scope):
        require(actor, ADMINISTRATE)
        row: Policy = Policy.objects.select_for_update().first() or Policy(
            tenant_id=actor.scope.tenant_id
        )
        findings = Findings()
        if (zone := changes.get("zone")) is not None:
            row.zone = zone
            if zone not in available_timezones():
                findings.add("/zone", "a name such as Europe/Berlin")
        if (models := changes.get("allowed_models")) is not None:
            known = set(Model.objects.filter(id__in=models).values_list("id", flat=True))
            row.allowed_models = [str(one) for one in models if one in known]
        if (rates := changes.get("rates")) is not None:
            row.rates = {name: rates[name] for name in RATED if rates.get(name)}
        if (cache_s := changes.get("cache_s")) is not None:
            row.cache_s = cache_s
        findings.settle()
        row.updated_at = now()
        row.save()
        after = {
            name: getattr(row, name) for name in ("zone", "allowed_models", "rates", "cache_s")
        }
        audit(actor, "policy.updated", "policy", row.id, after=after)
    tell_terms(actor.scope.tenant_id)
    return row


def list_prices(actor: Actor, model_id: UUID) -> list[Price]:
    """What a model costs and did cost, newest first. Raises: Forbidden, NotFound."""
    require(actor, MANAGE if actor.is_platform_admin else "tenant.view")
    if not Model.objects.filter(id=model_id).exists():
        raise NotFound
    return list(Price.objects.filter(model_id=model_id).order_by("-valid_from"))


def set_price(actor: Actor, model_id: UUID, price: Price) -> Price:
    """Let a price hold from its moment on (platform admins). Raises: Forbidden, NotFound.

    Calls that began before keep the price of when they began.
    """
    require(actor, MANAGE)
    with writing("price") as alias:
        if not Model.objects.using(alias).filter(id=model_id).exists():
            raise NotFound
        price.model_id = model_id
        values = {
            name: getattr(price, name)
            for name in ("input_micros", "cached_micros", "output_micros")
        }
        row, _ = Price.objects.using(alias).update_or_create(
            model_id=model_id, valid_from=price.valid_from, defaults=values
        )
        audit(
            actor, "price.set", "model", model_id,
            after={**values, "valid_from": row.valid_from.isoformat()},
        )  # fmt: skip
    tell_changed()
    return row


def import_prices(actor: Actor) -> PriceImport:
    """Take over what LiteLLM's table says: of models without a price, without stated abilities.

    A price where there is none; capabilities and tier where nobody said them; limits where they are
    only assumed. For platform admins; audited. Raises: Forbidden.
    """
    require(actor, MANAGE)
    table = read_table()
    found: list[Price] = []
    missing: list[str] = []
    with writing("prices") as alias:
        rows = Model.objects.using(alias).select_related("provider").prefetch_related("prices")
        for row in rows.order_by("name"):
            entry = entry_of(table, row.provider.kind, row.name)
            price = listed(entry) if entry is not None else None
            if entry is not None:
                _describe(alias, row, listed_traits(entry, price.output_micros if price else None))
            if row.prices.all():
                continue
            if price is None:
                missing.append(row.name)
                continue
            found.append(
                Price(
                    model_id=row.id,
                    valid_from=now(),
                    input_micros=price.input_micros,
                    cached_micros=price.cached_micros,
                    output_micros=price.output_micros,
                )
            )
        Price.objects.using(alias).bulk_create(found)
        audit(actor, "prices.imported", "platform", "prices", after={"models": len(found)})
    tell_changed()
    return PriceImport(len(found), missing)


def _describe(alias: str, row: Model, said: ListedTraits) -> None:
    """Write down what nobody said yet."""
    assumed = limits_of(row.provider.kind, row.name)
    if row.capabilities is None:
        row.capabilities = sorted(said.capabilities)
    row.tier = row.tier or said.tier or ""
    if said.window and row.window == assumed.window:
        row.window = said.window
    if said.output_limit and row.output_limit == assumed.output_limit:
        row.output_limit = min(said.output_limit, max(1, row.window // 2))
    row.save(using=alias, update_fields=["capabilities", "tier", "window", "output_limit"])


def see_usage(actor: Actor, query: UsageQuery) -> UsageReport:
    """Usage summed by day or hour: of the tenant for its admins, else one's own.

    Reads roll-ups only, so it takes the same time after ten million calls. Raises: Forbidden.
    """
    with unit_of_work(actor.scope):
        require(actor, "tenant.view")
        zone = ZoneInfo((Policy.objects.first() or Policy()).zone)
        since = day_of(query.since.replace(tzinfo=zone), zone)
        until = day_of(query.until.replace(tzinfo=zone), zone) + timedelta(days=1)
        since = max(since, until - timedelta(days=DAYS_AT_MOST))
        column = _COLUMNS[query.by]
        rows = UsageTotal.objects.filter(grain=query.grain, bucket__gte=since, bucket__lt=until)
        if not allowed(actor, ADMINISTRATE):
            rows = rows.filter(user_id=actor.user_id)
        grouped = list(
            rows.values("bucket", column)
            .annotate(**{f"sum_{name}": Sum(name) for name in USAGE_SUMS})
            .order_by("bucket", column)[: ROWS_AT_MOST + 1]
        )
        is_cut = len(grouped) > ROWS_AT_MOST
        # Only where not all of it is here does the database add it up again.
        whole = {f"sum_{name}": Sum(name) for name in USAGE_SUMS}
        parts = [rows.aggregate(**whole)] if is_cut else grouped
    shown = [
        {
            "bucket": row["bucket"].astimezone(zone),
            "name": "" if row[column] == NOBODY else str(row[column]),
            **{name: int(row[f"sum_{name}"]) for name in USAGE_SUMS},
        }
        for row in grouped[:ROWS_AT_MOST]
    ]
    total = {name: sum(int(one[f"sum_{name}"] or 0) for one in parts) for name in USAGE_SUMS}
    return UsageReport(str(zone), shown, total, is_cut)


def list_calls(actor: Actor, limit: int, before: UUID | None) -> list[Usage]:
    """Single calls, newest first (one more than `limit`, when there are more)."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.view")
        rows = Usage.objects.order_by("-id")
        if not allowed(actor, ADMINISTRATE):
            rows = rows.filter(user_id=actor.user_id)
        if before is not None:
            rows = rows.filter(id__lt=before)
        return list(rows[: limit + 1])


def _check(draft: BudgetDraft) -> None:
    findings = Findings()
    if draft.metric not in METRICS:
        findings.add("/metric", f"one of {', '.join(METRICS)}")
    if draft.subject not in Budget.Subject.values:
        findings.add("/subject", f"one of {', '.join(Budget.Subject.values)}")
    if draft.period not in Budget.Period.values:
        findings.add("/period", f"one of {', '.join(Budget.Period.values)}")
    findings.settle()


def _subject(actor: Actor, draft: BudgetDraft) -> UUID | None:
    return actor.scope.tenant_id if draft.subject == Budget.Subject.TENANT else draft.subject_id


def _access(actor: Actor, budget_id: UUID) -> Budget:
    require(actor, ADMINISTRATE)
    row: Budget | None = Budget.objects.select_for_update().filter(id=budget_id).first()
    if row is None:
        raise NotFound
    return row


def _periods(actor: Actor, budgets: Sequence[Budget]) -> dict[UUID, str]:
    """The present period of each budget that has one."""
    zone = ZoneInfo((Policy.objects.first() or Policy()).zone)
    rules = [rule_of(budget) for budget in budgets if budget.period != Budget.Period.TURN]
    found: dict[UUID, str] = {}
    for rule in rules:
        subject = rule.subject_id or actor.user_id
        caller = Caller(actor.scope.tenant_id, subject, subject, subject)
        for place in places([rule], caller, subject, now(), zone):
            found[rule.id] = place.name.partition("|")[2]
    return found


def _audited(row: Budget) -> dict[str, object]:
    return {
        "metric": row.metric,
        "subject": row.subject,
        "subject_id": str(row.subject_id) if row.subject_id else None,
        "period": row.period,
        "limit_micros": row.limit_micros,
        "is_hard": row.is_hard,
        "alerts": row.alerts,
    }
