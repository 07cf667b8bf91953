"""Thompson sampling over models: what did well is asked more often, what is unknown now and then.

Each model's chance to satisfy is a Beta distribution (Thompson 1933; Chapelle & Li 2011). It starts
from the score that the policy gives, as if `PRIOR_WEIGHT` calls had been seen, and never remembers
more than `MOST_WEIGHT`, so that it follows changes. Bounded: only models whose score is at most
`MARGIN` below the best take part in the draw. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from uuid import UUID

PRIOR_WEIGHT = 8.0
MOST_WEIGHT = 200.0
MARGIN = 0.25
# A first token after so many milliseconds is half as good as one at once.
HALF_MS = 2_000.0


@dataclass(frozen=True, slots=True)
class Arm:
    """What was seen of a model: weight of good and of bad outcomes, both >= 0."""

    good: float = 0.0
    bad: float = 0.0


def reward(*, is_ok: bool, first_token_ms: float | None, cost_part: float) -> float:
    """How good a call was, 0 to 1. `cost_part`: the cheapest candidate's cost over this one's."""
    if not is_ok:
        return 0.0
    speed = HALF_MS / (HALF_MS + max(0.0, first_token_ms or 0.0))
    return 0.5 + 0.25 * speed + 0.25 * min(1.0, max(0.0, cost_part))


def seen(arm: Arm, value: float) -> Arm:
    """With one more outcome of worth `value` (0 to 1; beyond them: held to them)."""
    value = min(1.0, max(0.0, value))
    return held(Arm(arm.good + value, arm.bad + 1.0 - value))


def held(arm: Arm) -> Arm:
    """Within the weight that is remembered at most."""
    good, bad = max(0.0, arm.good), max(0.0, arm.bad)
    over = (good + bad) / MOST_WEIGHT
    return Arm(good / over, bad / over) if over > 1.0 else Arm(good, bad)


def explored(scores: Mapping[UUID, float], arms: Mapping[UUID, Arm], drawn: Random) -> list[UUID]:
    """Models by what is drawn for them; then, by score, those too far below the best."""
    best = max(scores.values(), default=0.0)
    near = [model_id for model_id, score in scores.items() if score >= best - MARGIN]
    draws = {
        model_id: _draw(scores[model_id], arms.get(model_id, Arm()), drawn) for model_id in near
    }
    ranked = sorted(near, key=lambda model_id: -draws[model_id])
    far = sorted((one for one in scores if one not in draws), key=lambda one: -scores[one])
    return [*ranked, *far]


def _draw(score: float, arm: Arm, drawn: Random) -> float:
    prior = min(0.95, max(0.05, score))
    arm = held(arm)
    good = PRIOR_WEIGHT * prior + arm.good
    bad = PRIOR_WEIGHT * (1.0 - prior) + arm.bad
    return drawn.betavariate(good, bad)
