"""What streams of OpenAI-compatible servers mean, with all that servers get wrong."""

from typing import Any

import orjson
import pytest

from gateway.adapters.openai_fold import OpenAIFold
from gateway.parts import Finished, ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta, Usage
from gateway.sse import SseEvent


def sse(*chunks: Any) -> list[SseEvent]:
    return [
        SseEvent(b"", chunk if isinstance(chunk, bytes) else orjson.dumps(chunk))
        for chunk in chunks
    ]


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def fold(*chunks: Any) -> list[StreamEvent]:
    state = OpenAIFold(input_estimate=7)
    events = state.take(sse(*chunks))
    assert state.error is None
    return events + state.ending()


def test_text_of_one_read_leaves_as_one_delta() -> None:
    events = fold(
        delta(role="assistant", content=""), *(delta(content=c) for c in "abc"), b"[DONE]"
    )
    assert events[0] == TextDelta("abc")
    assert len(events) == 3


def test_order_of_text_reasoning_and_calls_is_kept() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}
    events = fold(
        delta(reasoning_content="hm"),
        delta(content="a"),
        delta(content="b"),
        delta(tool_calls=[call]),
        delta(content="c", finish="stop"),
    )
    assert events[:4] == [
        ReasoningDelta("hm"),
        TextDelta("ab"),
        ToolCallDelta(0, "c", "f", "{"),
        TextDelta("c"),
    ]
    # A server that ends a tool call with "stop" still means that calls are to be answered.
    assert events[-1] == Finished("tool_calls")


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("eos", "stop"),
    ],
)
def test_reasons(told: str, meant: str) -> None:
    assert fold(delta(content="x"), delta(finish=told))[-1] == Finished(meant)  # type: ignore[arg-type]


def test_usage_is_taken_from_wherever_it_comes_and_the_last_counts() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    running = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}}
    assert fold(delta(content="x"), running, {"choices": [], "usage": usage})[-2] == Usage(
        5, 2, counted=True
    )
    assert fold({**delta(content="x", finish="stop"), "usage": usage})[-2].counted  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "usage", [None, {}, [], "many", {"prompt_tokens": "5"}, {"prompt_tokens": -1}]
)
def test_without_a_usable_count_it_is_estimated_and_marked(usage: Any) -> None:
    told = fold({**delta(content="four words are here"), "usage": usage})[-2]
    assert isinstance(told, Usage)
    assert not told.counted
    assert told.input_tokens == 7
    assert told.output_tokens > 0


def test_a_finish_that_comes_twice_counts_once() -> None:
    events = fold(delta(content="x"), delta(finish="length"), delta(finish="stop"), b"[DONE]")
    assert events[-1] == Finished("length")
    assert sum(isinstance(event, Finished) for event in events) == 1


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": {}},
        {"choices": [None]},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": []}]},
        {"choices": [{"delta": {"content": None}}]},
        {"choices": [{"delta": {"content": 7}}]},
        {"choices": [{"delta": {"tool_calls": [None, {}, {"function": None}]}}]},
        {"choices": [{"delta": {"tool_calls": {}}}]},
        {"error": None},
        b" ",
    ],
)
def test_odd_chunks_do_no_harm(odd: Any) -> None:
    events = fold(odd, delta(content="fine"), b"[DONE]")
    assert TextDelta("fine") in events


def test_content_as_parts() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "yes"},
        "odd",
    ]
    assert fold(delta(content=parts))[:2] == [ReasoningDelta("hm"), TextDelta("yes")]


def test_a_refusal_is_shown_and_marked() -> None:
    events = fold(delta(refusal="I cannot."), delta(finish="stop"))
    assert events[0] == TextDelta("I cannot.")
    assert events[-1] == Finished("content_filter")


def test_arguments_given_as_an_object_become_text() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": {"a": 1}}}
    assert fold(delta(tool_calls=[call]))[0] == ToolCallDelta(0, "c", "f", '{"a":1}')


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b'{"choices": [{"de', "model-bad-response"),
        (b"[1]", "model-bad-response"),
        (b"null", "model-bad-response"),
        ({"error": {"message": "boom sk-1", "code": 429}}, "model-rate-limited"),
        ({"error": {"message": "boom", "code": "context_length_exceeded"}}, "context-too-long"),
        ({"error": "boom"}, "model-server-error"),
    ],
)
def test_what_came_before_an_error_is_given_out_first(bad: Any, code: str) -> None:
    state = OpenAIFold()
    assert state.take(sse(delta(content="so far"), bad, delta(content="never"))) == [
        TextDelta("so far")
    ]
    assert state.error is not None
    assert state.error.code == code
    assert "sk-1" not in str(state.error.problem())


def test_a_named_error_event_is_an_error() -> None:
    state = OpenAIFold()
    state.take([SseEvent(b"error", b'{"message": "overloaded"}')])
    assert state.error is not None


def test_a_whole_completion_means_the_same_as_its_stream() -> None:
    state = OpenAIFold()
    state.is_whole = True
    whole = {
        "choices": [
            {"message": {"role": "assistant", "content": "all"}, "finish_reason": "length"}
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
    events = state.take(sse(whole)) + state.ending()
    assert events == [TextDelta("all"), Usage(1, 1, counted=True), Finished("length")]


def test_completeness_needs_a_word_of_the_provider() -> None:
    state = OpenAIFold()
    state.take(sse(delta(content="x")))
    assert state.started
    assert not state.is_complete
    state.take(sse(delta(finish="stop")))
    assert state.is_complete
