"""The router: adapter by kind, breaker by model, numbers for operators."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from prometheus_client import REGISTRY

from gateway.adapters.scripted import ScriptedModel
from gateway.errors import ModelBadResponse, ModelError, ModelResting
from gateway.parts import Message, ModelRequest, StreamEvent, TextDelta
from gateway.ports import Endpoint, EndpointProbe, Secret
from gateway.router import ModelRouter
from gateway.simulator.script import Plan, parse_script

REQUEST = ModelRequest("", (Message.of_text("user", "hi"),), attempts=1)
LOCAL = Endpoint("http://x/v1", Secret(""), "vllm", "m")


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def text_of(router: ModelRouter, endpoint: Endpoint) -> str:
    events = [event async for event in router.stream(REQUEST, endpoint)]
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_the_kind_chooses_the_adapter() -> None:
    router = ModelRouter(
        {"openai": ScriptedModel.replying("wire"), "litellm": ScriptedModel.replying("library")}
    )
    assert await text_of(router, LOCAL) == "wire"
    assert await text_of(router, Endpoint("", Secret("k"), "anthropic", "m")) == "library"
    with pytest.raises(ModelError) as caught:
        await text_of(router, Endpoint("", Secret("k"), "unheard-of", "m"))
    assert caught.value.code == "model-not-found"


async def test_outcomes_and_tokens_are_counted() -> None:
    model = ScriptedModel(parse_script([{"tokens": 3, "times": 1}, {"fail": "401"}], Plan()))
    router = ModelRouter({"openai": model})
    names = {"provider_kind": "vllm"}
    ok = counted("soma_model_requests_total", outcome="ok", **names)
    refused = counted("soma_model_requests_total", outcome="model-auth-failed", **names)
    out = counted("soma_model_tokens_total", direction="output")
    firsts = counted("soma_model_first_token_seconds_count", **names)
    await text_of(router, LOCAL)
    with pytest.raises(ModelError):
        await text_of(router, LOCAL)
    assert counted("soma_model_requests_total", outcome="ok", **names) == ok + 1
    assert counted("soma_model_requests_total", outcome="model-auth-failed", **names) == refused + 1
    assert counted("soma_model_tokens_total", direction="output") == out + 3
    assert counted("soma_model_first_token_seconds_count", **names) == firsts + 1


async def test_a_consumer_that_leaves_early_is_counted_as_cancelled_and_closes_the_model() -> None:
    model = ScriptedModel()
    router = ModelRouter({"openai": model})
    before = counted("soma_model_requests_total", outcome="cancelled", provider_kind="vllm")
    async with aclosing(router.stream(REQUEST, LOCAL)) as events:
        async for _ in events:
            break
    assert model.closed_early == 1
    after = counted("soma_model_requests_total", outcome="cancelled", provider_kind="vllm")
    assert after == before + 1


async def test_ill_health_opens_the_breaker_of_that_model_alone() -> None:
    model = ScriptedModel(parse_script([{"fail": "500", "times": 3}], Plan(tokens=1)))
    router = ModelRouter({"openai": model})
    for _ in range(3):
        with pytest.raises(ModelError):
            await text_of(router, LOCAL)
    with pytest.raises(ModelResting) as caught:
        await text_of(router, LOCAL)
    assert caught.value.retry_after is not None
    other = Endpoint("http://x/v1", Secret(""), "vllm", "another")
    assert await text_of(router, other) == "word0 "


async def test_wrong_settings_do_not_open_the_breaker() -> None:
    model = ScriptedModel(parse_script([{"fail": "401", "times": 5}], Plan(tokens=1)))
    router = ModelRouter({"openai": model})
    for _ in range(5):
        with pytest.raises(ModelError) as caught:
            await text_of(router, LOCAL)
        assert caught.value.code == "model-auth-failed"
    assert await text_of(router, LOCAL) == "word0 "


class Defective:
    """An adapter with a bug."""

    async def stream(
        self, request: ModelRequest, endpoint: Endpoint
    ) -> AsyncGenerator[StreamEvent, None]:
        yield TextDelta("so far")
        raise KeyError("sk-secret")

    async def probe(self, endpoint: Endpoint, timeout_s: float = 2.0) -> EndpointProbe:
        return EndpointProbe(ok=True)

    async def close(self) -> None:
        """Nothing is held."""


async def test_a_defect_in_an_adapter_is_a_model_that_is_down() -> None:
    router = ModelRouter({"openai": Defective()})
    seen: list[StreamEvent] = []
    with pytest.raises(ModelBadResponse) as caught:
        async for event in router.stream(REQUEST, LOCAL):
            seen.append(event)  # the list must survive the error
    assert seen == [TextDelta("so far")]
    assert "sk-secret" not in str(caught.value.problem())
