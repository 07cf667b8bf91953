"""What is worth keeping in focus and worth acting on: the gate, and the salience of one text.

The gate never decides whether a memory is *stored*: everything said is stored.  It decides what
enters working memory and what a sleep cycle strengthens.

Source: SomaBrain `cognitive.amygdala` (weights, thresholds, hysteresis unchanged).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from memory.cognition.neuromodulators import Levels
from memory.cognition.vectors import clamped, clamped01

NOVELTY_WEIGHT = 0.6
STORE_THRESHOLD = 0.5
ACT_THRESHOLD = 0.7
HYSTERESIS = 0.1
SOFTNESS = 0.1


@dataclass(frozen=True, slots=True)
class Gates:
    """Which gates were open after the last judgement."""

    store: bool = False
    act: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """Salience 0..1 and which gates it opens."""

    salience: float
    gates: Gates


def salience(novelty: float, error: float, levels: Levels) -> float:
    """Return clamp01(0.6·novelty + w·error + acetylcholine), w = clamp(dopamine, 0.2, 0.8)."""
    weight = clamped(levels.dopamine, 0.2, 0.8)
    return clamped01(NOVELTY_WEIGHT * novelty + weight * error + levels.acetylcholine)


def thresholds(levels: Levels, last: Gates) -> tuple[float, float]:
    """Return (store, act): 0.5 and 0.7 plus noradrenaline, less 0.1 for a gate that was open."""
    return (
        STORE_THRESHOLD + levels.noradrenaline - (HYSTERESIS if last.store else 0.0),
        ACT_THRESHOLD + levels.noradrenaline - (HYSTERESIS if last.act else 0.0),
    )


def judge(novelty: float, error: float, levels: Levels, last: Gates) -> Judgement:
    """Judge one event, given the gates that the event before it left open."""
    value = salience(novelty, error, levels)
    store, act = thresholds(levels, last)
    return Judgement(value, Gates(value >= store, value >= act))


def soft_gate(value: float, threshold: float) -> float:
    """Return the probability that the gate opens: sigmoid((s - threshold) / 0.1)."""
    return 1.0 / (1.0 + math.exp(-(value - threshold) / SOFTNESS))


# What makes a sentence worth keeping apart from being new: it is about a person, a date, a number,
# a choice.  Weights are ours; they add up to at most 1.
_MARKS: tuple[tuple[re.Pattern[str], float], ...] = (
    (re.compile(r"\b(?:I|I'm|my|we|our|mine)\b", re.IGNORECASE), 0.25),
    (re.compile(r"\d"), 0.2),
    (re.compile(r"(?<!^)(?<![.!?]\s)\b[A-Z][a-z]+"), 0.2),
    (
        re.compile(
            r"\b(?:remember|important|always|never|must|prefer|favou?rite|decided|deadline|"
            r"birthday|allerg\w+|moved|married|died|born)\b",
            re.IGNORECASE,
        ),
        0.35,
    ),
)


def importance_of(text: str) -> float:
    """Return how much a text says that is worth remembering, 0..1, by its form alone.

    The part of novelty that needs no other memory: first person, figures, names, and words of
    decision.  A question asks rather than tells, so it counts half.
    """
    value = sum(weight for pattern, weight in _MARKS if pattern.search(text))
    return clamped01(value * (0.5 if text.rstrip().endswith("?") else 1.0))


def retention(salience_: float, age_s: float, replays: int) -> float:
    """Return how strongly an episode still stands, 0..1.

    salience · exp(-age / (30 days · (1 + replays))) + a floor of salience/10: each replay stretches
    the time constant, so what is used again fades more slowly; a salient one never reaches 0.
    Source: ours, after Ebbinghaus' forgetting curve; the original has no decay at all.
    """
    constant_s = 30 * 86_400 * (1 + max(0, replays))
    return clamped01(salience_ * (0.1 + 0.9 * math.exp(-max(0.0, age_s) / constant_s)))
