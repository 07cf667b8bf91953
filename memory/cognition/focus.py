"""Working memory: at most 128 things that somebody is concerned with now.

Pure: times are given, items are values.  Formulas and constants follow SomaBrain `memory.wm`.
Different on purpose: `search` looks at the question (the original lists items in the order in which
they came, whatever was asked), and items have an owner, so nothing crosses tenants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from memory.cognition.vectors import Vector, as_vector, clamped01, cosine, normalised

CAPACITY = 128
DUPLICATE_COSINE = 0.95
NOVELTY_SHARE = 0.6
RECENCY_SHARE = 0.1
RECENCY_SCALE_S = 1.0
MAX_STEPS = 1_000.0
RECENCY_DECAY = 0.1
# Weights of the salience of a thought: novelty, reward, recency.
ALPHA, BETA, GAMMA = 0.6, 0.3, 0.1
PROMOTION_SALIENCE = 0.85
PROMOTION_TICKS = 3


@dataclass(frozen=True, slots=True)
class FocusItem:
    """One thing in focus.  `vector` has length 1; `touched_s` is a time in seconds."""

    item_id: str
    vector: Vector
    touched_s: float
    recency: float = 1.0


@dataclass(frozen=True, slots=True)
class Admission:
    """What admitting did: the items afterwards; whether it was new; who had to leave."""

    items: tuple[FocusItem, ...]
    is_new: bool
    evicted_id: str | None = None


def admitted(
    items: Sequence[FocusItem],
    item_id: str,
    numbers: Vector,
    at_s: float,
    capacity: int = CAPACITY,
) -> Admission:
    """Take a thing into focus.

    The same id, or a cosine above 0.95, renews the item that is there instead of adding one.  Over
    capacity the item with the smallest 0.6·novelty + 0.1·exp(-age/1 s) leaves, novelty being
    1 - its greatest cosine with the others.
    """
    vector = normalised(as_vector(numbers))
    renewed = FocusItem(item_id, vector, at_s)
    near = np.stack([item.vector for item in items]) @ vector if items else ()
    for place, (item, closeness) in enumerate(zip(items, near, strict=True)):
        if item.item_id == item_id or closeness > DUPLICATE_COSINE:
            kept = (*items[:place], renewed, *items[place + 1 :])
            return Admission(kept, is_new=False, evicted_id=_replaced(item, item_id))
    grown = (*items, renewed)
    if len(grown) <= capacity:
        return Admission(grown, is_new=True)
    worth = _worths(grown, at_s)
    leaving = min(range(len(grown)), key=worth.__getitem__)
    kept = (*grown[:leaving], *grown[leaving + 1 :])
    return Admission(kept, is_new=True, evicted_id=grown[leaving].item_id)


def search(
    items: Sequence[FocusItem], numbers: Vector, limit: int
) -> tuple[tuple[float, FocusItem], ...]:
    """Return the items closest to the question with their cosine, best first."""
    vector = as_vector(numbers)
    ranked = sorted(
        ((cosine(item.vector, vector), item) for item in items), key=lambda pair: -pair[0]
    )
    return tuple(ranked[: max(0, limit)])


def novelty(items: Sequence[FocusItem], numbers: Vector) -> float:
    """Return clamp01(1 - greatest cosine); 1 when nothing is in focus."""
    if not items:
        return 1.0
    vector = as_vector(numbers)
    return clamped01(1.0 - max(cosine(item.vector, vector) for item in items))


def salience(items: Sequence[FocusItem], numbers: Vector, reward: float = 0.0) -> float:
    """Return clamp01(0.6·novelty + 0.3·reward + 0.1·recency) of a thought.

    recency = max(0, 1 - cosine with the last item), 1 when nothing is in focus.
    """
    vector = as_vector(numbers)
    recency = max(0.0, 1.0 - cosine(vector, items[-1].vector)) if items else 1.0
    return clamped01(ALPHA * novelty(items, vector) + BETA * reward + GAMMA * recency)


def faded(items: Sequence[FocusItem], elapsed_s: float) -> tuple[FocusItem, ...]:
    """Return the items with recency·exp(-0.1·elapsed)."""
    share = math.exp(-RECENCY_DECAY * max(0.0, elapsed_s))
    return tuple(replace(item, recency=item.recency * share) for item in items)


def promoted(saliences: Sequence[float]) -> bool:
    """Whether the last three saliences in a row reach 0.85: then it is worth keeping for good."""
    last = saliences[-PROMOTION_TICKS:]
    return len(last) == PROMOTION_TICKS and min(last) >= PROMOTION_SALIENCE


def _replaced(item: FocusItem, item_id: str) -> str | None:
    return item.item_id if item.item_id != item_id else None


def _worths(items: Sequence[FocusItem], at_s: float) -> list[float]:
    """Return what each item is worth keeping; their vectors have length 1, or 0."""
    vectors = np.stack([item.vector for item in items])
    closeness = np.clip(vectors @ vectors.T, -1.0, 1.0)
    np.fill_diagonal(closeness, -1.0)
    closest = closeness.max(axis=1, initial=-1.0)
    ages = [min(max(0.0, at_s - item.touched_s) / RECENCY_SCALE_S, MAX_STEPS) for item in items]
    return [
        NOVELTY_SHARE * (1.0 - float(near)) + RECENCY_SHARE * math.exp(-age)
        for near, age in zip(closest, ages, strict=True)
    ]
