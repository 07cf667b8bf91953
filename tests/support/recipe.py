"""Real services for one run, from the recipes of `./soma services`, with data of their own."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from somaagent.services.recipes import Recipe, ServiceProblem, missing_tools, recipes
from somaagent.services.running import start, stop
from tests.support.report import REQUIRE_VARIABLE


@contextmanager
def service_of_this_run(name: str) -> Iterator[Mapping[str, str]]:
    """Start it and give its addresses; skip, or fail where it is required, without the tools."""
    home = Path(tempfile.mkdtemp(prefix=f"soma-{name}-"))
    try:
        with service_in(recipes()[name], home / "run") as addresses:
            yield addresses
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def service_in(recipe: Recipe, home: Path) -> Iterator[Mapping[str, str]]:
    """The same with data in `home`."""
    if lacking := missing_tools(recipe):
        _cannot(recipe.name, lacking)
    try:
        try:
            running = start(recipe, home)
        except ServiceProblem as exc:
            _cannot(recipe.name, str(exc).splitlines()[0])
        yield running.addresses
    finally:
        stop(home)


def _cannot(name: str, reason: str) -> None:
    if name in os.environ.get(REQUIRE_VARIABLE, "").split(","):
        pytest.fail(f"{reason}; {REQUIRE_VARIABLE} says that it must run here")
    pytest.skip(reason)
