"""Decisions are made anew when a model fares otherwise, not at every call."""

from uuid import UUID

import pytest

from gateway.errors import ModelUnreachable
from gateway.routing.standing import Pulses

MODEL = UUID(int=7)


@pytest.fixture
def pulses() -> Pulses:
    found = Pulses(clock=lambda: 0.0)
    found.answered(MODEL, 200.0)
    return found


def told_ms(pulses: Pulses) -> float | None:
    return pulses.standing(MODEL, is_resting=False).latency_ms


def test_what_is_first_known_counts_at_once() -> None:
    pulses = Pulses(clock=lambda: 0.0)
    before = pulses.version
    pulses.answered(MODEL, 3.0)
    assert pulses.version != before
    assert told_ms(pulses) == 3.0


def test_noise_changes_nothing_that_decisions_go_by(pulses: Pulses) -> None:
    before = pulses.version
    for number in range(200):
        pulses.answered(MODEL, 120.0 + 160.0 * (number % 2))
    assert pulses.version == before
    assert told_ms(pulses) == 200.0


def test_a_model_that_became_slow_is_told(pulses: Pulses) -> None:
    before = pulses.version
    for _ in range(20):
        pulses.answered(MODEL, 900.0)
    assert pulses.version > before
    assert (told_ms(pulses) or 0.0) > 500.0


def test_failures_are_told_and_their_end_too(pulses: Pulses) -> None:
    before = pulses.version
    pulses.failed(MODEL, ModelUnreachable())
    assert pulses.version > before
    assert pulses.standing(MODEL, is_resting=False).error_rate == pytest.approx(0.2)
    for _ in range(20):
        pulses.answered(MODEL, 200.0)
    assert pulses.standing(MODEL, is_resting=False).error_rate < 0.05


def test_a_model_that_asks_to_be_left_alone_rests_in_every_process_until_then() -> None:
    moment, told = [0.0], list[tuple[UUID, float]]()
    here = Pulses(clock=lambda: moment[0], tell=lambda *one: told.append(one))
    elsewhere = Pulses(clock=lambda: moment[0], tell=lambda *_: pytest.fail("told back"))
    before = elsewhere.version
    here.cool(MODEL, 30.0)
    here.cool(MODEL, 30.5)  # every answer says it again: no news
    assert told == [(MODEL, 30.0)]
    for one in told:
        elsewhere.rest(*one)
    assert elsewhere.version > before
    for pulses in (here, elsewhere):
        assert pulses.standing(MODEL, is_resting=False).cools_down
    moment[0] = 31.0
    resting = elsewhere.version
    assert not elsewhere.standing(MODEL, is_resting=False).cools_down
    assert resting > before + 1
