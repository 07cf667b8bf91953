"""Operations under /api/v2/gateway on the choice of models: of a tenant, and of the platform."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from gateway.api_ledger import Micros, UsageOut
from gateway.models import Decision
from gateway.routing import verbs
from gateway.routing.engine import Need
from gateway.routing.rules import Act, Goal
from gateway.traits import Capability, Tier
from kernel import paging
from kernel.clock import now
from saas.api.auth import actor_of

router = Router(tags=["gateway routing"])

PAGE_LIMIT = 200
Seconds = Annotated[float, Field(gt=0, le=3_600)]
Tokens = Annotated[int, Field(ge=0, le=100_000_000)]


class ShareOfCalls(Schema):
    """So many per cent of the calls are given to a model."""

    model_id: UUID
    percent: int = Field(ge=0, le=100)


class RoutingRules(Schema):
    """How models are chosen; null or empty limits nothing. `shadow`: the platform's word alone."""

    goal: Goal = "order"
    order: list[UUID] = Field(default=[], max_length=500)
    max_tier: Tier | None = None
    max_call_micros: Micros | None = Field(
        None, description="Micro-dollars that a call may cost at most, by its estimate."
    )
    regions: list[Annotated[str, Field(max_length=40)]] = Field(default=[], max_length=50)
    self_hosted_only: bool = False
    fallbacks: dict[str, Act] = Field(
        default={}, description="By the code of the problem: which model is asked next."
    )
    sticky: bool = Field(default=False, description="A conversation stays with its model.")
    learns: bool = Field(default=False, description="What did well is asked more often.")
    small_errands: bool = Field(default=True, description="Titles go to a model of tier budget.")
    attempt_s: Seconds | None = Field(None, description="To the first token of one model.")
    overall_s: Seconds | None = Field(None, description="To the first token of any model.")
    split: list[ShareOfCalls] = Field(default=[], max_length=20)
    shadow: ShareOfCalls | None = None


class RoutingOut(Schema):
    """Rules that hold; `is_own` false: nothing was set here, the platform's hold."""

    rules: RoutingRules
    is_own: bool


class RoutingIn(Schema):
    """All of the rules; null: none of one's own."""

    rules: RoutingRules | None


class RoutingTrialIn(Schema):
    """A call that might be made. `rules`: to be tried before they are set (platform only)."""

    asked: str = Field("auto", max_length=300)
    capabilities: list[Capability] = ["text"]
    input_tokens: Tokens = 1_000
    output_tokens: Tokens = 500
    is_small: bool = False
    stays_home: bool = False
    seed: int = Field(0, ge=0, le=2**53)
    rules: RoutingRules | None = None

    def trial(self) -> verbs.Trial:
        """As the verb takes it."""
        able = frozenset({"text", *self.capabilities})
        need = Need(able, self.input_tokens, self.output_tokens, self.is_small, self.stays_home)
        return verbs.Trial(need, self.asked, self.seed)


class CandidateOut(Schema):
    """A model that was weighed: its score, or why it was left out."""

    model: str
    score: float | None
    left_out: str


class WeighedOut(Schema):
    """A model that would be weighed, with what the call would cost there."""

    model_id: UUID
    label: str
    score: float | None
    left_out: str
    cost_micros: int


class RoutingTrialOut(Schema):
    """The models in the order in which they would be asked, and why."""

    plan: list[UUID]
    reason: str
    candidates: list[WeighedOut]


class FailedAttemptOut(Schema):
    """A model that failed before another one was asked."""

    model: str
    code: str
    ms: int


class NeedOut(Schema):
    """What a call asked for."""

    capabilities: list[str]
    input_tokens: int
    output_tokens: int


class DecisionOut(Schema):
    """Which model a call was given, out of which, why, and what became of it."""

    id: UUID
    tenant_id: UUID
    call_id: UUID
    kind: str
    at: datetime
    user_id: UUID
    agent_id: UUID
    key_id: UUID
    asked: str
    need: NeedOut
    model: str
    reason: str
    candidates: list[CandidateOut]
    from_cache: bool
    attempts: list[FailedAttemptOut]
    outcome: str
    answered: str
    first_token_ms: int | None
    shadow: str


class DecisionPage(Schema):
    """Decisions, newest first."""

    items: list[DecisionOut]
    next: str | None


class DecisionQuery(Schema):
    """Which decisions; empty: any."""

    model: str = Field("", max_length=200)
    kind: str = Field("", max_length=20)
    call_id: UUID | None = None
    failed: bool = False
    tenant_id: UUID | None = None
    limit: int = Field(50, ge=1, le=PAGE_LIMIT)
    cursor: str | None = None

    def wanted(self) -> verbs.DecisionFilter:
        """As the verb takes it."""
        return verbs.DecisionFilter(
            self.tenant_id, self.model, self.kind, self.call_id, self.failed
        )

    def page(self, rows: list[Decision]) -> dict[str, object]:
        """The page and the cursor behind its last row, if there are more rows."""
        shown, more = rows[: self.limit], len(rows) > self.limit
        return {"items": shown, "next": paging.encode(shown[-1].id) if more else None}

    @property
    def before(self) -> UUID | None:
        """The row after which this page begins."""
        found = paging.decode(self.cursor, UUID)
        return found[0] if found else None


@router.get("/routing", response=RoutingOut, operation_id="routing_see")
def see_rules(request: HttpRequest) -> object:
    """How models are chosen for the tenant, within the platform's limits."""
    return _shown(verbs.see_rules(actor_of(request)))


@router.put("/routing", response=RoutingOut, operation_id="routing_set")
def set_rules(request: HttpRequest, body: RoutingIn) -> object:
    """Set the tenant's rules, or none (tenant admins)."""
    return _shown(verbs.set_rules(actor_of(request), _draft(body.rules)))


@router.post("/routing/try", response=RoutingTrialOut, operation_id="routing_try")
def try_rules(request: HttpRequest, body: RoutingTrialIn) -> object:
    """What would become of a call now, and why. Asks no model."""
    return _told(verbs.try_rules(actor_of(request), body.trial()))


@router.get("/routing/decisions", response=DecisionPage, operation_id="routing_decisions")
def list_decisions(request: HttpRequest, query: Query[DecisionQuery]) -> object:
    """The tenant's decisions, newest first (tenant admins)."""
    rows = verbs.list_decisions(actor_of(request), query.wanted(), query.limit, query.before)
    return query.page(rows)


@router.get("/platform/routing", response=RoutingOut, operation_id="routing_platform_see")
def see_platform_rules(request: HttpRequest, tenant_id: UUID | None = None) -> object:
    """The platform's rules, which hold for tenants without own ones; or a tenant's."""
    return _shown(verbs.see_platform_rules(actor_of(request), tenant_id))


@router.put("/platform/routing", response=RoutingOut, operation_id="routing_platform_set")
def set_platform_rules(
    request: HttpRequest, body: RoutingIn, tenant_id: UUID | None = None
) -> object:
    """Set them (platform admins)."""
    return _shown(verbs.set_platform_rules(actor_of(request), tenant_id, _draft(body.rules)))


@router.post("/platform/routing/try", response=RoutingTrialOut, operation_id="routing_platform_try")
def try_platform_rules(
    request: HttpRequest, body: RoutingTrialIn, tenant_id: UUID | None = None
) -> object:
    """What would become of a tenant's call now, also with rules that are not set yet."""
    actor, draft = actor_of(request), _draft(body.rules)
    return _told(verbs.try_platform_rules(actor, tenant_id, body.trial(), draft))


@router.get(
    "/platform/routing/decisions", response=DecisionPage, operation_id="routing_platform_decisions"
)
def list_platform_decisions(request: HttpRequest, query: Query[DecisionQuery]) -> object:
    """Decisions of every tenant, newest first (platform admins)."""
    actor = actor_of(request)
    rows = verbs.list_platform_decisions(actor, query.wanted(), query.limit, query.before)
    return query.page(rows)


@router.get("/platform/spending", response=UsageOut, operation_id="gateway_spending")
def see_spending(
    request: HttpRequest,
    since: date | None = None,
    until: date | None = None,
    by: verbs.SpentBy = "tenant",
) -> object:
    """What all tenants used, between two days (UTC), by day (platform admins)."""
    last = (until or now().date()) + timedelta(days=1)
    first = since or last - timedelta(days=31)
    began, ended = (datetime.combine(day, time(), tzinfo=now().tzinfo) for day in (first, last))
    found = verbs.see_spending(actor_of(request), began, ended, by)
    return {"zone": "UTC", "rows": found.rows, "total": found.total, "is_cut": found.is_cut}


def _draft(rules: RoutingRules | None) -> dict[str, Any] | None:
    return None if rules is None else rules.model_dump()


def _shown(standing: verbs.Standing) -> dict[str, object]:
    return {"rules": standing.rules.as_json(), "is_own": standing.is_own}


def _told(verdict: verbs.Verdict) -> dict[str, object]:
    choice = verdict.choice
    return {"plan": choice.plan, "reason": choice.reason, "candidates": verdict.weighed}
