"""Stages of sleep, the way round them, and the parameters of each.

Formulas and constants follow SomaBrain `sleep`.  Different on purpose: after freeze comes active
(there nothing ever returns to active).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """How deep a brain sleeps."""

    ACTIVE = "active"
    LIGHT = "light"
    DEEP = "deep"
    FREEZE = "freeze"


DEPTH: dict[Stage, float] = {
    Stage.ACTIVE: 0.0,
    Stage.LIGHT: 0.5,
    Stage.DEEP: 1.0,
    Stage.FREEZE: 10.0,
}
_LAMBDA_SHARE: dict[Stage, float] = {
    Stage.ACTIVE: 1.0,
    Stage.LIGHT: 0.8,
    Stage.DEEP: 0.5,
    Stage.FREEZE: 0.0,
}
_ROUND = (Stage.ACTIVE, Stage.LIGHT, Stage.DEEP, Stage.FREEZE)


@dataclass(frozen=True, slots=True)
class SleepParameters:
    """`candidates` K: how many neighbours are compared.  `threshold` t, `temperature` tau, `rate`
    eta, `weight` lambda, `budget` B: dimensionless."""

    candidates: int
    threshold: float
    temperature: float
    rate: float
    weight: float
    budget: float


def parameters(stage: Stage) -> SleepParameters:
    """Return the parameters of `stage`, s being its depth.

    K = max(1, int((1 - 0.8s)·100)); t = max(0.1, (1 - 0.5s)·1); tau = max(1e-6, (1 - 0.5s)·0.1);
    eta = 0 from s = 1, else max(0, (1 - s)·0.01); lambda = 0.5·(1, 0.8, 0.5, 0); B = 1 + 0.5s.
    """
    depth = DEPTH[stage]
    return SleepParameters(
        candidates=max(1, int((1 - 0.8 * depth) * 100)),
        threshold=max(0.1, 1 - 0.5 * depth),
        temperature=max(1e-6, (1 - 0.5 * depth) * 0.1),
        rate=0.0 if depth >= 1 else max(0.0, (1 - depth) * 0.01),
        weight=0.5 * _LAMBDA_SHARE[stage],
        budget=1 + 0.5 * depth,
    )


def following(stage: Stage) -> Stage:
    """Return the stage after `stage`: active, light, deep, freeze, and active again."""
    return _ROUND[(_ROUND.index(stage) + 1) % len(_ROUND)]


def may_move(current: Stage, wanted: Stage) -> bool:
    """Whether a brain may go from `current` to `wanted`: one stage on, or wake up at once."""
    return wanted in {Stage.ACTIVE, following(current)}
