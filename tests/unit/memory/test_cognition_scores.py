"""Reference numbers of scoring, recency, density, salience and the sketch, to 1e-6.

Source of the numbers: section 5.3 of the reference study of SomaBrain.
"""

import numpy as np
import pytest

from memory.cognition.neuromodulators import Levels
from memory.cognition.salience import (
    Gates,
    importance_of,
    judge,
    retention,
    salience,
    soft_gate,
    thresholds,
)
from memory.cognition.scoring import (
    ContextWeights,
    Evidence,
    context_weights,
    density,
    next_tau,
    recency_boost,
    recency_steps,
    unified_score,
)
from memory.cognition.sketch import FrequentDirections
from memory.cognition.vectors import cosine, normalised

EXACT = 1e-6
E1, E2, E3 = np.eye(4)[0], np.eye(4)[1], np.eye(4)[2]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(None, 0.48), (0, 0.63), (10, 0.589742), (32, 0.535182), (100, 0.486591)],
)
def test_unified_score_of_cosine_0_8(steps: float | None, expected: float) -> None:
    assert unified_score(0.8, steps=steps) == pytest.approx(expected, abs=EXACT)


def test_unified_score_of_an_opposite_is_zero() -> None:
    assert unified_score(-1.0) == 0.0


@pytest.mark.parametrize(
    ("age_s", "steps", "boost"),
    [
        (1, 0.019835, 0.992678),
        (30, 0.486558, 0.647087),
        (60, 0.831777, 0.367879),
        (120, 1.318335, 0.10052),
        (600, 2.877474, 0.05),
    ],
)
def test_recency(age_s: float, steps: float, boost: float) -> None:
    assert recency_steps(age_s) == pytest.approx(steps, abs=EXACT)
    assert recency_boost(age_s) == pytest.approx(boost, abs=EXACT)


def test_recency_of_a_time_to_come_or_of_ages_ago_is_no_failure() -> None:
    assert (recency_steps(-5), recency_boost(-5)) == (0.0, 1.0)
    assert recency_boost(1e12) == 0.05


@pytest.mark.parametrize(
    ("margin", "expected"), [(0, 0.65), (0.05, 0.7375), (0.1, 0.825), (0.2, 1), (None, 1)]
)
def test_density(margin: float | None, expected: float) -> None:
    assert density(margin) == pytest.approx(expected, abs=EXACT)


def test_frequent_directions_sketch() -> None:
    sketch = FrequentDirections(4, rank=2, decay=0.9)
    seen = [sketch.observe(vector) for vector in (E1, E2, E1 + E2, E3, E1)]
    expected = [(1, 1), (1, 1), (0, 1), (1, 0.468595), (0.522477, 0.449553)]
    assert np.allclose(seen, expected, atol=EXACT)
    assert sketch.captured_energy == pytest.approx(2.2051, abs=EXACT)
    assert sketch.total_energy == pytest.approx(4.9051, abs=EXACT)
    familiar = sketch.similarity(E1, 0.8 * E1 + 0.6 * E2)
    assert unified_score(0.8, sketch_cosine=familiar, steps=10) == pytest.approx(
        0.834766, abs=EXACT
    )


def test_sketch_never_holds_more_rows_than_its_rank_whatever_comes() -> None:
    sketch, rng = FrequentDirections(16, rank=4), np.random.default_rng(3)
    for _ in range(200):
        residual, capture = sketch.observe(rng.normal(size=16))
        assert 0 <= residual <= 1
        assert 0 <= capture <= 1
    assert sketch.project(np.ones(16)).size <= 4
    assert sketch.observe(np.zeros(16))[0] == 1.0


def test_gate_judges_a_series_with_hysteresis() -> None:
    last, seen = Gates(), []
    for novelty, error in [(0, 0), (1, 0), (0, 1), (0.5, 0.5), (0.9, 0.6), (1, 1)]:
        judged = judge(novelty, error, Levels(), last)
        last = judged.gates
        seen.append((round(judged.salience, 6), last.store, last.act))
    assert seen == [
        (0.0, False, False),
        (0.6, True, False),
        (0.4, True, False),
        (0.5, True, False),
        (0.78, True, True),
        (1.0, True, True),
    ]


def test_gate_with_raised_levels() -> None:
    levels = Levels(dopamine=0.8, noradrenaline=0.1, acetylcholine=0.05)
    judged = judge(0.5, 0.5, levels, Gates())
    assert judged.salience == pytest.approx(0.75, abs=EXACT)
    assert (judged.gates.store, judged.gates.act) == (True, False)
    assert thresholds(levels, judged.gates) == pytest.approx((0.5, 0.8), abs=EXACT)


def test_soft_gate() -> None:
    value = 0.55
    assert soft_gate(value, 0.5) == pytest.approx(0.622459, abs=EXACT)
    assert soft_gate(value, 0.7) == pytest.approx(0.182426, abs=EXACT)


def test_salience_stays_within_0_and_1() -> None:
    assert salience(5, 5, Levels()) == 1.0
    assert salience(-5, -5, Levels()) == 0.0


def test_a_fact_about_a_person_weighs_more_than_small_talk_and_a_question_less() -> None:
    fact = importance_of("My daughter Ida was born on 4 May 2019.")
    assert fact > 0.7
    assert importance_of("ok thanks") == 0.0
    assert importance_of("When was my daughter Ida born?") < fact


def test_what_is_replayed_fades_more_slowly_and_what_is_salient_never_to_nothing() -> None:
    month_s = 30 * 86_400
    assert retention(0.8, 0, 0) == pytest.approx(0.8)
    assert retention(0.8, month_s, 3) > retention(0.8, month_s, 0)
    assert retention(0.8, 1e12, 0) == pytest.approx(0.08)


def test_context_weights_sum_to_one_and_follow_the_evidence() -> None:
    shares = context_weights(
        [Evidence(0.9), Evidence(0.5, temporal=1.0), Evidence(0.5)], ContextWeights()
    )
    assert sum(shares) == pytest.approx(1.0)
    assert shares[0] > shares[1] > shares[2]
    assert context_weights([], ContextWeights()) == ()
    steep = context_weights([Evidence(1.0), Evidence(-1.0)], ContextWeights(alpha=5, tau=1e-9))
    assert steep == pytest.approx((1.0, 0.0))


def test_temperature_warms_on_duplicates_within_its_bounds() -> None:
    assert next_tau(0.7, 10, 2) == pytest.approx(0.73)
    assert next_tau(0.7, 10, 10) == pytest.approx(0.675)
    assert next_tau(1.2, 10, 0) == 1.2
    assert next_tau(0.4, 10, 10) == 0.4
    assert next_tau(0.7, 0, 0) == 0.7


def test_cosine_of_nothing_is_zero_and_unequal_lengths_are_refused() -> None:
    assert cosine(np.zeros(3), np.ones(3)) == 0.0
    assert normalised(np.zeros(3)).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="length 3 and 4"):
        cosine(np.ones(3), np.ones(4))
