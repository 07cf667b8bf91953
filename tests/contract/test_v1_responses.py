"""`/v1/responses` through the official client: whole, streamed, with functions, going on."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.support.simulator import SimulatedProvider
from tests.support.v1 import calls, make_key, openai_client
from tests.support.web import Web

FUNCTION: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a place",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    "strict": True,
}


@pytest.fixture
def client(web: Web, model: SimulatedProvider) -> Iterator[OpenAI]:
    with openai_client(web, make_key(web)["secret"]) as one:
        yield one


def asked(model: SimulatedProvider) -> dict[str, Any]:
    return dict(model.captured(1)[0]["body"])


def test_a_response_in_one_piece(web: Web, client: OpenAI, model: SimulatedProvider) -> None:
    model.script({"reply": "It is cold."})
    told = client.responses.create(
        model="scripted", input="How is it?", instructions="Be brief.", temperature=0.5,
        max_output_tokens=50, metadata={"run": "1"}, reasoning={"effort": "low"},
    )  # fmt: skip
    assert told.output_text == "It is cold."
    assert (told.status, told.object) == ("completed", "response")
    assert told.usage is not None
    assert told.usage.output_tokens == 3
    body = asked(model)
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "How is it?"},
    ]  # fmt: skip
    assert (body["max_tokens"], body["reasoning_effort"]) == (50, "low")
    (call,) = calls(web)
    assert (call["output_tokens"], call["counted"]) == (3, True)


def test_a_response_as_events(client: OpenAI, model: SimulatedProvider) -> None:
    model.script({"reply": "one two three"})
    with client.responses.stream(model="scripted", input="Count") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert final.output_text == "one two three"
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added",
        "response.content_part.added",
    ]  # fmt: skip
    assert kinds[-4:] == [
        "response.output_text.done", "response.content_part.done", "response.output_item.done",
        "response.completed",
    ]  # fmt: skip
    numbers = [event.sequence_number for event in events if hasattr(event, "sequence_number")]
    assert numbers == list(range(len(numbers)))


def test_functions_and_their_results_by_the_previous_response(
    client: OpenAI, model: SimulatedProvider
) -> None:
    calls_ = [{"name": "weather", "arguments": {"place": place}} for place in ("Oslo", "Bergen")]
    # By its words: what an earlier test left to the worker must not take the first answer.
    rule = {"when": "^Compare$", "times": 1}
    model.script({**rule, "tool_calls": calls_}, {"reply": "Both are cold."})
    first = client.responses.create(model="scripted", input="Compare", tools=[FUNCTION])
    asked_for = [item for item in first.output if item.type == "function_call"]
    assert [item.arguments for item in asked_for] == ['{"place": "Oslo"}', '{"place": "Bergen"}']
    results: Any = [
        {"type": "function_call_output", "call_id": item.call_id, "output": "2"}
        for item in asked_for
    ]
    second = client.responses.create(
        model="scripted", input=results, tools=[FUNCTION], previous_response_id=first.id
    )
    assert second.output_text == "Both are cold."
    roles = [message["role"] for message in asked(model)["messages"]]
    assert roles == ["user", "assistant", "tool", "tool"]
    assert asked(model)["tools"][0]["function"]["name"] == "weather"


def test_the_same_without_a_previous_response(client: OpenAI, model: SimulatedProvider) -> None:
    given: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "Compare"}]},
        {"type": "function_call", "call_id": "a", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "2"},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "And this?"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            ],
        },
    ]
    client.responses.create(model="scripted", input=given, store=False)
    messages = asked(model)["messages"]
    assert [one["role"] for one in messages] == ["system", "user", "assistant", "tool", "user"]
    assert messages[1]["content"] == "Compare"
    assert messages[4]["content"][1]["image_url"]["url"].startswith("data:image/png")


def test_a_conversation_goes_on_and_instructions_do_not(
    client: OpenAI, model: SimulatedProvider
) -> None:
    model.script({"reply": "Noted."})
    first = client.responses.create(
        model="scripted", input="I am Nora.", instructions="Speak Latin."
    )
    client.responses.create(model="scripted", input="Who am I?", previous_response_id=first.id)
    assert asked(model)["messages"] == [
        {"role": "user", "content": "I am Nora."},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": "Who am I?"},
    ]


def test_what_is_stored_is_found_by_its_owner_and_can_be_deleted(
    web: Web, client: OpenAI, model: SimulatedProvider
) -> None:
    kept = client.responses.create(model="scripted", input="Keep this")
    assert client.responses.retrieve(kept.id).output_text == kept.output_text
    with openai_client(web, make_key(web, "bob")["secret"]) as bob:
        with pytest.raises(openai.NotFoundError):
            bob.responses.retrieve(kept.id)
        with pytest.raises(openai.NotFoundError):
            bob.responses.create(model="scripted", input="x", previous_response_id=kept.id)
    client.responses.delete(kept.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(kept.id)
    fleeting = client.responses.create(model="scripted", input="Not this", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(fleeting.id)


def test_an_answer_of_a_schema_and_one_that_is_cut(
    client: OpenAI, model: SimulatedProvider
) -> None:
    schema: Any = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}
    told = client.responses.create(model="scripted", input="x", text=schema, max_output_tokens=2)
    assert asked(model)["response_format"] == {
        "type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}},
    }  # fmt: skip
    assert told.status == "incomplete"
    assert told.incomplete_details is not None
    assert told.incomplete_details.reason == "max_output_tokens"


def test_an_agent_responds_too(client: OpenAI, model: SimulatedProvider) -> None:
    model.script({"reply": "I am Soma."})
    assert client.responses.create(model="agent/soma", input="Who?").output_text == "I am Soma."


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": []}, "input"),
        ({"input": [{"type": "computer_call"}]}, "input[0]"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"background": True}, "background"),
        ({"previous_response_id": "resp_unknown"}, "previous_response_id"),
    ],
)
def test_what_is_not_offered_is_said(
    client: OpenAI, model: SimulatedProvider, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        client.responses.create(**{"model": "scripted", "input": "x", **fields})
    assert refused.value.param == param  # type: ignore[attr-defined]
    assert model.captured() == []


@pytest.mark.parametrize("fail", ["cut", "error-event"])
def test_a_response_that_breaks_off_says_so(
    client: OpenAI, model: SimulatedProvider, fail: str
) -> None:
    model.script({"fail": fail, "after": 2, "gap_ms": 5})
    last = list(client.responses.create(model="scripted", input="x", stream=True))[-1]
    assert last.type == "response.failed"
    with pytest.raises(openai.InternalServerError):
        client.responses.create(model="scripted", input="x")
