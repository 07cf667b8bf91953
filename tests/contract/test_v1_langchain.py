"""`langchain-openai` against `/v1`: what chains and agents built with it need."""

import json
import subprocess
import sys
from collections.abc import Callable

from tests.contract.test_v1_clients import CALLS, WEATHER
from tests.support.simulator import SimulatedProvider
from tests.support.v1 import calls, make_key
from tests.support.web import Web

# In a process of its own: it is large, and warns of what it will change itself.
LANGCHAIN = """
import asyncio, json, sys, warnings
warnings.simplefilter("ignore")
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings
from pydantic import BaseModel

class Weather(BaseModel):
    "What the model answers with."
    degrees: float

base, key, tools = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
common = {"model": "scripted", "base_url": base, "api_key": key, "max_retries": 0}
chat = ChatOpenAI(**common, temperature=0.5, seed=7, stream_usage=True)
messages = [SystemMessage("Be brief."), HumanMessage("How warm is it?")]
found = {}
whole = chat.invoke(messages)
found["whole"] = whole.content
found["usage"] = whole.usage_metadata["total_tokens"] > 0
pieces = list(chat.stream(messages))
found["streamed"] = "".join(piece.content for piece in pieces)
told = [piece.usage_metadata for piece in pieces if piece.usage_metadata]
found["stream_usage"] = len(told) == 1 and told[0]["total_tokens"] > 0
found["async"] = asyncio.run(chat.ainvoke(messages)).content
found["batch"] = [one.content for one in chat.batch([messages, messages])]
asked = HumanMessage("Use a tool")
bound = chat.bind_tools(tools, tool_choice="auto", parallel_tool_calls=True)
called = bound.invoke([asked])
found["tools"] = [call["args"] for call in called.tool_calls]
merged = None
for piece in bound.stream([asked]):
    merged = piece if merged is None else merged + piece
found["streamed_tools"] = [call["args"] for call in merged.tool_calls]
results = [ToolMessage("12", tool_call_id=call["id"]) for call in called.tool_calls]
found["after_tools"] = bound.invoke([HumanMessage("And now?"), called, *results,
                                     HumanMessage("Sum up")]).content
question = "A schema, please"
found["schema"] = [
    chat.with_structured_output(Weather, method=method).invoke(question).degrees
    for method in ("json_schema", "json_mode")
]
found["picture"] = chat.invoke([HumanMessage([
    {"type": "text", "text": "What is this?"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
])]).content
found["responses"] = ChatOpenAI(**common, use_responses_api=True).invoke(messages).text
found["completion"] = OpenAI(**common).invoke("Once")
found["completion_streamed"] = "".join(OpenAI(**common).stream("Once"))
vectors = OpenAIEmbeddings(**common, check_embedding_ctx_length=False)
found["vectors"] = [len(vectors.embed_documents(["one", "two"])), len(vectors.embed_query("x")) > 8]
try:
    ChatOpenAI(**{**common, "model": "unheard-of"}).invoke(messages)
except Exception as exc:
    found["error"] = type(exc).__name__
print(json.dumps(found))
"""


def test_langchain_as_a_client(
    web: Web, model: SimulatedProvider, tell_features: Callable[[int], None]
) -> None:
    model.script(
        {"when": "tool", "tool_calls": CALLS},
        {"when": "schema", "reply": '{"degrees": 12.5}'},
        {"reply": "Quite warm."},
    )
    secret = str(make_key(web)["secret"])
    done = subprocess.run(
        [sys.executable, "-c", LANGCHAIN, f"{web.base}/v1", secret, json.dumps([WEATHER])],
        capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    places = [{"place": "Oslo"}, {"place": "Bergen"}]
    found = json.loads(done.stdout.splitlines()[-1])
    tell_features(len(found))
    assert found == {
        "whole": "Quite warm.",
        "usage": True,
        "streamed": "Quite warm.",
        "stream_usage": True,
        "async": "Quite warm.",
        "batch": ["Quite warm.", "Quite warm."],
        "tools": places,
        "streamed_tools": places,
        "after_tools": "Quite warm.",
        "schema": [12.5, 12.5],
        "picture": "Quite warm.",
        "responses": "Quite warm.",
        "completion": "Quite warm.",
        "completion_streamed": "Quite warm.",
        "vectors": [2, True],
        "error": "OpenAIModelNotFoundError",
    }
    assert all(call["counted"] for call in calls(web, expected=15))
