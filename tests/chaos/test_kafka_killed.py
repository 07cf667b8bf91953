"""Kafka killed and back: chat goes on, people read what is late, nothing that was said is lost."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import expect

from somaagent.services.recipes import recipes
from somaagent.services.running import status
from tests.support.browser import visiting
from tests.support.chaos import Installation
from tests.support.kafka import kafka_in
from tests.support.simulator import SimulatedProvider
from tests.support.web import eventually, running, worker

pytestmark = pytest.mark.slow

SEEN_MS, WELL_MS = 15_000, 60_000


class Broker:
    """A Kafka that is killed and started again on its data and ports."""

    def __init__(self, home: Path) -> None:
        found = status(home)
        assert found is not None
        self._home = home
        self._process = psutil.Process(found.pid)
        self._command = self._process.cmdline()
        self._addresses = found.addresses
        self._again: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait(10)

    def start(self) -> None:
        """The same again, until it answers."""
        with (self._home / "service.log").open("ab") as output:
            self._again = subprocess.Popen(
                self._command, cwd=self._home, stdout=output, stderr=output, start_new_session=True
            )
        is_ready = recipes()["kafka"].is_ready
        eventually(lambda: is_ready(self._addresses), "Kafka did not come back", 90)

    def close(self) -> None:
        if self._again is not None:
            self._again.kill()
            self._again.wait()


@pytest.fixture
def kafka() -> Iterator[tuple[str, Broker]]:
    with (
        tempfile.TemporaryDirectory(prefix="soma-kafka-") as home,
        kafka_in(Path(home) / "run") as bootstrap,
    ):
        broker = Broker(Path(home) / "run")
        yield bootstrap, broker
        broker.close()


@contextmanager
def over_kafka(place: Installation, bootstrap: str) -> Iterator[object]:
    """A web process and a worker whose events go over Kafka."""
    environ = {
        "SA01_BUS_ADAPTER": "kafka",
        "SA01_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "SA01_HEALTH_INTERVAL_S": "2",
    }
    consumer = worker(place.var_dir)
    consumer._env |= {"SA01_VAR_DIR": str(place.var_dir), **environ}
    with running(place.another_web(**environ)) as web, running(consumer):
        yield web


def remembered(place: Installation, text: str) -> bool:
    return place.number("select count(*) from memory_memory where text = %s", text) == 1


def test_what_is_said_while_kafka_is_away_is_remembered_once_when_it_is_back(
    place: Installation,
    model: SimulatedProvider,
    kafka: tuple[str, Broker],
    chromium_browser: object,
) -> None:
    bootstrap, broker = kafka
    model.script({"when": ".", "reply": "I hear you."})
    with over_kafka(place, bootstrap) as web, visiting(chromium_browser, web.base, web) as visit:  # type: ignore[arg-type,attr-defined]
        tab = visit.by("ann").go().is_live()
        banner = tab.page.get_by_test_id("health-banner")
        tab.ask("My cat is called Miso.")
        eventually(lambda: remembered(place, "My cat is called Miso."), "never remembered", 60)
        broker.kill()
        tab.ask("My dog is called Rex.")
        expect(tab.words).to_have_text("I hear you.")
        expect(banner).to_contain_text("remembered later than usual", timeout=SEEN_MS)
        expect(banner).to_contain_text("delivered by itself when Kafka is back")
        assert not remembered(place, "My dog is called Rex.")
        assert place.number("select count(*) from kernel_outboxevent") > 0
        broker.start()
        expect(banner).to_have_text("", timeout=WELL_MS)
        eventually(lambda: remembered(place, "My dog is called Rex."), "never remembered", 60)
        assert remembered(place, "My cat is called Miso.")
        eventually(
            lambda: place.number("select count(*) from kernel_outboxevent") == 0, "still waits"
        )
