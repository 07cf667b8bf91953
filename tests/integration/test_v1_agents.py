"""A tenant's agents as models of `/v1`: persona, memory and the same conversation again."""

from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.support.simulator import SimulatedProvider
from tests.support.v1 import calls, make_key, openai_client
from tests.support.web import Client, Web

AGENT = "agent/soma"


@pytest.fixture
def client(web: Web, model: SimulatedProvider) -> OpenAI:
    return openai_client(web, make_key(web)["secret"])


def said(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def test_an_agent_is_a_model_that_answers_as_itself(
    web: Web, client: OpenAI, model: SimulatedProvider
) -> None:
    assert AGENT in [one.id for one in client.models.list()]
    assert client.models.retrieve(AGENT).owned_by == "agent"
    model.script({"reply": "I am Soma."})
    told = client.chat.completions.create(model=AGENT, messages=said("Who are you?"))
    assert told.choices[0].message.content == "I am Soma."
    assert told.usage is not None
    assert told.usage.total_tokens > 0
    asked = next(one for one in model.captured() if "Who are you?" in str(one["body"]))
    assert "You are Soma" in asked["body"]["messages"][0]["content"]
    recorded = next(one for one in calls(web, expected=1) if one["kind"] == "chat")
    ann = Client(web, "ann")
    assert recorded["agent_id"] == ann.agent_id()
    assert recorded["key_id"] == ann.get("/gateway/keys").json()["items"][0]["id"]


def test_it_goes_on_in_the_same_conversation(
    web: Web, client: OpenAI, model: SimulatedProvider
) -> None:
    model.script({"reply": "Noted."})
    first: Any = said("My cat is called Nora.")
    chunks = list(client.chat.completions.create(model=AGENT, messages=first, stream=True))
    answer = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert answer == "Noted."
    then = [*first, {"role": "assistant", "content": answer}, *said("What is she called?")]
    client.chat.completions.create(model=AGENT, messages=then)
    listed = Client(web, "ann").get("/chat/conversations").json()["items"]
    assert len(listed) == 1
    # What is not known here is put in front of the question.
    other = [*said("I like tea."), {"role": "assistant", "content": "Fine."}, *said("And now?")]
    client.chat.completions.create(model=AGENT, messages=other)
    listed = Client(web, "ann").get("/chat/conversations").json()["items"]
    assert len(listed) == 2
    assert any("user: I like tea." in str(one["body"]) for one in model.captured())


def test_what_an_agent_cannot_do_is_said(
    web: Web, client: OpenAI, model: SimulatedProvider
) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="agent/unheard-of", messages=said("x"))
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(
            model=AGENT, messages=said("x"), response_format={"type": "json_object"}
        )
    assert refused.value.param == "response_format"
    without = openai_client(web, make_key(web, scopes=["chat", "models"])["secret"])
    assert AGENT not in [one.id for one in without.models.list()]
    with pytest.raises(openai.PermissionDeniedError):
        without.chat.completions.create(model=AGENT, messages=said("x"))


def test_who_goes_away_stops_the_agent(web: Web, client: OpenAI, model: SimulatedProvider) -> None:
    model.script(defaults={"gap_ms": 20, "tokens": 1_000})
    with client.chat.completions.create(model=AGENT, messages=said("x"), stream=True) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    model.wait_until(lambda one: one.stats()["open_streams"] == 0, within_s=2)
    recorded = next(one for one in calls(web) if one["kind"] == "chat")
    assert recorded["state"] == "cancelled"


def test_a_budget_of_a_key_binds_its_agents_too(web: Web, model: SimulatedProvider) -> None:
    made = make_key(web)
    budget = {
        "metric": "tokens", "subject": "key", "subject_id": made["key"]["id"], "period": "day",
        "limit_micros": 1,
    }  # fmt: skip
    assert Client(web, "admin").post("/gateway/budgets", budget).status_code == 201
    with pytest.raises(openai.APIStatusError) as refused:
        openai_client(web, made["secret"]).chat.completions.create(model=AGENT, messages=said("x"))
    assert "budget" in refused.value.message
    assert model.captured() == []


def test_rates_of_an_agent_are_corrected_by_what_it_used(
    web: Web, model: SimulatedProvider
) -> None:
    # It takes longer than what was counted for it stands in the bucket.
    model.script(defaults={"gap_ms": 20, "tokens": 200})
    client = openai_client(web, make_key(web, tokens_a_minute=1_200)["secret"])
    first = client.chat.completions.create(model=AGENT, messages=said("Hello"))
    assert first.usage is not None
    told = client.chat.completions.with_raw_response.create(model=AGENT, messages=said("Hello"))
    # Its instructions and memories count as well, of which the request says nothing.
    left = int(told.headers["x-ratelimit-remaining-tokens"])
    assert left <= 1_200 - first.usage.total_tokens + 200
