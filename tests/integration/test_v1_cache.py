"""Answers that serve the same question again: whose, for how long, and what the ledger says."""

from typing import Any

import pytest
from openai import OpenAI

from gateway.v1.cache import marked
from gateway.v1.events import as_event
from kernel.valkey import sync_client
from tests.support.simulator import SimulatedProvider
from tests.support.v1 import calls, make_key, openai_client
from tests.support.web import Client, Web, eventually

MESSAGES: list[Any] = [{"role": "user", "content": "Hello there"}]
# Nothing that an earlier test left to the worker (a title, a summary) answers to this.
OURS = {"when": "^Hello there$"}
USAGE = {"stream": True, "stream_options": {"include_usage": True}}


def keep_answers(web: Web, admin: str = "admin", cache_s: int = 60) -> None:
    told = Client(web, admin).put("/gateway/policy", {"cache_s": cache_s})
    assert told.json()["cache_s"] == cache_s


@pytest.fixture
def client(web: Web, model: SimulatedProvider) -> OpenAI:
    keep_answers(web)
    return openai_client(web, make_key(web)["secret"])


def ask(client: OpenAI, **fields: Any) -> tuple[str, bool]:
    """(the answer, whether it was an earlier one)."""
    told = client.chat.completions.with_raw_response.create(
        **{"model": "scripted", "messages": MESSAGES, **fields}
    )
    told.http_response.read()
    return told.text, told.headers.get("x-soma-cache") == "hit"


def reached(model: SimulatedProvider, **asked: Any) -> int:
    """How many requests with these fields the provider got."""
    return sum(asked.items() <= one["body"].items() for one in model.captured())


def decisions_of(web: Web, expected: int) -> list[dict[str, Any]] | None:
    found = Client(web, "admin").get("/gateway/routing/decisions").json()["items"]
    return found if len(found) >= expected else None


def test_the_same_question_is_asked_once(
    web: Web, client: OpenAI, model: SimulatedProvider
) -> None:
    model.script({**OURS, "reply": "first", "times": 1}, {**OURS, "reply": "second"})
    first = client.chat.completions.create(model="scripted", messages=MESSAGES, seed=1, top_p=1)
    again = client.chat.completions.create(model="scripted", messages=MESSAGES, top_p=1, seed=1)
    assert again.choices[0].message.content == first.choices[0].message.content == "first"
    assert reached(model, messages=MESSAGES) == 1
    # It says so itself, beside what the answer took when it was made.
    assert first.usage is not None
    assert again.usage is not None
    assert again.usage.total_tokens == first.usage.total_tokens
    assert again.usage.prompt_tokens_details is not None
    assert again.usage.prompt_tokens_details.cached_tokens == first.usage.prompt_tokens
    assert again.usage.model_extra == {"cached": True}
    assert first.usage.model_extra == {}
    second, recorded = calls(web, expected=2)
    assert (second["state"], second["input_tokens"], second["output_tokens"]) == ("cached", 0, 0)
    assert (second["cost_micros"], recorded["state"]) == (0, "ok")
    assert Client(web, "admin").get("/gateway/usage").json()["total"]["calls"] == 2
    decided = eventually(lambda: decisions_of(web, 2), "the decisions were not written")
    assert [one["outcome"] for one in decided] == ["cached", "ok"]
    assert decided[0]["answered"] == decided[1]["answered"] != ""
    # Anything else that is asked is another question; so is one that must not be answered so.
    for fields in ({"seed": 2}, {"messages": [*MESSAGES, *MESSAGES]}, {"temperature": 0}):
        assert not ask(client, **fields)[1]
    assert not ask(client, seed=1, top_p=1, extra_headers={"Cache-Control": "no-cache"})[1]


def test_a_cached_call_takes_nothing_of_a_budget(
    web: Web, client: OpenAI, model: SimulatedProvider
) -> None:
    ask(client)
    budget = {"metric": "api_calls", "subject": "tenant", "period": "day", "limit_micros": 0}
    assert Client(web, "admin").post("/gateway/budgets", budget).status_code == 201
    assert ask(client)[1]


def test_streams_are_kept_when_they_are_whole(
    web: Web, client: OpenAI, model: SimulatedProvider
) -> None:
    # Slowly: what breaks off before anything was passed on is asked again.
    model.script({**OURS, "reply": "one two three", "fail": "cut", "after": 2, "times": 1,
                  "gap_ms": 200},
                 {**OURS, "reply": "one two three"})  # fmt: skip
    cut, was_kept = ask(client, **USAGE)
    assert "error" in cut
    assert not was_kept
    whole, was_kept = ask(client, **USAGE)
    assert not was_kept
    again, was_kept = ask(client, **USAGE)
    assert was_kept
    assert again.endswith("data: [DONE]\n\n")
    assert again.count('"content"') == whole.count('"content"')
    assert '"cached":true' in again
    assert '"cached":true' not in whole
    # Whoever goes away in the middle leaves nothing behind.
    model.script(defaults={"gap_ms": 20, "tokens": 200})
    with client.chat.completions.create(model="scripted", messages=MESSAGES, stream=True) as stream:
        next(iter(stream))
    model.wait_until(lambda one: one.stats()["open_streams"] == 0)
    model.script({"reply": "short"})
    assert not ask(client, stream=True)[1]


def test_embeddings_and_completions_are_kept_too(client: OpenAI, model: SimulatedProvider) -> None:
    for _ in range(2):
        client.embeddings.create(model="scripted", input="x")
        client.completions.create(model="scripted", prompt="x")
    assert reached(model, input="x") == reached(model, prompt="x") == 1


def test_nothing_reaches_another_tenant_nor_a_tenant_that_does_not_want_it(
    web: Web, client: OpenAI, model: SimulatedProvider
) -> None:
    assert not ask(client)[1]
    assert ask(client)[1]
    # Another person of the same organisation is given the same.
    assert ask(openai_client(web, make_key(web, "bob")["secret"]))[1]
    keep_answers(web, "stranger")
    stranger = openai_client(web, make_key(web, "stranger")["secret"])
    assert not ask(stranger)[1]
    assert ask(stranger)[1]
    keep_answers(web, cache_s=0)
    assert not ask(client)[1]


def test_answers_are_kept_for_as_long_as_was_said(
    web: Web, client: OpenAI, model: SimulatedProvider
) -> None:
    ask(client)
    (key,) = sync_client().keys("soma:v1:answer:*")
    assert 0 < sync_client().ttl(key) <= 60
    sync_client().delete(key)
    assert not ask(client)[1]


def test_only_usage_is_changed_in_an_answer_that_is_told_again() -> None:
    word = as_event({"choices": [{"delta": {"content": 'the "usage" of it'}}]})
    told = as_event({"choices": [], "usage": {"prompt_tokens": 7}})
    again = marked(b": ping\n\n" + word + told)
    assert again.startswith(b": ping\n\n" + word)
    assert b'"cached_tokens":7' in again
