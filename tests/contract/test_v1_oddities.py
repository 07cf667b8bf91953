"""What is odd about requests, providers, prices and clocks: answered in form, recorded aright."""

from typing import Any

import openai
import pytest
from openai import OpenAI

from gateway.v1 import asking
from gateway.v1.shape import ApiError
from tests.support.simulator import SimulatedProvider
from tests.support.v1 import calls, make_key, openai_client
from tests.support.web import Client, Web

MESSAGES: list[Any] = [{"role": "user", "content": "Hello there"}]


@pytest.fixture
def client(web: Web, model: SimulatedProvider) -> OpenAI:
    return openai_client(web, make_key(web)["secret"])


def test_json_that_is_cut_at_any_byte_is_refused() -> None:
    whole = '{"model": "m", "messages": [{"role": "user", "content": "Grüße 世界"}]}'.encode()
    for end in range(len(whole)):
        with pytest.raises(ApiError) as refused:
            asking.read("chat", whole[:end])
        assert refused.value.api_code == "invalid_json"


def test_events_that_come_twice_are_passed_on_and_counted_once(
    web: Web, client: OpenAI, model: SimulatedProvider
) -> None:
    model.script({"reply": "one two", "fail": "twice"})
    chunks = list(client.chat.completions.create(model="scripted", messages=MESSAGES, stream=True))
    assert [c.choices[0].delta.content for c in chunks if c.choices[0].delta.content] == [
        "one", "one", " two", " two",
    ]  # fmt: skip
    (call,) = calls(web)
    assert (call["output_tokens"], call["counted"], call["state"]) == (2, True, "ok")


@pytest.mark.parametrize("stream", [False, True])
def test_tokens_below_zero_are_not_believed(
    web: Web, client: OpenAI, model: SimulatedProvider, stream: bool
) -> None:
    model.script({"reply": "one two", "fail": "negative-usage"})
    told = client.chat.completions.create(model="scripted", messages=MESSAGES, stream=stream)
    if stream:
        list(told)  # type: ignore[call-overload]
    (call,) = calls(web)
    assert (call["counted"], call["state"]) == (False, "ok")
    assert call["input_tokens"] > 0
    assert call["output_tokens"] > 0


def test_half_an_answer_in_one_piece_is_a_failure(
    web: Web, client: OpenAI, model: SimulatedProvider
) -> None:
    model.script({"fail": "half-json"})
    with pytest.raises(openai.InternalServerError) as refused:
        client.chat.completions.create(model="scripted", messages=MESSAGES)
    assert refused.value.code == "model_bad_response"
    assert calls(web)[0]["state"] == "failed"


@pytest.mark.parametrize("fail", ["", "not-streamed"])
def test_older_completions_stream_their_text(
    web: Web, client: OpenAI, model: SimulatedProvider, fail: str
) -> None:
    model.script({"reply": "and so on", "fail": fail})
    chunks = list(client.completions.create(model="scripted", prompt="Once", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == "and so on"
    assert calls(web)[0]["output_tokens"] == 3


def test_no_price_is_below_zero(web: Web, client: OpenAI) -> None:
    platform = Client(web, "platform")
    model_id = platform.get("/gateway/models").json()["items"][0]["id"]
    for name in ("input_micros", "output_micros", "cached_micros"):
        price = {"input_micros": 1, "output_micros": 1, name: -1}
        assert platform.put(f"/gateway/models/{model_id}/price", price).status_code == 422
    client.chat.completions.create(model="scripted", messages=MESSAGES)
    assert calls(web)[0]["cost_micros"] == 0


def test_a_model_under_api_v2(web: Web, client: OpenAI) -> None:
    v2 = client.with_options(base_url=f"{web.base}/api/v2")
    assert v2.models.retrieve("scripted").id == "scripted"
    with pytest.raises(openai.NotFoundError):
        v2.models.retrieve("unheard-of")
