"""What only the OpenAI wire can get wrong, over real HTTP."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from gateway.adapters.connections import Connections
from gateway.adapters.openai_wire import OpenAIWire
from gateway.errors import ModelError
from gateway.parts import (
    Finished,
    Message,
    ModelRequest,
    StreamEvent,
    TextDelta,
    Timeouts,
    ToolCallDelta,
    Usage,
)
from gateway.ports import Endpoint, Secret
from tests.support.simulator import SimulatedProvider, simulated_provider

QUICK = Timeouts(connect_s=5, first_token_s=5, idle_s=5, total_s=20)


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedProvider]:
    with simulated_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: SimulatedProvider) -> SimulatedProvider:
    running.reset()
    return running


@pytest.fixture
async def wire() -> AsyncIterator[OpenAIWire]:
    adapter = OpenAIWire()
    yield adapter
    await adapter.close()


async def ask(
    wire: OpenAIWire, provider: SimulatedProvider, text: str = "hello", **fields: Any
) -> list[StreamEvent]:
    endpoint = Endpoint(provider.base_url, Secret("k"), "openai-compatible", "simulated")
    fields.setdefault("timeouts", QUICK)
    request = ModelRequest("", (Message.of_text("user", text),), **fields)
    return [event async for event in wire.stream(request, endpoint)]


def text_of(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize("oddity", ["no-done", "not-streamed", "bytes", "no-usage"])
async def test_an_odd_but_whole_answer_is_taken_whole(
    wire: OpenAIWire, provider: SimulatedProvider, oddity: str
) -> None:
    provider.script({"fail": oddity, "reply": "Grüße 👩‍👩‍👧 to all of you"})
    events = await ask(wire, provider)
    assert text_of(events) == "Grüße 👩‍👩‍👧 to all of you"
    usage = events[-2]
    assert isinstance(usage, Usage)
    assert usage.counted is (oddity != "no-usage")
    assert events[-1] == Finished("stop")


async def test_tool_calls_that_were_not_streamed(
    wire: OpenAIWire, provider: SimulatedProvider
) -> None:
    calls = [{"name": "f", "arguments": {"a": 1}}]
    provider.script({"fail": "not-streamed", "tool_calls": calls})
    events = await ask(wire, provider)
    assert events[0] == ToolCallDelta(0, "call_0", "f", '{"a": 1}')
    assert events[-1] == Finished("tool_calls")


async def test_half_of_an_event_at_the_end_is_a_cut(
    wire: OpenAIWire, provider: SimulatedProvider
) -> None:
    provider.script({"fail": "half-json", "after": 2})
    with pytest.raises(ModelError) as caught:
        await ask(wire, provider)
    assert caught.value.code == "model-stream-cut"


async def test_a_server_without_stream_options_is_asked_again_once_and_remembered(
    wire: OpenAIWire, provider: SimulatedProvider
) -> None:
    provider.script({"fail": "no-stream-options", "reply": "fine"})
    for _ in range(2):
        assert text_of(await ask(wire, provider, attempts=1)) == "fine"
    bodies = [entry["body"] for entry in provider.captured()]
    assert ["stream_options" in body for body in bodies] == [True, False, False]


async def test_connections_are_kept_and_reused(
    wire: OpenAIWire, provider: SimulatedProvider
) -> None:
    await ask(wire, provider)
    before = await asyncio.to_thread(provider.stats)
    for _ in range(5):
        await ask(wire, provider)
    after = await asyncio.to_thread(provider.stats)
    # One for the second look at the counters itself.
    assert after["accepted"] - before["accepted"] == 1


async def test_a_kept_connection_that_died_is_replaced_unseen(
    wire: OpenAIWire, provider: SimulatedProvider
) -> None:
    await ask(wire, provider)
    provider.script({"fail": "reset", "times": 1}, {"reply": "again"})
    assert text_of(await ask(wire, provider)) == "again"


async def test_a_wait_longer_than_the_deadline_is_told_at_once(
    wire: OpenAIWire, provider: SimulatedProvider
) -> None:
    provider.script({"fail": "429", "retry_after": 60})
    started = time.monotonic()
    with pytest.raises(ModelError) as caught:
        await ask(wire, provider)
    assert time.monotonic() - started < 30
    assert (caught.value.code, caught.value.retry_after) == ("model-rate-limited", 60)
    assert len(provider.captured()) == 1


async def test_a_short_wait_that_was_asked_for_is_kept(
    wire: OpenAIWire, provider: SimulatedProvider
) -> None:
    provider.script({"fail": "429", "retry_after": 1, "times": 1}, {"reply": "now"})
    started = time.monotonic()
    assert text_of(await ask(wire, provider)) == "now"
    assert time.monotonic() - started >= 1


async def test_the_first_token_deadline_covers_all_attempts_together(
    wire: OpenAIWire, provider: SimulatedProvider
) -> None:
    provider.script({"fail": "hang"})
    limits = Timeouts(connect_s=5, first_token_s=0.5, idle_s=5, total_s=20)
    started = time.monotonic()
    with pytest.raises(ModelError) as caught:
        await ask(wire, provider, timeouts=limits, attempts=50)
    assert caught.value.code == "model-timeout"
    assert time.monotonic() - started < 12


async def test_the_total_ends_a_stream_that_trickles(
    wire: OpenAIWire, provider: SimulatedProvider
) -> None:
    provider.script({"tokens": 10_000, "gap_ms": 20})
    limits = Timeouts(connect_s=5, first_token_s=5, idle_s=5, total_s=0.5)
    started = time.monotonic()
    with pytest.raises(ModelError) as caught:
        await ask(wire, provider, timeouts=limits)
    assert (caught.value.code, caught.value.data["cause"]) == ("model-stream-cut", "model-timeout")
    assert time.monotonic() - started < 30


async def test_a_consumer_that_is_slow_to_fetch_is_no_silence_of_the_model(
    wire: OpenAIWire, provider: SimulatedProvider
) -> None:
    provider.script({"tokens": 3_000})
    limits = Timeouts(connect_s=5, first_token_s=5, idle_s=0.2, total_s=20)
    endpoint = Endpoint(provider.base_url, Secret("k"), "openai-compatible", "simulated")
    request = ModelRequest("", (Message.of_text("user", "hi"),), timeouts=limits)
    words, waited = 0, False
    async for event in wire.stream(request, endpoint):
        if isinstance(event, TextDelta):
            words += event.text.count("word")
            if not waited:
                waited = True
                # The slowness itself, longer than the silence that is allowed.
                await asyncio.sleep(0.5)
    assert words == 3_000


async def test_a_very_long_answer_arrives_whole(
    wire: OpenAIWire, provider: SimulatedProvider
) -> None:
    provider.script({"tokens": 50_000})
    events = await ask(wire, provider)
    assert text_of(events) == "".join(f"word{number} " for number in range(50_000))
    # Many tokens of one read travel as one event.
    assert len(events) < 25_000


async def test_a_name_that_resolves_elsewhere_at_connect_time_is_refused(
    provider: SimulatedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding, with the resolver of the system as the attacker."""
    genuine = socket.getaddrinfo

    def rebound(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        if host in {"innocent.example", b"innocent.example"}:
            return genuine("127.0.0.1", port, *args, **kwargs)
        return genuine(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    wire = OpenAIWire(Connections())
    address = f"http://innocent.example:{provider.port}/v1"
    endpoint = Endpoint(address, Secret("k"), "openai-compatible", "m", allow_private=False)
    request = ModelRequest("", (Message.of_text("user", "hi"),), attempts=1)
    with pytest.raises(ModelError) as caught:
        [event async for event in wire.stream(request, endpoint)]
    await wire.close()
    assert caught.value.code == "address-refused"
    assert provider.captured() == []


async def test_an_unknown_host_is_unreachable(wire: OpenAIWire) -> None:
    endpoint = Endpoint("http://no-such-host.invalid/v1", Secret(""), "openai-compatible", "m")
    request = ModelRequest("", (Message.of_text("user", "hi"),), attempts=1, timeouts=QUICK)
    with pytest.raises(ModelError) as caught:
        [event async for event in wire.stream(request, endpoint)]
    assert caught.value.code == "model-unreachable"
    assert "no-such-host" not in str(caught.value.problem())


async def test_a_probe_lists_models_or_says_why_not(
    wire: OpenAIWire, provider: SimulatedProvider
) -> None:
    endpoint = Endpoint(provider.base_url, Secret("k"), "openai-compatible", "")
    found = await wire.probe(endpoint)
    assert found.models[0] == "simulated"
    assert found.latency_ms is not None
    provider.script({"fail": "401"})
    assert (await wire.probe(endpoint)).problem == "model-auth-failed"
    nobody = Endpoint("http://127.0.0.1:9/v1", Secret(""), "ollama", "")
    assert (await wire.probe(nobody, 0.3)).problem == "model-unreachable"


async def test_each_event_loop_has_its_own_connections(provider: SimulatedProvider) -> None:
    """The test button runs a loop of its own beside the serving one."""
    wire = OpenAIWire()

    async def elsewhere() -> str:
        try:
            return text_of(await ask(wire, provider))
        finally:
            await wire.close()

    here = text_of(await ask(wire, provider))
    there = await asyncio.to_thread(lambda: asyncio.run(elsewhere()))
    assert here == there == text_of(await ask(wire, provider))
    await wire.close()
