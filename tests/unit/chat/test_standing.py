"""What the monitor knows decides what a turn plans for."""

from collections.abc import Iterator

import pytest

from chat.turns.standing import health_now
from kernel.condition import CONDITION, ServiceState

WELL: dict[str, ServiceState] = dict.fromkeys(
    ("database", "llm", "somabrain", "redis", "storage"), "ok"
)


class Known:
    """A condition that is what a test says; the turn asks for states alone."""

    def __init__(self) -> None:
        self.states = dict(WELL)

    def state(self, service: str) -> ServiceState:
        return self.states.get(service, "unknown")


@pytest.fixture
def known() -> Iterator[Known]:
    before = CONDITION.get() if CONDITION.is_bound else None
    known = Known()
    CONDITION.bind(known)  # type: ignore[arg-type]
    yield known
    CONDITION._adapter = before


def test_when_all_is_well_tools_may_be_offered(known: Known) -> None:
    assert (health_now().level, health_now().tools) == ("normal", True)


@pytest.mark.parametrize("service", ["database", "llm", "redis", "storage"])
@pytest.mark.parametrize("state", ["slow", "down", "unknown"])
def test_tools_need_every_service_of_theirs_to_be_well(
    known: Known, service: str, state: ServiceState
) -> None:
    known.states[service] = state
    assert not health_now().tools


def test_without_memory_a_turn_is_degraded_and_without_a_model_too_it_is_a_last_try(
    known: Known,
) -> None:
    known.states["somabrain"] = "slow"
    assert health_now().level == "normal", "slow memory may still answer in time"
    known.states["somabrain"] = "down"
    assert health_now().level == "degraded"
    known.states["llm"] = "down"
    assert health_now().level == "rescue"
    known.states["somabrain"] = "ok"
    assert health_now().level == "normal", "the conversation is worth having when a model is back"


def test_without_a_monitor_nothing_is_known_and_tools_stay_off(known: Known) -> None:
    CONDITION._adapter = None
    assert (health_now().level, health_now().tools) == ("normal", False)
