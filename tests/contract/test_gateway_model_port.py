"""What every adapter of `gateway.ports.ModelPort` does: one suite, the same script for all.

`openai`, `anthropic` and `gemini` talk over real HTTP to the simulated provider's three wires (the
latter two through the litellm adapter); `scripted` runs in process.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gateway.adapters.litellm import LiteLLM
from gateway.adapters.openai_wire import OpenAIWire
from gateway.adapters.scripted import ScriptedModel
from gateway.errors import ModelError
from gateway.parts import (
    Finished,
    Message,
    ModelRequest,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    TextPart,
    Timeouts,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
    Usage,
)
from gateway.ports import Endpoint, ModelPort, Secret
from gateway.simulator.script import Plan, Script, parse_script
from tests.support.simulator import SimulatedProvider, simulated_provider

KEY = "sk-contract-key"
SECRETS = ("sk-leaked", "org-secret", "Traceback", KEY)


@dataclass
class Rig:
    """An adapter with something to talk to."""

    name: str
    port: ModelPort
    endpoint: Endpoint
    provider: SimulatedProvider | None

    def script(self, *rules: dict[str, Any]) -> None:
        if self.provider is not None:
            self.provider.script(*rules)
        else:
            self.port.script = parse_script(list(rules), Plan())

    def attempts(self) -> int:
        if self.provider is not None:
            return len(self.provider.captured())
        return len(self.port.requests)

    def prompt(self) -> str:
        """All that the provider was sent last, as one text."""
        if self.provider is not None:
            return str(self.provider.captured(1)[0]["body"])
        return str(self.port.requests[-1].messages)

    async def until_closed_early(self) -> None:
        if self.provider is None:
            assert self.port.closed_early == 1
            return
        await asyncio.to_thread(
            self.provider.wait_until,
            lambda it: it.captured(1)[0]["closed_early"] and it.stats()["open_streams"] == 0,
            2.0,
        )


@pytest.fixture(scope="module")
def provider() -> Iterator[SimulatedProvider]:
    with simulated_provider() as running:
        yield running


@pytest.fixture(params=["scripted", "openai", "anthropic", "gemini"])
async def rig(request: pytest.FixtureRequest, provider: SimulatedProvider) -> AsyncIterator[Rig]:
    provider.reset()
    endpoint = Endpoint(provider.base_url, Secret(KEY), "openai-compatible", "simulated")
    match request.param:
        case "scripted":
            found = Rig("scripted", ScriptedModel(Script()), endpoint, None)
        case "openai":
            found = Rig("openai", OpenAIWire(), endpoint, provider)
        case "anthropic":
            there = replace(endpoint, kind="anthropic", base_url=provider.origin)
            found = Rig("anthropic", LiteLLM(), there, provider)
        case _:
            there = replace(endpoint, kind="gemini", base_url=f"{provider.origin}/v1beta")
            found = Rig("gemini", LiteLLM(), there, provider)
    yield found
    await found.port.close()


def ask(text: str = "hello", **fields: Any) -> ModelRequest:
    timeouts = fields.pop("timeouts", Timeouts(5, 10, 5, 20))
    messages = (Message.of_text("system", "Be brief."), Message.of_text("user", text))
    return ModelRequest("", messages, timeouts=timeouts, **fields)


async def collect(rig: Rig, request: ModelRequest) -> list[StreamEvent]:
    return [event async for event in rig.port.stream(request, rig.endpoint)]


async def collect_until_error(
    rig: Rig, request: ModelRequest
) -> tuple[list[StreamEvent], ModelError]:
    events: list[StreamEvent] = []
    with pytest.raises(ModelError) as caught:
        async for event in rig.port.stream(request, rig.endpoint):
            events.append(event)  # the list must survive the error
    return events, caught.value


def text_of(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_the_joined_deltas_are_the_answer_to_the_byte(rig: Rig) -> None:
    reply = "Grüße 👩‍👩‍👧 — 日本語\n\n```py\nx = 'data: [DONE]'\n```\n tab\tend "
    rig.script({"reply": reply})
    events = await collect(rig, ask())
    assert text_of(events) == reply
    assert isinstance(events[-1], Finished)
    assert isinstance(events[-2], Usage)
    assert sum(isinstance(event, Usage | Finished) for event in events) == 2
    assert events[-1].reason == "stop"
    assert all(event.text for event in events if isinstance(event, TextDelta))


async def test_the_prompt_reaches_the_provider_whole_and_in_order(rig: Rig) -> None:
    rig.script({"reply": "ok"})
    messages = (
        Message.of_text("system", "Remember: blue."),
        Message.of_text("user", "first question"),
        Message.of_text("assistant", "first answer"),
        Message("user", (TextPart("second "), TextPart("question"))),
    )
    await collect(rig, ModelRequest("", messages))
    prompt = rig.prompt()
    places = [prompt.index(part) for part in ("first question", "first answer", "second ")]
    assert places == sorted(places)
    assert "Remember: blue." in prompt


async def test_usage_told_by_the_provider_is_passed_on_as_counted(rig: Rig) -> None:
    rig.script({"reply": "one two three four"})
    usage = (await collect(rig, ask()))[-2]
    assert isinstance(usage, Usage)
    assert usage.counted
    assert usage.output_tokens == 4
    assert usage.input_tokens > 0


async def test_usage_that_the_provider_did_not_tell_is_marked_as_estimated(rig: Rig) -> None:
    if rig.name == "anthropic":
        # Its wire has no stream without usage.
        return
    rig.script({"reply": "one two three four", "fail": "no-usage"})
    usage = (await collect(rig, ask()))[-2]
    assert isinstance(usage, Usage)
    assert not usage.counted
    assert usage.output_tokens > 0


async def test_the_output_limit_is_kept_and_told(rig: Rig) -> None:
    rig.script({"tokens": 50})
    events = await collect(rig, ask(max_output_tokens=3))
    assert text_of(events).split() == ["word0", "word1", "word2"]
    assert events[-1] == Finished("length")


async def test_tool_calls_arrive_whole(rig: Rig) -> None:
    calls = [
        {"name": "weather", "arguments": {"city": "Łódź", "days": 3}},
        {"name": "clock", "arguments": {}},
    ]
    rig.script({"tool_calls": calls})
    tool = ToolSpec("weather", "The weather", {"type": "object", "properties": {}})
    events = await collect(rig, ask(tools=(tool,)))
    pieces = [event for event in events if isinstance(event, ToolCallDelta)]
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for piece in pieces:
        names[piece.index] = names.get(piece.index, "") + piece.name
        arguments[piece.index] = arguments.get(piece.index, "") + piece.arguments
    assert list(names.values()) == ["weather", "clock"]
    assert '"days": 3' in next(iter(arguments.values()))
    assert all(piece.call_id for piece in pieces if piece.name)
    assert events[-1] == Finished("tool_calls")


async def test_a_tool_result_goes_back_to_the_model(rig: Rig) -> None:
    rig.script({"reply": "It rains."})
    messages = (
        Message.of_text("user", "Weather?"),
        Message("assistant", (ToolCallPart("call_0", "weather", '{"city": "Ulm"}'),)),
        Message("tool", (ToolResultPart("call_0", "heavy rain"),)),
    )
    tool = ToolSpec("weather", "The weather", {"type": "object", "properties": {}})
    events = await collect(rig, ModelRequest("", messages, tools=(tool,)))
    assert text_of(events) == "It rains."
    assert "heavy rain" in rig.prompt()
    assert "Ulm" in rig.prompt()


async def test_reasoning_is_kept_apart_from_the_answer(rig: Rig) -> None:
    rig.script({"reasoning": "Let me think.", "reply": "42"})
    events = await collect(rig, ask())
    thoughts = [event.text for event in events if isinstance(event, ReasoningDelta)]
    assert "".join(thoughts) == "Let me think."
    assert text_of(events) == "42"


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ("401", "model-auth-failed"),
        ("403", "model-auth-failed"),
        ("402", "model-credit-exhausted"),
        ("404", "model-not-found"),
        ("429", "model-rate-limited"),
        ("500", "model-server-error"),
        ("503", "model-server-error"),
        ("400", "model-rejected-request"),
        ("context", "context-too-long"),
        ("filter", "content-refused"),
        ("html", "model-bad-response"),
        ("redirect", "model-bad-response"),
        ("cut-first", "model-server-error"),
    ],
)
async def test_each_refusal_has_its_code_and_tells_nothing_of_the_provider(
    rig: Rig, failure: str, code: str
) -> None:
    rig.script({"fail": failure})
    events, error = await collect_until_error(rig, ask(attempts=1))
    assert events == []
    assert error.code == code
    shown = f"{error.problem()} {error} {error.args}"
    assert not any(secret in shown for secret in SECRETS)


async def test_a_transient_refusal_is_tried_again_and_not_seen(rig: Rig) -> None:
    rig.script({"fail": "503", "times": 1}, {"fail": "429", "times": 1}, {"reply": "there"})
    events = await collect(rig, ask(attempts=3))
    assert text_of(events) == "there"
    assert rig.attempts() == 3


async def test_a_refused_key_is_not_tried_again(rig: Rig) -> None:
    rig.script({"fail": "401"})
    await collect_until_error(rig, ask(attempts=3))
    assert rig.attempts() == 1


async def test_attempts_end(rig: Rig) -> None:
    rig.script({"fail": "500"})
    _, error = await collect_until_error(rig, ask(attempts=2))
    assert error.code == "model-server-error"
    assert rig.attempts() == 2


async def test_a_connection_reset_before_the_answer_is_unreachable(rig: Rig) -> None:
    rig.script({"fail": "reset"})
    _, error = await collect_until_error(rig, ask(attempts=1))
    assert error.code == "model-unreachable"


async def test_silence_after_the_first_tokens_keeps_what_came(rig: Rig) -> None:
    rig.script({"fail": "stall", "after": 2})
    quick = Timeouts(connect_s=5, first_token_s=10, idle_s=0.3, total_s=20)
    events, error = await collect_until_error(rig, ask(timeouts=quick))
    if rig.name != "scripted":
        await rig.until_closed_early()
    assert text_of(events) == "word0 word1 "
    assert error.code == "model-stream-cut"
    assert error.data["cause"] == "model-timeout"


@pytest.mark.parametrize("failure", ["cut", "no-finish", "error-event"])
async def test_a_broken_stream_keeps_what_came_and_is_not_repeated(rig: Rig, failure: str) -> None:
    rig.script({"fail": failure, "after": 2, "tokens": 4})
    events, error = await collect_until_error(rig, ask(attempts=3))
    assert text_of(events).startswith("word0 word1 ")
    assert error.code == "model-stream-cut"
    assert not any(isinstance(event, Usage | Finished) for event in events)
    assert rig.attempts() == 1


async def test_no_token_in_time_is_a_timeout(rig: Rig) -> None:
    rig.script({"fail": "hang"})
    quick = Timeouts(connect_s=5, first_token_s=0.3, idle_s=5, total_s=20)
    _, error = await collect_until_error(rig, ask(timeouts=quick, attempts=1))
    assert error.code == "model-timeout"


async def test_headers_without_a_token_are_a_timeout_too(rig: Rig) -> None:
    rig.script({"fail": "hang-first"})
    quick = Timeouts(connect_s=5, first_token_s=0.3, idle_s=5, total_s=20)
    _, error = await collect_until_error(rig, ask(timeouts=quick, attempts=1))
    assert error.code == "model-timeout"


async def test_closing_the_iterator_closes_the_upstream_at_once(rig: Rig) -> None:
    rig.script({"tokens": 10_000, "gap_ms": 5})
    async with aclosing(rig.port.stream(ask(), rig.endpoint)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    await rig.until_closed_early()


async def test_cancelling_the_task_closes_the_upstream_at_once(rig: Rig) -> None:
    rig.script({"tokens": 10_000, "gap_ms": 5})
    started = asyncio.Event()

    async def read() -> None:
        async for _ in rig.port.stream(ask(), rig.endpoint):
            started.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(started.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await rig.until_closed_early()


async def test_cancelling_before_the_first_token_closes_the_upstream_too(rig: Rig) -> None:
    if rig.provider is None:
        return
    rig.script({"fail": "hang-first"})
    task = asyncio.create_task(collect(rig, ask()))
    await asyncio.to_thread(rig.provider.wait_until, lambda it: it.stats()["open_streams"] == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await rig.until_closed_early()


async def test_streams_side_by_side_do_not_mix(rig: Rig) -> None:
    rig.script(
        *({"when": f"number {number}$", "reply": f"answer {number} " * 20} for number in range(8))
    )
    answers = await asyncio.gather(*(collect(rig, ask(f"number {n}")) for n in range(8)))
    assert [text_of(events) for events in answers] == [f"answer {n} " * 20 for n in range(8)]


async def test_a_probe_finds_a_living_endpoint(rig: Rig) -> None:
    found = await rig.port.probe(rig.endpoint)
    assert found.ok
    assert found.problem == ""


@pytest.mark.parametrize("adapter", [OpenAIWire, LiteLLM])
async def test_nobody_at_the_address_is_unreachable(adapter: type[OpenAIWire | LiteLLM]) -> None:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{plug.getsockname()[1]}"
        kind = "anthropic" if adapter is LiteLLM else "openai-compatible"
        endpoint = Endpoint(address, Secret(KEY), kind, "simulated")
        rig = Rig("", adapter(), endpoint, None)
        _, error = await collect_until_error(rig, ask(attempts=1))
        await rig.port.close()
    assert error.code == "model-unreachable"


@pytest.mark.parametrize("adapter", [OpenAIWire, LiteLLM])
async def test_an_address_that_may_not_be_called_is_never_connected_to(
    adapter: type[OpenAIWire | LiteLLM], provider: SimulatedProvider
) -> None:
    provider.reset()
    before = provider.stats()["accepted"]
    kind = "anthropic" if adapter is LiteLLM else "openai-compatible"
    for host in ("127.0.0.1", "localhost", "0x7f.1"):
        address = f"http://{host}:{provider.port}"
        endpoint = Endpoint(address, Secret(KEY), kind, "simulated", allow_private=False)
        rig = Rig("", adapter(), endpoint, None)
        _, error = await collect_until_error(rig, ask(attempts=1))
        await rig.port.close()
        assert error.code == "address-refused"
    assert provider.captured() == []
    # Only the calls of this test itself: one for the records, one for the counters.
    assert provider.stats()["accepted"] == before + 2


async def test_the_key_is_sent_to_the_provider_and_shown_nowhere(rig: Rig) -> None:
    if rig.provider is None:
        return
    rig.script({"reply": "ok"})
    await collect(rig, ask())
    headers = rig.provider.captured(1)[0]["headers"]
    sent = [headers.get(name, "") for name in ("authorization", "x-api-key", "x-goog-api-key")]
    assert KEY in "".join(sent)
    assert KEY not in f"{rig.endpoint!r} {rig.endpoint} {rig.endpoint.api_key}"
