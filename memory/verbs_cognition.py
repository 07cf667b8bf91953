"""Verbs on an agent's cognition: levels, weights, their history, and sleep.

Levels and weights belong to an agent in its tenant; whoever may train the agent sees and changes
them.  A sleep cycle works on the memories that the agent has of one person, here the actor.
Every change is audited with what it changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from kernel.actor import Actor
from kernel.db import unit_of_work
from kernel.text import checked
from memory.ports import BRAIN, MemoryScope
from memory.scoping import own
from memory.values import Adjustment, CognitiveState, SleepCycle, SleepRequest, SleepState
from memory.workspace import WORKSPACE
from saas.facade import audit, require

TRAIN = "train"


def read_cognition(actor: Actor, agent_id: UUID, *, history: int = 0) -> CognitiveState:
    """Return levels and weights as they are now, with earlier states, newest first.

    Raises: NotFound (agent), Forbidden, CapabilityAbsent.
    """
    return BRAIN.get().state(_mind(actor, agent_id), history=history)


def adjust_cognition(
    actor: Actor,
    agent_id: UUID,
    *,
    levels: Mapping[str, float],
    weights: Mapping[str, float],
    reason: str,
) -> CognitiveState:
    """Set levels or weights within their bounds.

    Raises: NotFound (agent), Forbidden, BadMemory, CapabilityAbsent.
    """
    wanted = Adjustment(levels=levels, weights=weights, reason=checked(reason, "/reason"))
    return _changed(actor, agent_id, "cognition.adjusted", wanted)


def roll_cognition_back(actor: Actor, agent_id: UUID, *, steps: int, reason: str) -> CognitiveState:
    """Undo the newest changes that stand.  Raises: as `adjust_cognition`."""
    wanted = Adjustment(roll_back=steps, reason=checked(reason, "/reason"))
    return _changed(actor, agent_id, "cognition.rolled_back", wanted)


def reset_cognition(actor: Actor, agent_id: UUID, *, reason: str) -> CognitiveState:
    """Put levels and weights back to their start; it can be rolled back.

    Raises: as `adjust_cognition`.
    """
    wanted = Adjustment(reset=True, reason=checked(reason, "/reason"))
    return _changed(actor, agent_id, "cognition.reset", wanted)


def start_sleep(
    actor: Actor, agent_id: UUID, *, depth: SleepState, is_dry_run: bool, max_seconds: float
) -> SleepCycle:
    """Start a sleep cycle over the agent's memories of the actor; the open one when there is one.

    Raises: NotFound (agent), Forbidden, BadMemory, CapabilityAbsent.
    """
    scope = _mind(actor, agent_id)
    request = SleepRequest(is_dry_run, depth, max_seconds, "hand")
    with unit_of_work(actor.scope):
        known = {one.cycle_id for one in BRAIN.get().sleep_cycles(scope)}
        cycle = BRAIN.get().sleep(scope, request)
        if cycle.cycle_id in known:
            return cycle
        after = {"agent_id": str(agent_id), "depth": depth, "dry_run": is_dry_run}
        audit(actor, "sleep.started", "sleep_cycle", cycle.cycle_id, after=after)
    return cycle


def list_sleep(actor: Actor, agent_id: UUID, limit: int) -> tuple[SleepCycle, ...]:
    """Return the newest cycles, an open one first.  Raises: as `read_cognition`."""
    return BRAIN.get().sleep_cycles(_mind(actor, agent_id), limit=limit)


def wake_agent(actor: Actor, agent_id: UUID) -> SleepCycle | None:
    """Interrupt the open cycle between two steps; None without one.  Raises: as `start_sleep`."""
    scope = _mind(actor, agent_id)
    with unit_of_work(actor.scope):
        cycle = BRAIN.get().wake(scope)
        if cycle is not None:
            audit(actor, "sleep.interrupted", "sleep_cycle", cycle.cycle_id)
    return cycle


def _changed(actor: Actor, agent_id: UUID, action: str, wanted: Adjustment) -> CognitiveState:
    scope = _mind(actor, agent_id)
    with unit_of_work(actor.scope):
        before = BRAIN.get().state(scope)
        after = BRAIN.get().adjust(scope, wanted)
        audit(
            actor, action, "agent", agent_id, _values(before), _values(after) | _said(wanted)
        )  # fmt: skip
    return after


def _mind(actor: Actor, agent_id: UUID) -> MemoryScope:
    """Return the scope, once the actor may train the agent.  Raises: NotFound, Forbidden."""
    require(actor, "tenant.view")
    with unit_of_work(actor.scope):
        WORKSPACE.get().require_agent(actor, agent_id, TRAIN)
    return own(actor, agent_id)


def _values(state: CognitiveState) -> dict[str, Any]:
    return {"levels": asdict(state.neuromodulators), "weights": asdict(state.weights)}


def _said(wanted: Adjustment) -> dict[str, Any]:
    return {"reason": wanted.reason[:500]} if wanted.reason else {}
