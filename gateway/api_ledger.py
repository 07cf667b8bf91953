"""Operations under /api/v2/gateway on budgets, prices, policy and usage."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import AwareDatetime, Field

from gateway.ledger import verbs
from gateway.ledger.metrics import Metric
from gateway.ledger.rules import Period, Subject
from gateway.models import Price
from kernel import paging
from kernel.clock import now
from saas.api.auth import actor_of

router = Router(tags=["gateway ledger"])

PAGE_LIMIT = 200
MOST_MICROS = 10**18
MOST_CACHE_S = 30 * 86_400
Micros = Annotated[int, Field(ge=-1, le=MOST_MICROS)]
PerCent = Annotated[int, Field(ge=1, le=1_000)]
PriceMicros = Annotated[int, Field(ge=0, le=10**12)]
ARate = Annotated[int, Field(ge=1, le=1_000_000_000)]


class BudgetIn(Schema):
    """A budget. `limit_micros`: millionths of a dollar, token, call or minute; -1: no
    limit.

    `subject_id` null: each subject of the kind has the limit for itself.
    """

    metric: Metric
    subject: Subject
    subject_id: UUID | None = None
    period: Period
    limit_micros: Micros
    is_hard: bool = True
    alerts: list[PerCent] = Field(default=[80, 100], max_length=10)


class BudgetChangeIn(Schema):
    """What to change; what is left out stays."""

    limit_micros: Micros | None = None
    is_hard: bool | None = None
    alerts: list[PerCent] | None = Field(None, max_length=10)


class BudgetOut(Schema):
    """A budget."""

    id: UUID
    metric: Metric
    subject: Subject
    subject_id: UUID | None
    period: Period
    limit_micros: int
    is_hard: bool
    alerts: list[int]


class AccountOut(Schema):
    """How a budget stands for one subject in the present period."""

    subject_id: UUID
    spent_micros: int
    held_micros: int


class StandingOut(Schema):
    """A budget with its present accounts, the fullest first."""

    budget: BudgetOut
    accounts: list[AccountOut]


class PolicyRate(Schema):
    """So many a minute; null: no limit."""

    requests: ARate | None = None
    tokens: ARate | None = None


class PolicyRates(Schema):
    """Limits a minute: of the tenant, of each person, of each address."""

    tenant: PolicyRate | None = None
    user: PolicyRate | None = None
    address: PolicyRate | None = None


class CallPolicyIn(Schema):
    """What to change; what is left out stays. No allowed models: all of the catalogue."""

    zone: str | None = Field(None, max_length=60)
    allowed_models: list[UUID] | None = Field(None, max_length=1_000)
    rates: PolicyRates | None = None
    cache_s: int | None = Field(None, ge=0, le=MOST_CACHE_S)


class CallPolicyOut(Schema):
    """What a tenant decided for all its calls.

    `cache_s`: seconds for which an answer serves the same question again; 0: never.
    """

    zone: str
    allowed_models: list[UUID]
    rates: PolicyRates
    cache_s: int


class PriceIn(Schema):
    """Micro-dollars for a million tokens. `valid_from` null: now; `cached_micros`: as input."""

    input_micros: PriceMicros
    cached_micros: PriceMicros | None = None
    output_micros: PriceMicros
    valid_from: AwareDatetime | None = None


class PriceOut(Schema):
    """A price of a model."""

    valid_from: datetime
    input_micros: int
    cached_micros: int
    output_micros: int


class PriceImportOut(Schema):
    """How many models got a price; names of those that the table does not know."""

    imported: int
    unknown: list[str]


class Sums(Schema):
    """Calls and what they used; `estimated`: calls whose provider did not count."""

    calls: int
    failures: int
    estimated: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    audio_seconds: int
    characters: int
    cost_micros: int


class UsageRow(Sums):
    """Sums of one bucket. `name`: of the model or kind, or an id; empty: nobody's."""

    bucket: datetime
    name: str


class UsageOut(Schema):
    """Sums by bucket and name, and over all. `is_cut`: there are more rows than are shown."""

    zone: str
    rows: list[UsageRow]
    total: Sums
    is_cut: bool


class CallOut(Schema):
    """One call of a model."""

    id: UUID
    call_id: UUID
    kind: str
    at: datetime
    user_id: UUID
    agent_id: UUID
    key_id: UUID
    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    audio_seconds: int
    characters: int
    cost_micros: int
    counted: bool
    state: str
    note: str
    first_token_ms: int | None
    latency_ms: int


class CallPage(Schema):
    """Calls, newest first."""

    items: list[CallOut]
    next: str | None


@router.get("/budgets", response=list[StandingOut], operation_id="gateway_budgets")
def list_budgets(request: HttpRequest) -> list[dict[str, object]]:
    """Budgets and how they stand now (tenant admins)."""
    return [
        {
            "budget": one.budget,
            "accounts": [
                {"subject_id": subject, "spent_micros": spent, "held_micros": held}
                for subject, spent, held in one.accounts
            ],
        }
        for one in verbs.list_budgets(actor_of(request))
    ]


@router.post("/budgets", response={201: BudgetOut}, operation_id="gateway_create_budget")
def create_budget(request: HttpRequest, body: BudgetIn) -> Status[object]:
    """Set a budget (tenant admins)."""
    draft = verbs.BudgetDraft(**body.model_dump())
    return Status(201, verbs.create_budget(actor_of(request), draft))


@router.patch("/budgets/{budget_id}", response=BudgetOut, operation_id="gateway_update_budget")
def update_budget(request: HttpRequest, budget_id: UUID, body: BudgetChangeIn) -> object:
    """Change a budget (tenant admins)."""
    return verbs.update_budget(actor_of(request), budget_id, body.model_dump(exclude_unset=True))


@router.delete("/budgets/{budget_id}", response={204: None}, operation_id="gateway_delete_budget")
def delete_budget(request: HttpRequest, budget_id: UUID) -> Status[None]:
    """Remove a budget (tenant admins)."""
    verbs.delete_budget(actor_of(request), budget_id)
    return Status(204, None)


@router.get("/policy", response=CallPolicyOut, operation_id="gateway_policy")
def see_policy(request: HttpRequest) -> object:
    """The tenant's zone, allowed models, rates and cache of answers."""
    return verbs.see_policy(actor_of(request))


@router.put("/policy", response=CallPolicyOut, operation_id="gateway_set_policy")
def set_policy(request: HttpRequest, body: CallPolicyIn) -> object:
    """Change them (tenant admins)."""
    changes: dict[str, Any] = body.model_dump(exclude_unset=True, exclude_none=True)
    return verbs.set_policy(actor_of(request), changes)


@router.get("/models/{model_id}/prices", response=list[PriceOut], operation_id="gateway_prices")
def list_prices(request: HttpRequest, model_id: UUID) -> object:
    """What a model costs and did cost, newest first."""
    return verbs.list_prices(actor_of(request), model_id)


@router.put("/models/{model_id}/price", response=PriceOut, operation_id="gateway_set_price")
def set_price(request: HttpRequest, model_id: UUID, body: PriceIn) -> object:
    """Let a price hold from a moment on (platform admins)."""
    cached = body.input_micros if body.cached_micros is None else body.cached_micros
    price = Price(
        valid_from=body.valid_from or now(),
        input_micros=body.input_micros,
        cached_micros=cached,
        output_micros=body.output_micros,
    )
    return verbs.set_price(actor_of(request), model_id, price)


@router.post("/prices/import", response=PriceImportOut, operation_id="gateway_import_prices")
def import_prices(request: HttpRequest) -> object:
    """Give models without a price the one of LiteLLM's public table (platform admins)."""
    return verbs.import_prices(actor_of(request))


@router.get("/usage", response=UsageOut, operation_id="gateway_usage")
def see_usage(
    request: HttpRequest,
    since: date | None = None,
    until: date | None = None,
    grain: Literal["hour", "day"] = "day",
    by: verbs.By = "model",
) -> HttpResponse:
    """Usage between two days: the tenant's for its admins, else one's own."""
    last = until or now().date() + timedelta(days=1)
    first = since or last - timedelta(days=31)
    query = verbs.UsageQuery(
        datetime.combine(first, time()), datetime.combine(last, time()), grain, by
    )
    report = verbs.see_usage(actor_of(request), query)
    # Made by us, so not validated once more: of thousands of rows that took most of the time.
    told = orjson.dumps(report, option=orjson.OPT_UTC_Z)
    return HttpResponse(told, content_type="application/json")


@router.get("/calls", response=CallPage, operation_id="gateway_calls")
def list_calls(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 50,
    cursor: str | None = None,
) -> dict[str, object]:
    """Single calls: the tenant's for its admins, else one's own."""
    before = paging.decode(cursor, UUID)
    rows = verbs.list_calls(actor_of(request), limit, before[0] if before else None)
    shown = rows[:limit]
    more = len(rows) > limit
    return {"items": shown, "next": paging.encode(shown[-1].id) if more else None}
