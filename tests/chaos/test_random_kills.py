"""Programs killed again and again, at random moments, under people who write down all."""

import random

import pytest

from tests.support.chaos import Installation
from tests.support.random_kills import PEOPLE, sweep
from tests.support.simulator import SimulatedProvider

pytestmark = pytest.mark.slow

SEED = 1_789
KILLS = ("web",) * 7 + ("worker",) * 5 + ("valkey",) * 2 + ("postgres",) * 2


def test_nothing_that_was_acknowledged_is_lost_or_doubled_by_random_kills(
    place: Installation, model: SimulatedProvider
) -> None:
    victims = random.Random(SEED).sample(KILLS, len(KILLS))
    found = sweep(place, model, victims, SEED)
    assert found.troubles == []
    assert (found.lost, found.doubled, found.wrong, found.still_open) == ([], [], [], 0)
    print(
        f"\n{found.kills} kills, {len(PEOPLE)} people: {found.turns} turns "
        f"({found.interrupted} interrupted), {found.messages} messages, {found.memories} memories; "
        "0 lost, 0 doubled, order kept, every turn over"
    )
    assert 0 < found.interrupted < found.turns
