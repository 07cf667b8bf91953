"""Reference numbers of neuromodulators, adaptation and sleep, to 1e-9, and the laws around them."""

import math

import pytest

from memory.cognition import adaptation, sleep
from memory.cognition.neuromodulators import (
    BASELINE,
    RANGES,
    Levels,
    Performance,
    after_feedback,
    after_reward,
    decayed,
    effects,
    held,
)
from memory.cognition.sleep import SleepParameters, Stage

EXACT = 1e-9
NAMES = ("alpha", "gamma", "lambda", "mu", "nu")


def test_levels_rise_by_the_reference_steps() -> None:
    work = {"success_rate": 0.9, "error_rate": 0.2, "latency_s": 0.5, "accuracy": 0.8}
    general = after_feedback(BASELINE, Performance(**work))
    assert tuple(general.as_dict().values()) == pytest.approx(
        (0.4095, 0.508, 0.0002, 0.0004), abs=EXACT
    )
    memory = after_feedback(general, Performance(**work, is_memory=True))
    assert tuple(memory.as_dict().values()) == pytest.approx(
        (0.419, 0.516, 0.0004, 0.0010), abs=EXACT
    )


def test_levels_never_leave_their_range_and_come_back_to_the_baseline() -> None:
    levels = BASELINE
    for _ in range(10_000):
        levels = after_feedback(levels, Performance(1, 0, 0.001, 1, is_reward_learning=True))
    assert levels.as_dict() == {name: one.high for name, one in RANGES.items()}
    half = decayed(levels, 1_800)
    assert half.dopamine == pytest.approx(0.6)
    assert half.serotonin == pytest.approx(0.75)
    assert half.noradrenaline == pytest.approx(0.05)
    assert decayed(levels, 86_400 * 365) == BASELINE
    assert decayed(levels, -5) == levels


def test_a_level_out_of_range_is_refused_with_its_bounds() -> None:
    with pytest.raises(ValueError, match="noradrenaline lies between 0 and"):
        Levels(noradrenaline=0.5)
    with pytest.raises(ValueError, match="dopamine"):
        Levels(dopamine=math.nan)
    assert held({"dopamine": 9.0}).dopamine == 0.8


def test_dopamine_follows_the_sign_of_a_reward() -> None:
    assert after_reward(BASELINE, 1).dopamine > BASELINE.dopamine
    blamed = after_reward(BASELINE, -1)
    assert blamed.dopamine < BASELINE.dopamine
    assert blamed.serotonin < BASELINE.serotonin
    assert blamed.acetylcholine > BASELINE.acetylcholine


def test_each_level_has_the_effect_that_is_documented() -> None:
    calm = effects(BASELINE)
    assert calm.learning_rate_factor == pytest.approx(0.9)
    assert (calm.exploration, calm.write_threshold) == (0.7, 0.5)
    assert (calm.urgency, calm.context_share) == (0.0, 1.0)
    assert effects(Levels(dopamine=0.8)).learning_rate_factor == 1.2
    assert effects(Levels(serotonin=1.0)).exploration == pytest.approx(0.4)
    assert effects(Levels(serotonin=0.0)).exploration == pytest.approx(1.0)
    urgent = effects(Levels(noradrenaline=0.1))
    assert (urgent.urgency, urgent.context_share) == (1.0, 0.5)
    assert urgent.write_threshold == pytest.approx(0.6)
    assert effects(Levels(acetylcholine=0.1)).write_threshold == pytest.approx(0.4)


def test_weights_learn_by_the_reference_numbers() -> None:
    def values() -> tuple[float, ...]:
        return tuple(weights[name] for name in NAMES)

    weights = adaptation.starting_weights()
    reward = adaptation.reward_of(reward=1, utility=0.8)
    weights = adaptation.learned(weights, reward)
    assert values() == pytest.approx((1.05, 0.075, 1.05, 0.0875, 0.0375), abs=EXACT)
    weights = adaptation.learned(weights, adaptation.reward_of(reward=None, utility=-1))
    assert values() == pytest.approx((1, 0.1, 1, 0.1, 0.05), abs=EXACT)
    for _ in range(200):
        weights = adaptation.learned(weights, 1)
    assert values() == pytest.approx((5, 0, 5, 0.01, 0.01), abs=EXACT)
    for _ in range(400):
        weights = adaptation.learned(weights, -1)
    assert values() == pytest.approx((0.1, 1, 0.1, 5, 5), abs=EXACT)
    assert (weights["beta"], weights["tau"]) == (0.2, 0.7)


def test_dopamine_sets_the_rate_of_learning() -> None:
    rate = adaptation.BASE_RATE * effects(BASELINE).learning_rate_factor
    assert rate == pytest.approx(0.045, abs=EXACT)
    weights = adaptation.learned(adaptation.starting_weights(), 1, rate=rate)
    assert [weights[name] for name in NAMES] == pytest.approx(
        [1.045, 0.0775, 1.045, 0.08875, 0.03875], abs=EXACT
    )


def test_a_reward_without_measure_is_held_and_none_at_all_is_refused() -> None:
    assert adaptation.reward_of(reward=10_000, utility=None) == 1.0
    with pytest.raises(ValueError, match="reward or a utility"):
        adaptation.reward_of(reward=None, utility=None)


def test_weights_set_by_hand_stay_within_their_bounds() -> None:
    assert adaptation.set_by_hand({}, {"alpha": 2.0})["alpha"] == 2.0
    with pytest.raises(ValueError, match=r"alpha lies between 0.1 and 5"):
        adaptation.set_by_hand({}, {"alpha": 6.0})
    with pytest.raises(ValueError, match="no parameter omega"):
        adaptation.set_by_hand({}, {"omega": 1.0})


def test_utility_of_a_context() -> None:
    weights = adaptation.starting_weights()
    assert adaptation.utility(weights, 1.0, 2048, 5) == pytest.approx(1 - 0.2 - 0.025)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (Stage.ACTIVE, (100, 1, 0.1, 0.01, 0.5, 1)),
        (Stage.LIGHT, (60, 0.75, 0.075, 0.005, 0.4, 1.25)),
        (Stage.DEEP, (19, 0.5, 0.05, 0, 0.25, 1.5)),
        (Stage.FREEZE, (1, 0.1, 1e-6, 0, 0, 6)),
    ],
)
def test_parameters_of_each_stage(stage: Stage, expected: tuple[float, ...]) -> None:
    one: SleepParameters = sleep.parameters(stage)
    assert (
        one.candidates, one.threshold, one.temperature, one.rate, one.weight, one.budget,
    ) == pytest.approx(expected, abs=EXACT)  # fmt: skip


def test_the_round_of_stages_ends_awake() -> None:
    seen, stage = [], Stage.ACTIVE
    for _ in range(4):
        stage = sleep.following(stage)
        seen.append(stage)
    assert seen == [Stage.LIGHT, Stage.DEEP, Stage.FREEZE, Stage.ACTIVE]
    assert all(sleep.may_move(one, Stage.ACTIVE) for one in Stage)
    assert not sleep.may_move(Stage.ACTIVE, Stage.DEEP)
    assert not sleep.may_move(Stage.DEEP, Stage.LIGHT)
