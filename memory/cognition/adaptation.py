"""Weights that learn from feedback, within bounds, with every step kept so that it can be undone.

theta <- clamp(theta + rate·gain·reward).  Parameters, gains, bounds and the base rate follow
SomaBrain `learning.adaptation.engine`; its entropy cap and temperature schedules are off by default
there and left out here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from memory.cognition.scoring import TAU_START
from memory.cognition.vectors import clamped

BASE_RATE = 0.05
MAX_HISTORY = 1_000


@dataclass(frozen=True, slots=True)
class Parameter:
    """One weight: where it starts, how feedback moves it, where it must stay."""

    start: float
    gain: float
    low: float
    high: float
    group: str
    effect: str


PARAMETERS: dict[str, Parameter] = {
    "alpha": Parameter(1.0, 1.0, 0.1, 5.0, "retrieval", "Weight of closeness in meaning."),
    "beta": Parameter(0.2, 0.0, 0.0, 1.0, "retrieval", "Weight of links between memories."),
    "gamma": Parameter(0.1, -0.5, 0.0, 1.0, "retrieval", "Weight of recency."),
    "tau": Parameter(TAU_START, 0.0, 0.4, 1.2, "retrieval", "Spread of the choice."),
    "lambda": Parameter(1.0, 1.0, 0.1, 5.0, "utility", "Worth of what a context contains."),
    "mu": Parameter(0.1, -0.25, 0.01, 5.0, "utility", "Cost of a long context."),
    "nu": Parameter(0.05, -0.25, 0.01, 5.0, "utility", "Cost of many memories."),
}

Weights = Mapping[str, float]


def starting_weights() -> dict[str, float]:
    """Return every parameter at its start."""
    return {name: one.start for name, one in PARAMETERS.items()}


def reward_of(*, reward: float | None, utility: float | None) -> float:
    """Return the signal that learning follows: the reward when given, else the utility.

    Raises: ValueError when neither is given.  Held within -1..1, so that one caller's scale cannot
    throw the weights to their bounds (the original takes anything).
    """
    signal = reward if reward is not None else utility
    if signal is None:
        raise ValueError("Feedback needs a reward or a utility.")
    return clamped(signal, -1.0, 1.0)


def learned(weights: Weights, reward: float, *, rate: float = BASE_RATE) -> dict[str, float]:
    """Return the weights after one piece of feedback; parameters without gain stay."""
    return {
        name: clamped(weights.get(name, one.start) + rate * one.gain * reward, one.low, one.high)
        for name, one in PARAMETERS.items()
    }


def set_by_hand(weights: Weights, changes: Mapping[str, float]) -> dict[str, float]:
    """Return the weights with `changes` applied.

    Raises: ValueError naming the first unknown parameter or value out of bounds.
    """
    for name, value in changes.items():
        one = PARAMETERS.get(name)
        if one is None:
            msg = f"There is no parameter {name}."
            raise ValueError(msg)
        if not one.low <= value <= one.high:
            msg = f"{name} lies between {one.low:g} and {one.high:g}."
            raise ValueError(msg)
    return {**starting_weights(), **weights, **changes}


def utility(weights: Weights, emphasis: float, prompt_chars: int, memories: int) -> float:
    """Return lambda·emphasis - mu·chars/1024 - nu·memories/10: what a context is worth."""
    return (
        weights["lambda"] * emphasis
        - weights["mu"] * prompt_chars / 1024
        - weights["nu"] * memories / 10
    )
