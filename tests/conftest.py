"""Shared fixtures: a private `var/`, real PostgreSQL and Valkey on demand, the two-tenant cast.

Every run has its own directory and servers, so that several runs can go side by side.
"""

import os
import shutil
import tempfile

# pytest imports it while it tells of a resource that nobody closed: two threads that do so at once
# would meet it half imported.
import tracemalloc  # noqa: F401
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.web import Process

# The run's worker, once a test wanted one.
_WORKERS: "list[Process]" = []

# A directory whose servers run already, for those who run many small sessions (mutation testing).
_GIVEN = os.environ.get("TEST_SERVERS_DIR")
_VAR = Path(_GIVEN or tempfile.mkdtemp(prefix="soma-test-"))
for _name in [name for name in os.environ if name.startswith(("SA01_", "SOMA_"))]:
    if _name not in {"SOMA_CHROMIUM", "SOMA_TEST_QUESTIONS", "SOMA_TEST_REQUIRE"}:
        del os.environ[_name]
# A developer's keys must neither be used nor change what a test sees.
for _name in [name for name in os.environ if name.endswith("_API_KEY")]:
    del os.environ[_name]
os.environ["SA01_VAR_DIR"] = str(_VAR)
os.environ["SA01_LOG_LEVEL"] = "error"
# The identity provider of the tests is on this machine.
os.environ["SA01_SSO_PRIVATE_ADDRESSES"] = "true"
os.environ["DJANGO_SETTINGS_MODULE"] = "somaagent.settings"

import django

django.setup()


def pytest_sessionfinish() -> None:
    """The run's directory goes with the run."""
    if not _GIVEN:
        shutil.rmtree(_VAR, ignore_errors=True)


@pytest.fixture(scope="session")
def var_dir() -> Path:
    """The directory that this run's settings point at."""
    return _VAR


@pytest.fixture(scope="session")
def servers(var_dir: Path) -> Iterator[None]:
    """PostgreSQL (migrated, with its restricted roles) and Valkey for the whole run."""
    from django.db import connections

    from kernel.db import shut_down_pool
    from tests.support import services

    with nullcontext() if _GIVEN else services.ready_for_tests(var_dir):
        yield
        shut_down_pool()
        connections.close_all()


@pytest.fixture
def database(servers: None) -> Iterator[None]:
    """Real servers with empty tables."""
    from tests.support import cleaning

    cleaning.empty_tables()
    cleaning.empty_valkey()
    yield
    from django.db import connections

    connections["default"].close()
    connections["platform"].close()


@pytest.fixture
def cast(database: None) -> "object":
    """Two tenants with people of every role; see tests.support.cast."""
    from tests.support.cast import build

    return build()


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """A real Kafka of this run's own: its bootstrap address. Skips where it cannot be had."""
    from tests.support.kafka import kafka_of_this_run

    with kafka_of_this_run() as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def spicedb() -> Iterator[str]:
    """A real SpiceDB of this run's own: its address. Skips where it cannot be had."""
    pytest.importorskip("authzed")
    from tests.support.recipe import service_of_this_run

    with service_of_this_run("spicedb") as addresses:
        yield addresses["grpc"]


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """A real object storage of this run's own: its URL. Skips where it cannot be had."""
    from tests.support.recipe import service_of_this_run

    with service_of_this_run("s3") as addresses:
        yield f"http://{addresses['http']}"


@pytest.fixture(scope="session")
def keycloak() -> Iterator[str]:
    """A real Keycloak of this run's own: its URL. Skips where it cannot be had."""
    from tests.support.recipe import service_of_this_run

    with service_of_this_run("keycloak") as addresses:
        yield f"http://{addresses['http']}"


@pytest.fixture(scope="session")
def simulator() -> Iterator["object"]:
    """A scripted model behind a real HTTP server."""
    from tests.support.simulator import simulated_provider

    with simulated_provider() as running:
        yield running


@pytest.fixture(scope="session")
def web_process(servers: None, var_dir: Path) -> Iterator["object"]:
    """One web process for the run."""
    from tests.support.web import Web, running

    with running(Web(var_dir)) as web:
        yield web


@pytest.fixture
def web(web_process: "object", cast: "object") -> "object":
    """The web process over freshly filled tables."""
    return web_process


@pytest.fixture
def model(web: "object", simulator: "object") -> "object":
    """The simulator, set as the platform's default model; it answers as it does by itself."""
    from tests.support.models import use_simulator

    use_simulator(web, simulator)
    simulator.script()  # type: ignore[attr-defined]  # imported here, late
    return simulator


@pytest.fixture
def no_model(web: "object") -> None:
    """The platform has no model."""
    from tests.support.models import remove_all

    remove_all(web)


@pytest.fixture
def nobody_is_woken() -> Iterator[None]:
    """What this process commits stays where it is: the run's worker is not told."""
    from kernel import emitting

    before = emitting._wake
    emitting.set_wake(None)
    yield
    emitting.set_wake(before)


@pytest.fixture(scope="session")
def worker_process(servers: None, var_dir: Path) -> Iterator["object"]:
    """One worker for the run."""
    from tests.support.web import running, worker

    with running(worker(var_dir)) as process:
        _WORKERS.append(process)
        yield process
        _WORKERS.remove(process)


@pytest.fixture
def no_worker(servers: None) -> Iterator[None]:
    """The run's worker rests if an earlier test began it: this test's own takes every event."""
    for process in _WORKERS:
        process.stop()
    yield
    for process in _WORKERS:
        process.start()
