"""Kafka slow, refusing, killed: chat goes on, people read what is late, nothing said is lost."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from playwright.sync_api import expect

from somaagent.services.kafka import Kafka
from somaagent.services.recipes import Launch
from somaagent.services.running import status
from tests.support.browser import visiting
from tests.support.chaos import Installation
from tests.support.faulty_line import WELL, Line, line, slow
from tests.support.kafka import kafka_in
from tests.support.simulator import SimulatedProvider
from tests.support.web import eventually, running, worker

pytestmark = pytest.mark.slow

SEEN_MS, WELL_MS = 15_000, 60_000

# Access rules are kept, and none is there at first.
RULES = """authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
"""


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
        is_ready = Kafka().is_ready
        eventually(lambda: is_ready(self._addresses), "Kafka did not come back", 90)

    def close(self) -> None:
        if self._again is not None:
            self._again.kill()
            self._again.wait()


@dataclass
class Behind(Kafka):
    """A Kafka whose clients are told the address of a line in front of it."""

    stack: ExitStack
    line: Line | None = None

    def prepare(self, files: Path, run_dir: Path) -> Launch:
        launch = super().prepare(files, run_dir)
        host, _, port = launch.addresses["bootstrap"].partition(":")
        self.line = self.stack.enter_context(line((host, int(port))))
        config = run_dir / "server.properties"
        there = f"advertised.listeners=PLAINTEXT://{host}:"
        told = config.read_text().replace(there + port, f"{there}{self.line.port}")
        config.write_text(told + RULES)
        return launch


@pytest.fixture(scope="module")
def kafka() -> Iterator[tuple[Line, Broker]]:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soma-kafka-"))) / "run"
        recipe = Behind(stack)
        stack.enter_context(kafka_in(home, recipe))
        assert recipe.line is not None
        broker = Broker(home)
        stack.callback(broker.close)
        yield recipe.line, broker


@contextmanager
def over_kafka(place: Installation, line: Line) -> Iterator[object]:
    """A web process and a worker whose events go over Kafka."""
    environ = {
        "SA01_BUS_ADAPTER": "kafka",
        "SA01_KAFKA_BOOTSTRAP_SERVERS": bootstrap(line),
        "SA01_HEALTH_INTERVAL_S": "2",
    }
    consumer = worker(place.var_dir)
    consumer._env |= {"SA01_VAR_DIR": str(place.var_dir), **environ}
    with running(place.another_web(**environ)) as web, running(consumer):
        yield web


def bootstrap(line: Line) -> str:
    return f"127.0.0.1:{line.port}"


def remembered(place: Installation, text: str) -> bool:
    return place.number("select count(*) from memory_memory where text = %s", text) == 1


def everything_is_denied() -> AclBinding:
    """Nobody may write to any of the topics of ours."""
    return AclBinding(
        *(ResourceType.TOPIC, "soma.", ResourcePatternType.PREFIXED),
        *("User:*", "*", AclOperation.WRITE, AclPermissionType.DENY),
    )


def slow_by(seconds: float) -> Callable[[Line, Broker], Callable[[], None]]:
    def make(line: Line, _: Broker) -> Callable[[], None]:
        line.set(slow(seconds))
        return lambda: line.set(WELL)

    return make


def refusing(line: Line, _: Broker) -> Callable[[], None]:
    admin = AdminClient({"bootstrap.servers": bootstrap(line)})
    rule = everything_is_denied()
    admin.create_acls([rule])[rule].result(10)

    def allow() -> None:
        like = AclBindingFilter(
            *(rule.restype, rule.name, rule.resource_pattern_type),
            *(rule.principal, rule.host, rule.operation, rule.permission_type),
        )
        admin.delete_acls([like])[like].result(10)

    return allow


def killed(_: Line, broker: Broker) -> Callable[[], None]:
    broker.kill()
    return broker.start


@pytest.mark.parametrize(
    ("fault", "is_seen"),
    [
        # Half a second more until something is remembered: nobody notices.
        (slow_by(0.5), False),
        (slow_by(10.0), True),
        (refusing, True),
        (killed, True),
    ],
    ids=["half-a-second", "ten-seconds", "refusing", "killed"],
)
def test_what_is_said_meanwhile_is_remembered_once_when_it_is_well(
    place: Installation,
    model: SimulatedProvider,
    kafka: tuple[Line, Broker],
    chromium_browser: object,
    fault: Callable[[Line, Broker], Callable[[], None]],
    is_seen: bool,
) -> None:
    model.script({"when": ".", "reply": "I hear you."})
    with over_kafka(place, kafka[0]) as web, visiting(chromium_browser, web.base, web) as visit:  # type: ignore[arg-type,attr-defined]
        tab = visit.by("ann").go().is_live()
        banner = tab.page.get_by_test_id("health-banner")
        tab.ask("My cat is called Miso.")
        eventually(lambda: remembered(place, "My cat is called Miso."), "never remembered", 60)
        mend = fault(*kafka)
        tab.ask("My dog is called Rex.")
        expect(tab.words).to_have_text("I hear you.")
        if is_seen:
            expect(banner).to_contain_text("remembered later than usual", timeout=SEEN_MS)
            expect(banner).to_contain_text("delivered by itself when Kafka is back")
            assert not remembered(place, "My dog is called Rex.")
            assert place.number("select count(*) from kernel_outboxevent") > 0
        mend()
        expect(banner).to_have_text("", timeout=WELL_MS)
        eventually(lambda: remembered(place, "My dog is called Rex."), "never remembered", 60)
        assert remembered(place, "My cat is called Miso.")
        eventually(
            lambda: place.number("select count(*) from kernel_outboxevent") == 0, "still waits"
        )
