"""Spans: who is whose parent, what crosses a border, and that nobody pays who does not look."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from kernel import trace
from kernel.calling import called, calling
from kernel.logs import add_trace
from kernel.trace import HEADER, Span


@pytest.fixture
def ended() -> Iterator[list[Span]]:
    found: list[Span] = []
    trace.set_export(found.append)
    yield found
    trace.set_export(None)


def test_a_span_belongs_to_the_one_that_is_open_and_the_first_begins_a_trace(
    ended: list[Span],
) -> None:
    assert trace.current_id() is None
    with trace.span("outer", "server", size=3) as outer, trace.span("inner"):
        assert trace.current_id() == outer.trace_id
    assert trace.current_id() is None
    inner, same = ended
    assert same is outer
    assert (inner.trace_id, inner.parent_id) == (outer.trace_id, outer.span_id)
    assert (outer.parent_id, outer.kind, outer.attributes) == (None, "server", {"size": 3})
    assert outer.started_ns <= inner.started_ns <= inner.ended_ns <= outer.ended_ns
    with trace.span("another"):
        pass
    assert ended[-1].trace_id != outer.trace_id


def test_what_is_sent_names_the_open_span_and_who_receives_it_goes_on_there(
    ended: list[Span],
) -> None:
    with trace.span("here") as here:
        sent = trace.outgoing()
    with trace.following({HEADER: sent}) as trace_id, trace.span("there"):
        assert trace_id == here.trace_id
    assert (ended[-1].trace_id, ended[-1].parent_id) == (here.trace_id, here.span_id)


@pytest.mark.parametrize(
    "broken", ["", "nonsense", f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'1' * 32}-{'0' * 16}-01"]
)
def test_a_broken_header_begins_a_new_trace(broken: str) -> None:
    with trace.following({HEADER: broken}) as first, trace.following({HEADER: broken}) as second:
        assert first != second
        assert len(first) == len(second) == 32


def test_a_failure_is_told_by_its_class_and_goes_on(ended: list[Span]) -> None:
    with pytest.raises(KeyError), trace.span("x"):
        raise KeyError("content stays here")
    assert (ended[0].failed, ended[0].attributes) == ("KeyError", {})


async def test_tasks_and_threads_go_on_with_the_trace_that_they_came_from() -> None:
    async def ask() -> str | None:
        return trace.current_id()

    with trace.span("x") as opened:
        task = asyncio.create_task(ask())
        thread = asyncio.to_thread(trace.current_id)
        assert await asyncio.gather(task, thread) == [opened.trace_id] * 2


def test_logs_carry_the_trace() -> None:
    assert add_trace(None, "", {"event": "x"}) == {"event": "x"}
    with trace.span("x") as opened:
        assert add_trace(None, "", {"event": "x"})["trace_id"] == opened.trace_id


def test_a_call_is_a_span_and_a_sample(ended: list[Span]) -> None:
    from prometheus_client import REGISTRY

    def count(outcome: str) -> float:
        labels = {"service": "tested", "outcome": outcome}
        return REGISTRY.get_sample_value("soma_service_call_seconds_count", labels) or 0.0

    with calling("tested", "get", path="/x"):
        pass
    with pytest.raises(OSError), calling("tested", "get"):
        raise OSError
    called("tested", "stream", time.time_ns() - 10**9, "model-late", provider="a")
    assert (count("ok"), count("error")) == (1, 2)
    assert [span.name for span in ended] == ["tested get", "tested get", "tested stream"]
    assert {span.kind for span in ended} == {"client"}
    assert (ended[2].failed, ended[2].attributes) == ("model-late", {"provider": "a"})
    assert ended[2].ended_ns - ended[2].started_ns >= 10**9


def test_without_a_collector_nothing_of_the_sdk_is_imported() -> None:
    code = (
        "import django, sys; django.setup(); import somaagent.asgi;"
        # The client of Valkey looks for the SDK by itself where it is installed.
        "ours = ('opentelemetry.exporter', 'opentelemetry.sdk.trace', 'opentelemetry.proto');"
        "print([name for name in sys.modules if name.startswith(ours)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
