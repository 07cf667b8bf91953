"""A real Kafka for one run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from somaagent.services.kafka import Kafka
from tests.support.recipe import service_in, service_of_this_run


@contextmanager
def kafka_of_this_run() -> Iterator[str]:
    """Start it and give its address; skip, or fail where it is required, without the tools."""
    with service_of_this_run("kafka") as addresses:
        yield addresses["bootstrap"]


@contextmanager
def kafka_in(home: Path, recipe: Kafka) -> Iterator[str]:
    """The same with data in `home`."""
    with service_in(recipe, home) as addresses:
        yield addresses["bootstrap"]
