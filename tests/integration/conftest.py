"""Shared by the tests of this suite."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from chat.facade import create_agent
from memory.brain_embedded import EmbeddedBrain
from memory.embedding.minilm import Embedder
from memory.ports import BRAIN
from tests.support.cast import Cast


@pytest.fixture
def quiet_brain(database: None) -> Iterator[None]:
    """A brain that wakes nobody: there is no broker to do it over."""
    before = BRAIN.get()
    BRAIN.bind(EmbeddedBrain(Embedder(), lambda: None))
    yield
    BRAIN.bind(before)


@pytest.fixture
def agent_id(cast: Cast) -> UUID:
    """An agent whose memories a test looks at."""
    return create_agent(cast.admin, "Archivist", "", None).id
