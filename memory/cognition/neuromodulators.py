"""Four slow variables that colour how memory works, and the documented effects of each.

Ranges, baselines, step 0.01 and feedback follow SomaBrain `admin.brain.neuromodulators`.  Different
on purpose: levels decay back to their baseline (in the original every feedback is positive, so each
level only ever rises to its cap), and levels out of range are refused, not clamped in silence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from memory.cognition.vectors import clamped, clamped01

STEP = 0.01
# After this time without feedback half of the distance to the baseline is gone.
HALF_LIFE_S = 1_800.0
URGENT_BONUS = 0.02


@dataclass(frozen=True, slots=True)
class Range:
    """Baseline and bounds of one level, dimensionless."""

    baseline: float
    low: float
    high: float
    effect: str


RANGES: dict[str, Range] = {
    "dopamine": Range(0.4, 0.2, 0.8, "Higher: feedback moves the weights further."),
    "serotonin": Range(0.5, 0.0, 1.0, "Higher: recall keeps to the surest matches."),
    "noradrenaline": Range(
        0.0, 0.0, 0.1, "Higher: more urgency, fewer memories in a prompt, a higher write threshold."
    ),
    "acetylcholine": Range(0.0, 0.0, 0.1, "Higher: more of what is said enters the focus."),
}


@dataclass(frozen=True, slots=True)
class Levels:
    """The four levels, each within its range of RANGES."""

    dopamine: float = 0.4
    serotonin: float = 0.5
    noradrenaline: float = 0.0
    acetylcholine: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            bounds = RANGES[name]
            if not bounds.low <= value <= bounds.high:
                msg = f"{name} lies between {bounds.low:g} and {bounds.high:g}."
                raise ValueError(msg)

    def as_dict(self) -> dict[str, float]:
        """Name to level, in the order of RANGES."""
        return asdict(self)


BASELINE = Levels()


@dataclass(frozen=True, slots=True)
class Performance:
    """How the last piece of work went: rates 0..1, latency in seconds."""

    success_rate: float
    error_rate: float
    latency_s: float
    accuracy: float
    is_reward_learning: bool = False
    is_urgent: bool = False
    is_memory: bool = False


def held(values: Mapping[str, float]) -> Levels:
    """Return levels with each value held within its range; missing ones at the baseline."""
    return Levels(
        **{
            name: clamped(values.get(name, bounds.baseline), bounds.low, bounds.high)
            for name, bounds in RANGES.items()
        }
    )


def after_feedback(levels: Levels, work: Performance) -> Levels:
    """Return clamp(x + 0.01·f(work)) for each level.

    dopamine: success + 0.05 (+0.1 reward learning); serotonin: 1 - error; noradrenaline:
    min(0.1, 0.01/max(0.1, latency) (+0.02 urgent)); acetylcholine: 0.05·accuracy (+0.02 memory).
    """
    urgency = URGENT_BONUS if work.is_urgent else 0.0
    feedback = {
        "dopamine": work.success_rate + 0.05 + (0.1 if work.is_reward_learning else 0.0),
        "serotonin": 1.0 - work.error_rate,
        "noradrenaline": min(0.1, 0.01 / max(0.1, work.latency_s) + urgency),
        "acetylcholine": 0.05 * work.accuracy + (0.02 if work.is_memory else 0.0),
    }
    current = levels.as_dict()
    return held({name: current[name] + STEP * feedback[name] for name in RANGES})


def after_reward(levels: Levels, reward: float) -> Levels:
    """Return the levels after a person's judgement, -1 (bad) .. 1 (good).

    Dopamine follows the sign of the reward, so that it can fall; a bad answer takes some serotonin
    (look further next time) and adds acetylcholine (attend more to what is said).
    """
    reward = clamped(reward, -1.0, 1.0)
    blame = max(0.0, -reward)
    current = levels.as_dict()
    return held(
        {
            "dopamine": current["dopamine"] + 0.02 * reward,
            "serotonin": current["serotonin"] + 0.01 * reward,
            "noradrenaline": current["noradrenaline"],
            "acetylcholine": current["acetylcholine"] + 0.005 * blame,
        }
    )


def decayed(levels: Levels, elapsed_s: float, *, half_life_s: float = HALF_LIFE_S) -> Levels:
    """Return baseline + (x - baseline)·2^(-elapsed/half-life) for each level."""
    share = math.exp2(-max(0.0, elapsed_s) / half_life_s)
    current = levels.as_dict()
    return held(
        {
            name: bounds.baseline + (current[name] - bounds.baseline) * share
            for name, bounds in RANGES.items()
        }
    )


@dataclass(frozen=True, slots=True)
class Effects:
    """What the levels change.  At the baseline nothing is changed.

    `learning_rate_factor`: multiplies the learning rate of adaptation, 0.5..1.2.
    `exploration`: softmax temperature of the context, 0.4..1.2; higher spreads the choice.
    `write_threshold`: salience from which an episode enters working memory, 0.4..0.6.
    `urgency`: 0..1.  `context_share`: share of the usual number of memories in a context, 0.5..1.
    """

    learning_rate_factor: float
    exploration: float
    write_threshold: float
    urgency: float
    context_share: float


def effects(levels: Levels) -> Effects:
    """Return the documented effects of `levels`.

    learning rate: clamp(0.5 + dopamine, 0.5, 1.2); write threshold: 0.5 + noradrenaline -
    acetylcholine (both as in the original's gate); exploration: 0.7 + 0.6·(0.5 - serotonin) within
    0.4..1.2, urgency: noradrenaline / 0.1, context share: 1 - urgency/2 (these three are ours).
    """
    urgency = clamped01(levels.noradrenaline / RANGES["noradrenaline"].high)
    return Effects(
        learning_rate_factor=clamped(0.5 + levels.dopamine, 0.5, 1.2),
        exploration=clamped(0.7 + 0.6 * (0.5 - levels.serotonin), 0.4, 1.2),
        write_threshold=0.5 + levels.noradrenaline - levels.acetylcholine,
        urgency=urgency,
        context_share=1.0 - urgency / 2,
    )
