"""Conformance of `/v1`: every feature that clients use, through the clients that people use.

What is sent arrives at the provider as it was sent; what the provider answers, the client
understands. The provider is simulated, everything else is real.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.support.simulator import SimulatedProvider
from tests.support.v1 import make_key, openai_client
from tests.support.web import ROOT, Web

MESSAGES: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "How warm is it in Oslo?"},
]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a place",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "required": ["place"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
CALLS = [
    {"name": "weather", "arguments": {"place": "Oslo"}},
    {"name": "weather", "arguments": {"place": "Bergen"}},
]
PICTURE = "data:image/png;base64," + base64.b64encode(b"\x89PNG" + bytes(2_000)).decode()
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "weather",
        "strict": True,
        "schema": {"type": "object", "properties": {"degrees": {"type": "number"}}},
    },
}
# Everything that OpenAI's reference lists for a chat completion and that this API passes on.
FIELDS: dict[str, Any] = {
    "temperature": 0.25,
    "top_p": 0.5,
    "stop": ["END"],
    "seed": 7,
    "user": "person-1",
    "max_tokens": 64,
    "max_completion_tokens": 64,
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
    "logit_bias": {"50256": -100},
    "response_format": {"type": "json_object"},
    "tools": [WEATHER],
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "parallel_tool_calls": False,
    "reasoning_effort": "low",
    "metadata": {"run": "1"},
    "store": False,
    "service_tier": "auto",
    "modalities": ["text"],
    "prediction": {"type": "content", "content": "It is"},
    "logprobs": True,
    "top_logprobs": 2,
    "verbosity": "low",
    "n": 2,
}


@pytest.fixture
def secret(web: Web, model: SimulatedProvider) -> str:
    return str(make_key(web)["secret"])


@pytest.fixture
def client(web: Web, secret: str) -> Iterator[OpenAI]:
    with openai_client(web, secret) as one:
        yield one


def asked(model: SimulatedProvider) -> dict[str, Any]:
    return dict(model.captured(1)[0]["body"])


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_arrives_as_it_was_sent(
    client: OpenAI, model: SimulatedProvider, name: str
) -> None:
    told = client.chat.completions.create(
        model="scripted", messages=MESSAGES, **{name: FIELDS[name]}
    )
    assert told.choices[0].message.role == "assistant"
    body = asked(model)
    assert body == {"model": "scripted", "messages": MESSAGES, name: FIELDS[name]}


@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"n", "logprobs", "top_logprobs"}))
def test_a_field_arrives_in_a_stream_too(
    client: OpenAI, model: SimulatedProvider, name: str
) -> None:
    chunks = list(
        client.chat.completions.create(
            model="scripted", messages=MESSAGES, stream=True, **{name: FIELDS[name]}
        )
    )
    assert chunks[-1].choices[0].finish_reason == "stop"
    body = asked(model)
    assert body[name] == FIELDS[name]
    assert body["messages"] == MESSAGES


def test_several_answers_and_their_probabilities(client: OpenAI, model: SimulatedProvider) -> None:
    model.script({"reply": "warm today"})
    told = client.chat.completions.create(
        model="scripted", messages=MESSAGES, n=3, logprobs=True, top_logprobs=1
    )
    assert [choice.index for choice in told.choices] == [0, 1, 2]
    content = told.choices[0].logprobs.content  # type: ignore[union-attr]
    assert [one.token for one in content or ()] == ["warm", "today"]


def test_parallel_tool_calls_and_their_results(client: OpenAI, model: SimulatedProvider) -> None:
    # By its words: see test_v1_responses.
    model.script(
        {"when": "^How warm", "tool_calls": CALLS, "times": 1}, {"reply": "Twelve degrees."}
    )
    told = client.chat.completions.create(model="scripted", messages=MESSAGES, tools=[WEATHER])  # type: ignore[list-item]
    calls = told.choices[0].message.tool_calls or []
    assert told.choices[0].finish_reason == "tool_calls"
    assert [json.loads(call.function.arguments)["place"] for call in calls] == ["Oslo", "Bergen"]  # type: ignore[union-attr]
    results: list[Any] = [
        {"role": "tool", "tool_call_id": call.id, "content": "12"} for call in calls
    ]
    message: Any = told.choices[0].message.model_dump(exclude_none=True)
    told = client.chat.completions.create(
        model="scripted",
        messages=[*MESSAGES, message, *results],
        tools=[WEATHER],  # type: ignore[list-item]
    )
    assert told.choices[0].message.content == "Twelve degrees."
    assert asked(model)["messages"][3:] == results


def test_tool_calls_in_a_stream_add_up(client: OpenAI, model: SimulatedProvider) -> None:
    model.script({"tool_calls": CALLS})
    with client.chat.completions.stream(
        model="scripted",
        messages=MESSAGES,
        tools=[WEATHER],  # type: ignore[list-item]
    ) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls or []
    assert [call.function.parsed_arguments for call in calls] == [
        {"place": "Oslo"}, {"place": "Bergen"},
    ]  # fmt: skip


class Weather(BaseModel):
    """What the model answers with."""

    degrees: float
    is_raining: bool


def test_answers_of_a_schema_are_parsed(client: OpenAI, model: SimulatedProvider) -> None:
    model.script({"reply": '{"degrees": 12.5, "is_raining": false}'})
    told = client.chat.completions.parse(
        model="scripted", messages=MESSAGES, response_format=Weather
    )
    assert told.choices[0].message.parsed == Weather(degrees=12.5, is_raining=False)
    assert asked(model)["response_format"]["json_schema"]["strict"] is True


def test_pictures_are_passed_on_and_not_counted_as_text(
    client: OpenAI, model: SimulatedProvider
) -> None:
    content: list[Any] = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
    ]
    client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": content}]
    )
    assert asked(model)["messages"][0]["content"] == content


def test_thoughts_of_a_model_are_passed_on(client: OpenAI, model: SimulatedProvider) -> None:
    model.script({"reasoning": "Oslo is in Norway.", "reply": "Cold."})
    chunks = list(client.chat.completions.create(model="scripted", messages=MESSAGES, stream=True))
    thoughts = [
        (chunk.choices[0].delta.model_extra or {}).get("reasoning_content") for chunk in chunks
    ]
    assert "".join(filter(None, thoughts)) == "Oslo is in Norway."


def test_usage_at_the_end_of_a_stream_when_it_is_asked_for(
    client: OpenAI, model: SimulatedProvider
) -> None:
    chunks = list(
        client.chat.completions.create(
            model="scripted", messages=MESSAGES, stream=True,
            stream_options={"include_usage": True},
        )
    )  # fmt: skip
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens > 0


async def test_the_asynchronous_client(web: Web, secret: str, model: SimulatedProvider) -> None:
    model.script({"reply": "Cold."})
    import httpx

    async with httpx.AsyncClient(trust_env=False) as http:
        client = AsyncOpenAI(api_key=secret, base_url=f"{web.base}/v1", http_client=http)
        stream = await client.chat.completions.create(
            model="scripted", messages=MESSAGES, stream=True
        )
        text = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(text) == "Cold."


def test_completions_of_one_and_of_several_prompts(
    client: OpenAI, model: SimulatedProvider
) -> None:
    model.script({"reply": "and so on"})
    one = client.completions.create(model="scripted", prompt="Once", max_tokens=9, suffix=".")
    assert one.choices[0].text == "and so on"
    assert asked(model)["suffix"] == "."
    many = client.completions.create(model="scripted", prompt=["Once", "Twice"], n=2)
    assert len(many.choices) == 4


@pytest.mark.parametrize(
    "given",
    ["one", ["one", "two"], [1, 2, 3], [[1, 2], [3]]],
    ids=["text", "texts", "ids", "lists"],
)
def test_embeddings_of_texts_and_of_tokens(
    client: OpenAI, model: SimulatedProvider, given: Any
) -> None:
    told = client.embeddings.create(model="scripted", input=given, dimensions=64)
    assert len(told.data[0].embedding) == 64
    assert asked(model)["input"] == given


@pytest.mark.parametrize(
    ("fail", "kind"),
    [
        ("context", openai.BadRequestError),
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("401", openai.InternalServerError),
    ],
)
def test_failures_are_the_classes_that_a_client_knows(
    client: OpenAI, model: SimulatedProvider, fail: str, kind: type[Exception]
) -> None:
    model.script({"fail": fail})
    with pytest.raises(kind):
        client.chat.completions.create(model="scripted", messages=MESSAGES)


NODE = """
import OpenAI from "openai";
const client = new OpenAI({ apiKey: process.env.KEY, baseURL: process.env.BASE, maxRetries: 0 });
const messages = [{ role: "user", content: "How warm is it?" }];
const tools = JSON.parse(process.env.TOOLS);
const found = {};
const whole = await client.chat.completions.create({ model: "scripted", messages, seed: 7 });
found.whole = whole.choices[0].message.content;
found.usage = whole.usage.total_tokens > 0;
const stream = await client.chat.completions.create({ model: "scripted", messages, stream: true,
  stream_options: { include_usage: true } });
found.streamed = ""; found.counted = false;
for await (const chunk of stream) {
  found.streamed += chunk.choices[0]?.delta?.content ?? "";
  found.counted ||= Boolean(chunk.usage);
}
const run = client.chat.completions.stream({ model: "scripted", tools,
  messages: [{ role: "user", content: "Use a tool" }] });
const final = await run.finalChatCompletion();
const calls = final.choices[0].message.tool_calls;
found.tools = calls.map((call) => JSON.parse(call.function.arguments));
const vectors = await client.embeddings.create({ model: "scripted", input: ["one", "two"] });
found.vectors = vectors.data.length;
const ids = (await client.models.list()).data.map((one) => one.id);
found.models = ids.filter((id) => !id.startsWith("agent/"));
try {
  await client.chat.completions.create({ model: "unheard-of", messages });
} catch (error) {
  found.error = [error.constructor.name, error.status, error.code];
}
const abort = new AbortController();
const cut = await client.chat.completions.create(
  { model: "scripted", messages: [{ role: "user", content: "Go on for long" }], stream: true },
  { signal: abort.signal });
for await (const chunk of cut) { abort.abort(); break; }
console.log(JSON.stringify(found));
"""


def test_the_official_client_of_node(
    web: Web, secret: str, model: SimulatedProvider, tell_features: Callable[[int], None]
) -> None:
    frontend = ROOT / "webui" / "frontend"
    if not (frontend / "node_modules" / "openai").exists():
        pytest.skip("the interface's packages are not installed: ./soma ui")
    model.script(
        {"when": "tool", "tool_calls": CALLS},
        {"when": "long", "gap_ms": 20, "tokens": 1_000},
        {"reply": "Quite warm."},
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", NODE],
        cwd=frontend,
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin", "KEY": secret, "BASE": f"{web.base}/v1",
            "TOOLS": json.dumps([WEATHER]),
        },
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    tell_features(len(found))
    assert found == {
        "whole": "Quite warm.",
        "usage": True,
        "streamed": "Quite warm.",
        "counted": True,
        "tools": [{"place": "Oslo"}, {"place": "Bergen"}],
        "vectors": 2,
        "models": ["scripted"],
        "error": ["NotFoundError", 404, "model_not_found"],
    }
    model.wait_until(lambda one: one.stats()["open_streams"] == 0)


# In a process of its own: it changes much on import.
LITELLM = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_MODE="PRODUCTION")
import litellm
litellm.suppress_debug_info = True
base, key, tools = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
common = {"model": "openai/scripted", "api_base": base, "api_key": key, "num_retries": 0}
messages = [{"role": "user", "content": "How warm is it?"}]
whole = litellm.completion(messages=messages, seed=7, **common)
streamed = litellm.completion(messages=messages, stream=True, **common)
text = "".join(chunk.choices[0].delta.content or "" for chunk in streamed)
asked = [{"role": "user", "content": "Use a tool"}]
called = litellm.completion(messages=asked, tools=tools, _skip_mcp_handler=True, **common)
vectors = litellm.embedding(input=["one", "two"], encoding_format="float", **common)
try:
    litellm.completion(messages=messages, **{**common, "model": "openai/unheard-of"})
    error = ""
except Exception as exc:
    error = type(exc).__name__
print(json.dumps({
    "whole": whole.choices[0].message.content, "usage": whole.usage.total_tokens > 0,
    "streamed": text, "vectors": len(vectors.data), "error": error,
    "tools": [json.loads(c.function.arguments) for c in called.choices[0].message.tool_calls],
}))
"""


def test_litellm_as_a_client(
    web: Web, secret: str, model: SimulatedProvider, tell_features: Callable[[int], None]
) -> None:
    model.script({"when": "tool", "tool_calls": CALLS}, {"reply": "Quite warm."})
    done = subprocess.run(
        [sys.executable, "-c", LITELLM, f"{web.base}/v1", secret, json.dumps([WEATHER])],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    tell_features(len(found))
    assert found == {
        "whole": "Quite warm.",
        "usage": True,
        "streamed": "Quite warm.",
        "vectors": 2,
        "error": "NotFoundError",
        "tools": [{"place": "Oslo"}, {"place": "Bergen"}],
    }
