"""How a candidate is scored: closeness, salience of its direction, age, and how clear the match is.

All results are dimensionless; ages are seconds.  Source: SomaBrain `learning.scoring`, `math`
(constants unchanged).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memory.cognition.vectors import clamped, clamped01

RECENCY_STEPS = 32.0
AGE_UNIT_S = 60.0
RECENCY_FLOOR = 0.05
MAX_STEPS = 1000.0
CLEAR_MARGIN = 0.2
DENSITY_FLOOR = 0.6
TAU_START, TAU_MIN, TAU_MAX = 0.7, 0.4, 1.2


@dataclass(frozen=True, slots=True)
class ScoreWeights:
    """Shares of the unified score, each held within 0..1."""

    cosine: float = 0.6
    sketch: float = 0.25
    recency: float = 0.15


_DEFAULT_WEIGHTS = ScoreWeights()


def unified_score(
    cosine: float,
    *,
    sketch_cosine: float = 0.0,
    steps: float | None = None,
    weights: ScoreWeights = _DEFAULT_WEIGHTS,
) -> float:
    """Return clamp01(w_c·cos + w_f·fd + w_r·exp(-steps/32)), 0..1.

    `sketch_cosine`: cosine of the projections on the frequent directions (0 without a sketch).
    `steps`: age in recency steps; None when unknown, which counts as no recency at all.
    """
    recency = 0.0 if steps is None else math.exp(-max(0.0, steps) / RECENCY_STEPS)
    return clamped01(
        clamped01(weights.cosine) * cosine
        + clamped01(weights.sketch) * sketch_cosine
        + clamped01(weights.recency) * recency
    )


def recency_steps(age_s: float) -> float:
    """Return min(1.2·ln(1 + age/60), 1000): the age on a logarithmic scale."""
    return min(1.2 * math.log1p(max(0.0, age_s) / AGE_UNIT_S), MAX_STEPS)


def recency_boost(age_s: float) -> float:
    """Return max(0.05, exp(-(age/60)^1.2)).

    60 s is the age at which the boost is 1/e; it is no half-life, whatever the original calls it.
    """
    units = max(0.0, age_s) / AGE_UNIT_S
    # Beyond some hours exp would underflow to the floor anyway.
    return RECENCY_FLOOR if units > 100 else max(RECENCY_FLOOR, math.exp(-(units**1.2)))


def density(margin: float | None) -> float:
    """Return the factor for how clearly the best match stands out: 1 from 0.2 on, 0.6 at least.

    max(0.6, 1 - 0.35·(0.2 - m)/0.2) below 0.2; 1 when the margin is unknown.
    """
    if margin is None or margin >= CLEAR_MARGIN:
        return 1.0
    return max(DENSITY_FLOOR, 1.0 - 0.35 * (CLEAR_MARGIN - margin) / CLEAR_MARGIN)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one memory in a context: cosine, graph score, recency boost, density."""

    cosine: float
    graph: float = 0.0
    temporal: float = RECENCY_FLOOR
    density: float = 1.0


@dataclass(frozen=True, slots=True)
class ContextWeights:
    """Weights of the context builder; alpha and gamma are what adaptation moves."""

    alpha: float = 1.0
    beta: float = 0.2
    gamma: float = 0.1
    tau: float = TAU_START


def context_weights(evidence: Sequence[Evidence], weights: ContextWeights) -> tuple[float, ...]:
    """Return softmax((alpha·cos + beta·graph + gamma·temporal)·density / tau); sums to 1."""
    if not evidence:
        return ()
    raw = np.array(
        [
            (weights.alpha * one.cosine + weights.beta * one.graph + weights.gamma * one.temporal)
            * one.density
            for one in evidence
        ]
    ) / max(1e-6, weights.tau)
    # The maximum is taken out first, so that a large alpha cannot overflow.
    powers = np.exp(raw - raw.max())
    return tuple(float(share) for share in powers / powers.sum())


def next_tau(tau: float, total: int, unique: int) -> float:
    """Return the temperature after a context of which `unique` of `total` items differed.

    More than half duplicates warm it (at most 1.2), fewer cool it (at least 0.4).
    """
    if total <= 0:
        return tau
    duplicates = 1.0 - clamped(unique / total, 0.0, 1.0)
    if duplicates > 0.5:
        return min(tau + 0.1 * (duplicates - 0.5), TAU_MAX)
    return max(tau - 0.05 * (0.5 - duplicates), TAU_MIN)
