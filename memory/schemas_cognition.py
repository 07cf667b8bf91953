"""Shapes of the cognitive operations at the HTTP edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from memory.cognition import adaptation
from memory.cognition.neuromodulators import BASELINE
from memory.values import CognitiveState, SleepCycle, StateAt, Weights

Reason = Annotated[str, Field(max_length=500, description="Kept with the change.")]


class LevelsOut(Schema):
    """The four neuromodulators."""

    dopamine: float
    serotonin: float
    noradrenaline: float
    acetylcholine: float


class WeightsOut(Schema):
    """What adaptation moves: retrieval (alpha, beta, gamma, tau), utility (lambda_, mu, nu)."""

    alpha: float
    beta: float
    gamma: float
    tau: float
    lambda_: float
    mu: float
    nu: float


class CognitiveStateOut(Schema):
    """Levels and weights of an agent as they are now, decay included."""

    agent_id: UUID
    at: datetime
    levels: LevelsOut
    weights: WeightsOut
    learning_rate: float
    feedback_count: int
    sleep: str = Field(description="active, light, deep or freeze.")

    @classmethod
    def of(cls, agent_id: UUID, state: CognitiveState) -> CognitiveStateOut:
        """From the brain's value."""
        return cls(
            agent_id=agent_id,
            at=state.at,
            levels=LevelsOut(**asdict(state.neuromodulators)),
            weights=WeightsOut(**asdict(state.weights)),
            learning_rate=state.learning_rate,
            feedback_count=state.feedback_count,
            sleep=state.sleep,
        )


class ParameterOut(Schema):
    """One level or weight: what it is, where it rests, how far it may go."""

    name: str
    group: Literal["levels", "weights"]
    value: float
    baseline: float
    low: float
    high: float
    decays: bool = Field(description="Whether it returns to its baseline by itself.")


class ParametersOut(Schema):
    """Every level and weight of an agent with its bounds."""

    agent_id: UUID
    items: list[ParameterOut]

    @classmethod
    def of(cls, agent_id: UUID, state: CognitiveState) -> ParametersOut:
        """From the brain's value, which knows the bounds."""
        levels, weights = asdict(state.neuromodulators), asdict(state.weights)
        rest = {**BASELINE.as_dict(), **asdict(Weights())}
        return cls(
            agent_id=agent_id,
            items=[
                ParameterOut(
                    name=name,
                    group="levels" if name in levels else "weights",
                    value=value,
                    baseline=rest[name],
                    low=state.bounds[name][0],
                    high=state.bounds[name][1],
                    decays=name in levels,
                )
                for name, value in {**levels, **weights}.items()
                if name in state.bounds
            ],
        )


class AdjustIn(Schema):
    """New values by name; those left out stay."""

    agent_id: UUID
    levels: dict[str, float] = Field(default_factory=dict, max_length=4)
    weights: dict[str, float] = Field(default_factory=dict, max_length=7)
    reason: Reason = ""


class RollbackIn(Schema):
    """How many of the newest changes to undo."""

    agent_id: UUID
    steps: int = Field(1, ge=1, le=100)
    reason: Reason = ""


class ResetIn(Schema):
    """Whose learning to put back to its start."""

    agent_id: UUID
    reason: Reason = ""


class StateAtOut(Schema):
    """A state before a change, and what changed it."""

    at: datetime
    cause: str = Field(description="feedback, adjust, reset or rollback.")
    reason: str
    is_undone: bool = Field(description="Rolled back, or itself a roll-back.")
    levels: LevelsOut
    weights: WeightsOut

    @classmethod
    def of(cls, one: StateAt) -> StateAtOut:
        """From the brain's value."""
        return cls(
            at=one.at,
            cause=one.cause,
            reason=one.reason,
            is_undone=one.is_undone,
            levels=LevelsOut(**asdict(one.neuromodulators)),
            weights=WeightsOut(**asdict(one.weights)),
        )


class AdaptationOut(Schema):
    """What the agent has learnt, and the states before each change, newest first."""

    agent_id: UUID
    at: datetime
    levels: LevelsOut
    weights: WeightsOut
    baseline: WeightsOut
    feedback_count: int
    learning_rate: float
    base_rate: float
    history: list[StateAtOut]

    @classmethod
    def of(cls, agent_id: UUID, state: CognitiveState) -> AdaptationOut:
        """From the brain's value."""
        return cls(
            agent_id=agent_id,
            at=state.at,
            levels=LevelsOut(**asdict(state.neuromodulators)),
            weights=WeightsOut(**asdict(state.weights)),
            baseline=WeightsOut(**asdict(Weights())),
            feedback_count=state.feedback_count,
            learning_rate=state.learning_rate,
            base_rate=adaptation.BASE_RATE,
            history=[StateAtOut.of(one) for one in state.history],
        )


class SleepIn(Schema):
    """How to sleep: down to which depth, at most how long; a dry run changes nothing."""

    agent_id: UUID
    depth: Literal["light", "deep", "freeze"] = "deep"
    dry_run: bool = False
    max_seconds: float = Field(300.0, gt=0, le=3600)


class WakeIn(Schema):
    """Whom to wake."""

    agent_id: UUID


class SleepChangeOut(Schema):
    """One thing that a cycle did, or in a dry run would do."""

    act: str = Field(description="strengthen, merge, extract or prune.")
    detail: str
    memory_ids: list[UUID]


class SleepCycleOut(Schema):
    """One cycle: where it is, how far, what it changed (newest last, at most 200)."""

    cycle_id: UUID
    state: str = Field(description="waiting, running, finished, interrupted or failed.")
    sleep: str = Field(description="active, light, deep or freeze.")
    is_dry_run: bool
    trigger: str = Field(description="hand, schedule or idle.")
    started_at: datetime
    finished_at: datetime | None
    done: int
    total: int
    counts: dict[str, int]
    changes: list[SleepChangeOut]
    error: str

    @classmethod
    def of(cls, cycle: SleepCycle) -> SleepCycleOut:
        """From the brain's value."""
        return cls.model_validate(cycle, from_attributes=True)


class SleepHistoryOut(Schema):
    """The open cycle, if there is one, and the newest that ended."""

    current: SleepCycleOut | None
    history: list[SleepCycleOut]

    @classmethod
    def of(cls, cycles: Sequence[SleepCycle]) -> SleepHistoryOut:
        """From the brain's values, newest first."""
        is_open = {"waiting", "running"}
        current = next((one for one in cycles if one.state in is_open), None)
        return cls(
            current=None if current is None else SleepCycleOut.of(current),
            history=[SleepCycleOut.of(one) for one in cycles if one.state not in is_open],
        )


class WokenOut(Schema):
    """The cycle that was interrupted; null when none was open."""

    cycle: SleepCycleOut | None
