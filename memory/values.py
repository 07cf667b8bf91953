"""Values of cognition that cross BrainPort: feedback, levels and weights, sleep.

Pure and frozen.  Ranges are those of the neuromodulators and of the adaptation engine; a brain
enforces them, these classes only refuse what no brain could mean (not a number).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from memory.errors import BadMemory

# What a brain may or may not be able to do; remember and recall are no question.
Capability = Literal[
    "get",
    "recent",
    "forget",
    "links",
    "pending",
    "context",
    "feedback",
    "state",
    "adjust",
    "sleep",
    "stats",
    "graph",
]
CAPABILITIES: frozenset[Capability] = frozenset(get_args(Capability))
SleepState = Literal["active", "light", "deep", "freeze"]
CycleState = Literal["waiting", "running", "finished", "interrupted", "failed"]
MAX_KEY_CHARS = 200


def require_key(key: str) -> None:
    """Check an idempotency key.  Raises: BadMemory."""
    if not 0 < len(key) <= MAX_KEY_CHARS:
        detail = f"has {len(key)} characters; 1 to {MAX_KEY_CHARS} are accepted"
        raise BadMemory(errors=[{"pointer": "/idempotency_key", "detail": detail}])


@dataclass(frozen=True, slots=True)
class Neuromodulators:
    """The four levels; at rest at their base.  Ranges: 0.2..0.8, 0..1, 0..0.1, 0..0.1."""

    dopamine: float = 0.4
    serotonin: float = 0.5
    noradrenaline: float = 0.0
    acetylcholine: float = 0.0


@dataclass(frozen=True, slots=True)
class Weights:
    """What adaptation moves: retrieval (alpha, beta, gamma, tau) and utility (lambda_, mu, nu)."""

    alpha: float = 1.0
    beta: float = 0.2
    gamma: float = 0.1
    tau: float = 0.7
    lambda_: float = 1.0
    mu: float = 0.1
    nu: float = 0.05


@dataclass(frozen=True, slots=True)
class StateAt:
    """An earlier state, what changed it (feedback, adjust, reset, rollback) and the reason given.

    `is_undone`: it was rolled back, or is a roll-back: stepping back skips it.
    """

    at: datetime
    cause: str
    neuromodulators: Neuromodulators
    weights: Weights
    reason: str = ""
    is_undone: bool = False


@dataclass(frozen=True, slots=True)
class CognitiveState:
    """Levels, weights and sleep of (tenant, agent) at one moment.

    `bounds`: {name of a level or weight: (least, most)}.
    """

    at: datetime
    neuromodulators: Neuromodulators
    weights: Weights
    learning_rate: float
    feedback_count: int
    sleep: SleepState = "active"
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    history: tuple[StateAt, ...] = ()


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What to change by hand: values by name, or a reset, or steps back in the history.

    `levels`, `weights`: {field of Neuromodulators or Weights: new value}; others stay.
    Exactly one of values, `reset` and `roll_back` is meant.  `reason` is kept with the change.
    Raises: BadMemory for an unknown name, something that is no finite number, or a mixture.
    """

    levels: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    reset: bool = False
    roll_back: int = 0
    reason: str = ""

    def __post_init__(self) -> None:
        _refuse_strange("/levels", self.levels, Neuromodulators)
        _refuse_strange("/weights", self.weights, Weights)
        acts = (bool(self.levels or self.weights), self.reset, self.roll_back > 0)
        if sum(acts) != 1 or self.roll_back < 0:
            msg = "Give new values, or a reset, or a number of steps back: exactly one of them."
            raise BadMemory(msg)


@dataclass(frozen=True, slots=True)
class Feedback:
    """How useful an answer was: `reward` counts when given, else `utility`; both -1..1.

    `memory_ids`: the memories that the answer rested on.
    Raises: BadMemory for a value or key outside, or without both.
    """

    idempotency_key: str
    reward: float | None = None
    utility: float | None = None
    query: str = ""
    memory_ids: tuple[UUID, ...] = ()

    def __post_init__(self) -> None:
        require_key(self.idempotency_key)
        if self.reward is None and self.utility is None:
            raise BadMemory("Feedback needs a reward or a utility.")
        for name in ("reward", "utility"):
            value = getattr(self, name)
            if value is not None and not -1 <= value <= 1:
                raise BadMemory(errors=[{"pointer": f"/{name}", "detail": "not within -1 and 1"}])


@dataclass(frozen=True, slots=True)
class FeedbackResult:
    """What feedback did; `applied` False when its key was known before."""

    applied: bool
    weights: Weights


@dataclass(frozen=True, slots=True)
class SleepRequest:
    """How to sleep: down to which state, at most how long; a dry run changes nothing."""

    dry_run: bool = False
    depth: SleepState = "deep"
    max_seconds: float = 300.0
    trigger: Literal["hand", "schedule", "idle"] = "hand"


@dataclass(frozen=True, slots=True)
class SleepChange:
    """One thing that a cycle did, or in a dry run would do.

    `act`: strengthen, merge, extract, prune (of what the brain derived itself).
    """

    act: str
    detail: str
    memory_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class SleepCycle:
    """One cycle: where it is, how far, and what it changed; `changes` newest last, at most 200."""

    cycle_id: UUID
    state: CycleState
    sleep: SleepState
    is_dry_run: bool
    trigger: str
    started_at: datetime
    finished_at: datetime | None = None
    done: int = 0
    total: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    changes: tuple[SleepChange, ...] = ()
    error: str = ""


def _refuse_strange(pointer: str, values: Mapping[str, float], of: type[Any]) -> None:
    known = {one.name for one in fields(of)}
    strange = [
        {"pointer": f"{pointer}/{name}", "detail": "unknown" if name not in known else "no number"}
        for name, value in values.items()
        if name not in known or not math.isfinite(value)
    ]
    if strange:
        raise BadMemory(errors=strange)
