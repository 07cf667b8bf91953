"""Operations under /context, /neuromod, /cognitive and /sleep."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router

from memory.brain_server.auth import ScopeIn, deadline_s, scope_of
from memory.brain_server.schemas import (
    AdaptationOut,
    AdjustIn,
    EvaluateIn,
    EvaluateOut,
    FeedbackIn,
    LevelsIn,
    LevelsOut,
    SleepIn,
    SleepStateOut,
)
from memory.ports import BRAIN, READ_TIMEOUT_S, WRITE_TIMEOUT_S, ContextQuery, RecallQuery
from memory.values import Adjustment, CognitiveState, FeedbackResult, Neuromodulators, SleepCycle

context = Router(tags=["context"])
neuromod = Router(tags=["neuromodulators"])
cognitive = Router(tags=["cognition"])
sleep = Router(tags=["sleep"])

Scoped = Annotated[ScopeIn, Query()]
_RETRIEVAL = ("alpha", "beta", "gamma", "tau")
_UTILITY = ("lambda_", "mu", "nu")


@context.post("/evaluate", response=EvaluateOut, operation_id="context_evaluate")
def evaluate(request: HttpRequest, body: EvaluateIn) -> EvaluateOut:
    """Build a prompt from what bears on the query."""
    scope = scope_of(request, body)
    timeout_s = deadline_s(request, READ_TIMEOUT_S)
    asked = body.ask or RecallQuery(body.query, limit=body.top_k)
    asked = replace(asked, text=body.query, timeout_s=timeout_s)
    built = BRAIN.get().context(
        scope, ContextQuery(asked, body.token_allowance), timeout_s=timeout_s
    )
    return EvaluateOut(
        query=body.query,
        prompt=built.prompt,
        tenant_id=scope.tenant_id,
        memories=list(built.recalled),
        weights=list(built.weights),
        tokens=built.tokens,
    )


@context.post("/feedback", response=FeedbackResult, operation_id="context_feedback")
def feedback(request: HttpRequest, body: FeedbackIn) -> FeedbackResult:
    """Let the weights learn from an answer, once per idempotency key."""
    timeout_s = deadline_s(request, WRITE_TIMEOUT_S)
    return BRAIN.get().feedback(scope_of(request, body), body.feedback, timeout_s=timeout_s)


@context.get("/adaptation/state", response=AdaptationOut, operation_id="adaptation_state")
def adaptation_state(request: HttpRequest, scope: Scoped) -> AdaptationOut:
    """What adaptation has learnt."""
    found = state(request, scope)
    weights = asdict(found.weights)
    return AdaptationOut(
        tenant_id=scope_of(request, scope).tenant_id,
        retrieval={name: weights[name] for name in _RETRIEVAL},
        utility={name: weights[name] for name in _UTILITY},
        history_len=found.feedback_count,
        learning_rate=found.learning_rate,
    )


@context.post("/adaptation/reset", response=CognitiveState, operation_id="adaptation_reset")
def adaptation_reset(request: HttpRequest, body: ScopeIn) -> CognitiveState:
    """Back to the start; the history stays, so that a reset can be rolled back."""
    return _adjusted(request, body, Adjustment(reset=True, reason="reset"))


@neuromod.get("/state", response=LevelsOut, operation_id="neuromod_state")
def levels(request: HttpRequest, scope: Scoped) -> LevelsOut:
    """The four levels as they are now."""
    return _levels(request, scope, state(request, scope).neuromodulators)


@neuromod.post("/adjust", response=LevelsOut, operation_id="neuromod_adjust")
def adjust_levels(request: HttpRequest, body: LevelsIn) -> LevelsOut:
    """Set levels within their bounds."""
    given = body.dict(include={"dopamine", "serotonin", "noradrenaline", "acetylcholine"})
    wanted = {name: value for name, value in given.items() if value is not None}
    found = _adjusted(request, body, Adjustment(levels=wanted))
    return _levels(request, body, found.neuromodulators)


@cognitive.get("/state", response=CognitiveState, operation_id="cognitive_state")
def state(
    request: HttpRequest, scope: Scoped, history: Annotated[int, Query(ge=0, le=1000)] = 0
) -> CognitiveState:
    """Levels, weights, bounds and history of an agent."""
    timeout_s = deadline_s(request, READ_TIMEOUT_S)
    return BRAIN.get().state(scope_of(request, scope), history=history, timeout_s=timeout_s)


@cognitive.post("/adjust", response=CognitiveState, operation_id="cognitive_adjust")
def adjust(request: HttpRequest, body: AdjustIn) -> CognitiveState:
    """Set levels or weights, reset them, or roll back."""
    return _adjusted(request, body, body.adjustment)


@sleep.get("/state", response=SleepStateOut, operation_id="sleep_state")
def sleep_state(request: HttpRequest, scope: Scoped) -> SleepStateOut:
    """How deep the brain of an agent sleeps."""
    found = state(request, scope)
    tenant_id = scope_of(request, scope).tenant_id
    return SleepStateOut(tenant_id=tenant_id, state=found.sleep, timestamp=found.at)


@sleep.post("/cycles", response=SleepCycle, operation_id="sleep_start")
def start(request: HttpRequest, body: SleepIn) -> SleepCycle:
    """Start a cycle, or return the one that runs."""
    timeout_s = deadline_s(request, WRITE_TIMEOUT_S)
    return BRAIN.get().sleep(scope_of(request, body), body.request, timeout_s=timeout_s)


@sleep.get("/cycles", response=list[SleepCycle], operation_id="sleep_cycles")
def cycles(
    request: HttpRequest, scope: Scoped, limit: Annotated[int, Query(ge=1, le=100)] = 1
) -> list[SleepCycle]:
    """The newest cycles with their progress."""
    timeout_s = deadline_s(request, READ_TIMEOUT_S)
    found = BRAIN.get().sleep_cycles(scope_of(request, scope), limit=limit, timeout_s=timeout_s)
    return list(found)


@sleep.post("/wake", response=SleepCycle | None, operation_id="sleep_wake")
def wake(request: HttpRequest, body: ScopeIn) -> SleepCycle | None:
    """Interrupt the running cycle at its next step."""
    timeout_s = deadline_s(request, WRITE_TIMEOUT_S)
    return BRAIN.get().wake(scope_of(request, body), timeout_s=timeout_s)


def _adjusted(request: HttpRequest, given: ScopeIn, adjustment: Adjustment) -> CognitiveState:
    timeout_s = deadline_s(request, WRITE_TIMEOUT_S)
    return BRAIN.get().adjust(scope_of(request, given), adjustment, timeout_s=timeout_s)


def _levels(request: HttpRequest, given: ScopeIn, found: Neuromodulators) -> LevelsOut:
    return LevelsOut(tenant_id=scope_of(request, given).tenant_id, **asdict(found))
