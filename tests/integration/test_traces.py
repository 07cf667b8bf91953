"""One turn is one trace, from the socket over the brain to the worker's last effect."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.brain_service import BrainService, platform_token
from tests.support.cast import Cast
from tests.support.collector import Collector, Received, collecting
from tests.support.models import use_simulator
from tests.support.web import Client, Web, eventually, running, worker

PHASES = {"recall", "plan", "context", "model", "first_token", "persist", "deliver"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def roots(spans: dict[str, Received]) -> list[str]:
    """Names of the spans whose parent is not there."""
    return [span.name for span in spans.values() if span.parent_id not in spans]


def asking(spans: dict[str, Received]) -> set[str]:
    """The processes that asked the brain."""
    asked = [span for span in spans.values() if span.name.startswith("brain ")]
    return {spans[span.parent_id].process for span in asked if span.parent_id in spans}


def test_a_turn_is_one_trace_across_web_worker_and_brain(
    cast: Cast, var_dir: Path, simulator: object, collector: Collector, no_worker: None
) -> None:
    told = {"SA01_OTLP_ENDPOINT": collector.base, "SA01_OTLP_HEADERS": "x-key=secret, x-of = us"}
    with running(BrainService(var_dir, told)) as brain:
        at_brain = {
            **told,
            "SA01_BRAIN_ADAPTER": "http",
            "SOMA_BRAIN_URL": brain.base,
            "SOMA_BRAIN_KEY": platform_token(),
        }
        process = worker(var_dir)
        process._env |= at_brain
        with running(Web(var_dir, at_brain)) as web, running(process):
            use_simulator(web, simulator)
            ann = Client(web, "ann")
            conversation = ann.conversation()
            with ann.socket() as socket:
                socket.send("chat.message", conversation_id=conversation, content="I like tea.",
                            client_key="one")  # fmt: skip
                frames = socket.until("chat.done")
            accepted = next(frame for frame in frames if frame["type"] == "chat.accepted")
            trace_id = accepted["payload"]["trace_id"]

            def complete() -> bool:
                """Each process tells its part in its own time, a parent often after its child."""
                found = collector.by_id(trace_id)
                names = {span.name for span in found.values()}
                ended = {"turn", "turn.accept", "memory.remember_turn"} <= names
                return ended and len(roots(found)) == 1 and asking(found) == {"web", "worker"}

            eventually(complete, "the trace never became complete")
            spans = collector.by_id(trace_id)
    names = {span.name for span in spans.values()}
    assert {f"turn.{phase}" for phase in PHASES} <= names
    assert {"turn.accept", "turn", "llm stream", "somabrain post", "database close_turn"} <= names
    assert {span.process for span in spans.values()} == {"web", "worker", "brain"}
    assert roots(spans) == ["socket chat.message"], "every part hangs together"
    by_name = {span.name: span for span in spans.values()}
    assert by_name["turn"].parent_id == by_name["turn.accept"].span_id
    assert by_name["turn.recall"].parent_id == by_name["turn"].span_id
    assert by_name["turn"].attributes["turn_id"] == accepted["payload"]["turn"]
    assert asking(spans) == {"web", "worker"}
    assert not any(span.failed for span in spans.values())
    assert collector.headers["x-key"] == "secret"
    assert collector.headers["x-of"] == "us"
    assert not any("tea" in str(span.attributes) for span in spans.values()), "no content"
