"""A real Kafka for one run, from the recipe that `./soma services` uses, with data of its own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from somaagent.services.kafka import Kafka
from somaagent.services.recipes import ServiceProblem, missing_tools
from somaagent.services.running import start, stop
from tests.support.report import REQUIRE_VARIABLE


@contextmanager
def kafka_of_this_run() -> Iterator[str]:
    """Start it and give its address; skip, or fail where it is required, without the tools."""
    home = Path(tempfile.mkdtemp(prefix="soma-kafka-"))
    try:
        with kafka_in(home / "run", Kafka()) as bootstrap:
            yield bootstrap
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def kafka_in(home: Path, recipe: Kafka) -> Iterator[str]:
    """The same with data in `home`."""
    if lacking := missing_tools(recipe):
        _cannot(lacking)
    try:
        try:
            running = start(recipe, home)
        except ServiceProblem as exc:
            _cannot(str(exc).splitlines()[0])
        yield running.addresses["bootstrap"]
    finally:
        stop(home)


def _cannot(reason: str) -> None:
    if "kafka" in os.environ.get(REQUIRE_VARIABLE, "").split(","):
        pytest.fail(f"{reason}; {REQUIRE_VARIABLE} says that it must run here")
    pytest.skip(reason)
