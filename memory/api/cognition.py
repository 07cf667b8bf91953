"""Operations under /api/v2/cognitive: for whoever may train the agent."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router, Status

from memory import verbs_cognition as verbs
from memory.api.parameters import AgentIn
from memory.schemas_cognition import (
    AdaptationOut,
    AdjustIn,
    CognitiveStateOut,
    ParametersOut,
    ResetIn,
    RollbackIn,
    SleepCycleOut,
    SleepHistoryOut,
    SleepIn,
    WakeIn,
    WokenOut,
)
from saas.api.auth import actor_of

router = Router(tags=["cognitive"])


@router.get("/state", response=CognitiveStateOut, operation_id="cognitive_state")
def state(request: HttpRequest, agent_id: AgentIn) -> CognitiveStateOut:
    """Levels and weights of an agent as they are now."""
    return CognitiveStateOut.of(agent_id, verbs.read_cognition(actor_of(request), agent_id))


@router.get("/params", response=ParametersOut, operation_id="cognitive_params")
def params(request: HttpRequest, agent_id: AgentIn) -> ParametersOut:
    """Every level and weight with its value, baseline and bounds."""
    return ParametersOut.of(agent_id, verbs.read_cognition(actor_of(request), agent_id))


@router.post("/adjust", response=CognitiveStateOut, operation_id="cognitive_adjust")
def adjust(request: HttpRequest, body: AdjustIn) -> CognitiveStateOut:
    """Set levels or weights within their bounds."""
    changed = verbs.adjust_cognition(
        actor_of(request),
        body.agent_id,
        levels=body.levels,
        weights=body.weights,
        reason=body.reason,
    )
    return CognitiveStateOut.of(body.agent_id, changed)


@router.post("/rollback", response=CognitiveStateOut, operation_id="cognitive_rollback")
def rollback(request: HttpRequest, body: RollbackIn) -> CognitiveStateOut:
    """Undo the newest changes."""
    changed = verbs.roll_cognition_back(
        actor_of(request), body.agent_id, steps=body.steps, reason=body.reason
    )
    return CognitiveStateOut.of(body.agent_id, changed)


@router.get("/adaptation", response=AdaptationOut, operation_id="cognitive_adaptation")
def adaptation(
    request: HttpRequest,
    agent_id: AgentIn,
    limit: Annotated[int, Query(ge=0, le=200)] = 50,
) -> AdaptationOut:
    """What the agent has learnt, with the states before each change."""
    found = verbs.read_cognition(actor_of(request), agent_id, history=limit)
    return AdaptationOut.of(agent_id, found)


@router.post(
    "/adaptation/reset", response=CognitiveStateOut, operation_id="cognitive_adaptation_reset"
)
def reset(request: HttpRequest, body: ResetIn) -> CognitiveStateOut:
    """Put levels and weights back to their start; it can be rolled back."""
    changed = verbs.reset_cognition(actor_of(request), body.agent_id, reason=body.reason)
    return CognitiveStateOut.of(body.agent_id, changed)


@router.post("/sleep-cycle", response={202: SleepCycleOut}, operation_id="cognitive_sleep")
def sleep(request: HttpRequest, body: SleepIn) -> Status[SleepCycleOut]:
    """Start a sleep cycle over the agent's memories of oneself; the open one if there is one."""
    cycle = verbs.start_sleep(
        actor_of(request),
        body.agent_id,
        depth=body.depth,
        is_dry_run=body.dry_run,
        max_seconds=body.max_seconds,
    )
    return Status(202, SleepCycleOut.of(cycle))


@router.get("/sleep-cycle", response=SleepHistoryOut, operation_id="cognitive_sleep_history")
def sleep_history(
    request: HttpRequest,
    agent_id: AgentIn,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> SleepHistoryOut:
    """The open cycle with its progress, and those that ended."""
    return SleepHistoryOut.of(verbs.list_sleep(actor_of(request), agent_id, limit))


@router.post("/sleep-cycle/wake", response=WokenOut, operation_id="cognitive_wake")
def wake(request: HttpRequest, body: WakeIn) -> WokenOut:
    """Interrupt the open cycle between two steps."""
    cycle = verbs.wake_agent(actor_of(request), body.agent_id)
    return WokenOut(cycle=None if cycle is None else SleepCycleOut.of(cycle))
