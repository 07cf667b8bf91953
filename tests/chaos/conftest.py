"""The suite that kills: one installation for all its tests, each starting from empty tables."""

from collections.abc import Iterator

import pytest

from tests.browser.conftest import chromium_browser  # noqa: F401  # the one browser of a run
from tests.support import chaos
from tests.support.chaos import Installation
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last, whatever else is run: it takes longest and loads the machine most."""
    items.sort(key=lambda item: "chaos" in item.path.parts)


@pytest.fixture(scope="session")
def made() -> Iterator[Installation]:
    with chaos.installation(**chaos.SHORT_REST) as installation:
        yield installation


@pytest.fixture
def model(made: Installation) -> Iterator[SimulatedProvider]:
    """A simulated provider that a test may kill."""
    with chaos.model_of(made) as provider:
        yield provider


@pytest.fixture
def place(made: Installation, model: SimulatedProvider) -> Installation:
    """The installation with everything running but worker and beat, and without conversations."""
    made.fresh(model)
    return made


@pytest.fixture
def ann(place: Installation) -> Client:
    """Ann, signed in."""
    return Client(place.web, "ann")
