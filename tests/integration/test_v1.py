"""`/v1` from outside: answers, keys, budgets, limits, failures; and the ledger afterwards."""

import json
import socket
import time
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.support.cast import Cast
from tests.support.simulator import SimulatedProvider
from tests.support.v1 import calls, make_key, openai_client
from tests.support.web import Client, Web, eventually

MESSAGES: list[Any] = [{"role": "user", "content": "Hello there"}]


@pytest.fixture
def ann(web: Web, model: SimulatedProvider) -> OpenAI:
    return openai_client(web, make_key(web)["secret"])


def price(web: Web, dollars: int = 1) -> None:
    """Let a million tokens of the scripted model cost so many dollars."""
    platform = Client(web, "platform")
    model_id = platform.get("/gateway/models").json()["items"][0]["id"]
    micros = dollars * 1_000_000
    body = {"input_micros": micros, "output_micros": micros}
    set_ = platform.put(f"/gateway/models/{model_id}/price", body)
    assert set_.status_code == 200, set_.text
    listed = platform.get(f"/gateway/models/{model_id}/prices").json()
    assert listed[0]["output_micros"] == micros


def budget(web: Web, **fields: Any) -> dict[str, Any]:
    admin = Client(web, "admin")
    made = admin.post(
        "/gateway/budgets",
        {"metric": "usd", "subject": "tenant", "period": "month", **fields},
    )
    assert made.status_code == 201, made.text
    return dict(made.json())


def raw(web: Web, secret: str, path: str = "/v1/chat/completions", **more: Any) -> httpx.Response:
    headers = more.pop("headers", None) or {"Authorization": f"Bearer {secret}"}
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.request(more.pop("method", "POST"), web.base + path, headers=headers, **more)


def test_an_answer_is_passed_on_and_recorded(
    web: Web, ann: OpenAI, model: SimulatedProvider
) -> None:
    price(web)
    model.script({"reply": "Hello from the model"})
    told = ann.chat.completions.create(model="scripted", messages=MESSAGES)
    assert told.choices[0].message.content == "Hello from the model"
    assert told.usage is not None
    (call,) = calls(web)
    assert (call["input_tokens"], call["output_tokens"]) == (
        told.usage.prompt_tokens, told.usage.completion_tokens,
    )  # fmt: skip
    assert call["cost_micros"] == told.usage.total_tokens
    assert (call["state"], call["counted"], call["kind"]) == ("ok", True, "chat")
    (asked,) = model.captured()
    assert asked["headers"]["authorization"] == "Bearer sk-test-0123456789"


def test_a_stream_is_passed_on_event_by_event_and_recorded(
    web: Web, ann: OpenAI, model: SimulatedProvider
) -> None:
    model.script({"reply": "one two three four"})
    with ann.chat.completions.create(model="scripted", messages=MESSAGES, stream=True) as stream:
        chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "one two three four"
    # Usage was asked for by us, not by the caller.
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    (call,) = calls(web)
    assert (call["output_tokens"], call["counted"], call["state"]) == (4, True, "ok")
    assert call["first_token_ms"] is not None

    with ann.chat.completions.create(
        model="scripted", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    assert chunks[-1].usage is not None
    assert chunks[-1].choices == []


def test_the_same_answers_under_api_v2(web: Web, model: SimulatedProvider) -> None:
    secret = make_key(web)["secret"]
    body = {"model": "scripted", "messages": MESSAGES}
    assert raw(web, secret, "/api/v2/chat/completions", json=body).status_code == 200
    listed = raw(web, secret, "/api/v2/models", method="GET").json()
    assert "scripted" in [one["id"] for one in listed["data"]]
    vectors = raw(web, secret, "/api/v2/embeddings", json={"model": "scripted", "input": "x"})
    assert vectors.status_code == 200


def test_models_are_listed_and_found(ann: OpenAI) -> None:
    # Beside it agents, where another test has made one.
    models = [one.id for one in ann.models.list() if not one.id.startswith("agent/")]
    assert models == ["scripted"]
    assert ann.models.retrieve("scripted").owned_by == "Simulator"
    with pytest.raises(openai.NotFoundError) as refused:
        ann.models.retrieve("unknown")
    assert refused.value.code == "model_not_found"


def test_embeddings_as_numbers_and_as_base64(web: Web, ann: OpenAI) -> None:
    # The official client asks for base64 by itself and decodes it.
    told = ann.embeddings.create(model="scripted", input=["one", "two words"])
    plain = ann.embeddings.create(model="scripted", input="one", encoding_format="float")
    assert len(told.data) == 2
    assert plain.data[0].embedding == pytest.approx(told.data[0].embedding, abs=1e-6)
    assert [call["kind"] for call in calls(web, expected=2)] == ["embedding", "embedding"]


def test_a_budget_refuses_before_the_provider_is_asked(
    web: Web, ann: OpenAI, model: SimulatedProvider
) -> None:
    price(web)
    made = budget(web, limit_micros=1_000)
    with pytest.raises(openai.APIStatusError) as refused:
        ann.chat.completions.create(model="scripted", messages=MESSAGES, max_tokens=1_000)
    assert refused.value.status_code == 402
    error: Any = refused.value.body
    assert (error["metric"], error["limit"], error["code"]) == ("usd", 1_000, "budget_exhausted")
    assert error["upgrade_url"].endswith("/usage")
    assert error["current"] == 0
    assert model.captured() == []
    # What fits is let through, and what it did not use is free again.
    for _ in range(5):
        ann.chat.completions.create(model="scripted", messages=MESSAGES, max_tokens=100)
    recorded = calls(web, expected=5)
    spent = sum(call["cost_micros"] for call in recorded)
    admin = Client(web, "admin")

    def settled() -> bool:
        (standing,) = admin.get("/gateway/budgets").json()
        (account,) = standing["accounts"]
        return account["spent_micros"] == spent and account["held_micros"] == 0

    eventually(settled, "the account does not agree with the calls", deadline_s=10)
    # A higher limit counts at once.
    changed = admin.patch(f"/gateway/budgets/{made['id']}", {"limit_micros": 10_000_000})
    assert changed.json()["limit_micros"] == 10_000_000
    ann.chat.completions.create(model="scripted", messages=MESSAGES, max_tokens=1_000)
    assert admin.delete(f"/gateway/budgets/{made['id']}").status_code == 204


def test_the_budget_of_a_key_binds_that_key_alone(web: Web, model: SimulatedProvider) -> None:
    price(web)
    poor = openai_client(web, make_key(web, monthly_micros=0)["secret"])
    rich = openai_client(web, make_key(web)["secret"])
    with pytest.raises(openai.APIStatusError) as refused:
        poor.chat.completions.create(model="scripted", messages=MESSAGES)
    assert refused.value.status_code == 402
    rich.chat.completions.create(model="scripted", messages=MESSAGES)


def test_unlimited_is_recorded(web: Web, ann: OpenAI) -> None:
    budget(web, metric="tokens", limit_micros=-1)
    told = ann.chat.completions.create(model="scripted", messages=MESSAGES)
    assert told.usage is not None
    calls(web)
    (standing,) = Client(web, "admin").get("/gateway/budgets").json()
    assert standing["accounts"][0]["spent_micros"] == told.usage.total_tokens * 1_000_000


def test_a_revoked_key_ends_within_a_second_also_in_the_middle_of_an_answer(
    web: Web, model: SimulatedProvider
) -> None:
    made = make_key(web)
    client = openai_client(web, made["secret"])
    model.script(defaults={"gap_ms": 50, "tokens": 200})
    with client.chat.completions.create(model="scripted", messages=MESSAGES, stream=True) as stream:
        next(iter(stream))
        assert Client(web, "ann").delete(f"/gateway/keys/{made['key']['id']}").status_code == 204
        ended = time.monotonic()
        with pytest.raises(openai.APIError) as broken:
            list(stream)
        assert broken.value.code == "invalid_api_key"
    assert time.monotonic() - ended < 8  # the answer itself goes on for ten seconds
    with pytest.raises(openai.AuthenticationError):
        client.models.list()
    model.wait_until(lambda one: one.stats()["open_streams"] == 0)
    (call,) = calls(web)
    assert (call["state"], call["counted"]) == ("failed", False)
    assert call["output_tokens"] > 0


def test_who_goes_away_stops_the_provider_and_pays_for_what_was_said(
    web: Web, model: SimulatedProvider
) -> None:
    secret = make_key(web)["secret"]
    model.script(defaults={"gap_ms": 20, "tokens": 1_000})
    body = {"model": "scripted", "messages": MESSAGES, "stream": True}
    headers = {"Authorization": f"Bearer {secret}"}
    url = f"{web.base}/v1/chat/completions"
    with (
        httpx.Client(trust_env=False) as client,
        client.stream("POST", url, json=body, headers=headers) as answer,
    ):
        for count, _ in enumerate(answer.iter_lines()):
            if count > 20:
                break
    model.wait_until(lambda one: one.stats()["open_streams"] == 0, within_s=1.5)
    (call,) = calls(web)
    assert (call["state"], call["counted"]) == ("cancelled", False)
    assert 5 <= call["output_tokens"] <= 100


@pytest.mark.parametrize(
    ("name", "value", "status", "param"),
    [
        ("messages", [], 400, "messages"),
        ("messages", "hello", 400, "messages"),
        ("messages", [{"content": "x"}], 400, "messages[0]"),
        ("messages", [{"role": "user", "content": 5}], 400, "messages[0].content"),
        ("model", "unheard-of", 404, "model"),
        ("model", None, 400, "model"),
        ("model", "x" * 1_000, 400, "model"),
        ("stream", "yes", 400, "stream"),
        ("max_tokens", -1, 400, "max_tokens"),
        ("max_tokens", 10**12, 400, "max_tokens"),
        ("n", 0, 400, "n"),
        ("tools", {}, 400, "tools"),
        ("stream_options", [], 400, "stream_options"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_openais_form(
    web: Web, model: SimulatedProvider, name: str, value: Any, status: int, param: str
) -> None:
    body = {"model": "scripted", "messages": MESSAGES, name: value}
    answer = raw(web, make_key(web)["secret"], json=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert model.captured() == []


def test_bodies_that_are_no_requests(web: Web, model: SimulatedProvider) -> None:
    secret = make_key(web)["secret"]
    good = json.dumps({"model": "scripted", "messages": MESSAGES}).encode()
    for end in range(0, len(good), 3):
        answer = raw(web, secret, content=good[:end])
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "invalid_json"
    assert raw(web, secret, content=b"[1]").json()["error"]["code"] == "invalid_json"
    assert raw(web, secret, "/v1/unheard-of", content=good).status_code == 404
    refused = raw(web, secret, method="GET")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert model.captured() == []


def test_a_body_that_is_too_large_is_refused_before_it_was_sent(web: Web) -> None:
    secret = make_key(web)["secret"]
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as plug:
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {secret}\r\nContent-Length: {100 * 1024 * 1024}\r\n\r\n"
        )
        plug.sendall(head.encode())
        answer = plug.recv(65536)
    assert b" 413 " in answer.split(b"\r\n", 1)[0]


def test_a_prompt_of_a_million_tokens_is_metered(web: Web, ann: OpenAI) -> None:
    words = [{"role": "user", "content": "word " * 1_000_000}]
    told = ann.chat.completions.create(model="scripted", messages=words, max_tokens=5)  # type: ignore[arg-type]
    assert told.usage is not None
    assert told.usage.prompt_tokens == 1_000_000
    assert calls(web)[0]["input_tokens"] == 1_000_000


@pytest.mark.parametrize(
    ("fail", "status", "code"),
    [
        ("html", 502, "model_bad_response"),
        ("500", 502, "model_server_error"),
        ("401", 502, "model_auth_failed"),
        ("context", 400, "context_length_exceeded"),
        ("filter", 400, "content_filter"),
        ("400", 400, "rejected_by_provider"),
        ("reset", 503, "model_unreachable"),
        ("429", 429, "provider_rate_limited"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_a_provider_does_wrong_is_told_without_its_words(
    web: Web, ann: OpenAI, model: SimulatedProvider, fail: str, status: int, code: str,
    stream: bool,
) -> None:  # fmt: skip
    model.script({"fail": fail})
    with pytest.raises(openai.APIError) as refused:
        ann.chat.completions.create(model="scripted", messages=MESSAGES, stream=stream)
    error: Any = refused.value
    assert error.code == code
    assert getattr(error, "status_code", status) == status
    for secret in ("secret", "sk-leaked", "Traceback"):
        assert secret not in str(error.body)
    (call,) = calls(web)
    assert (call["state"], call["cost_micros"]) == ("failed", 0)


@pytest.mark.parametrize("fail", ["cut", "half-json", "error-event", "no-finish"])
def test_a_stream_that_breaks_off_says_so_and_is_metered(
    web: Web, ann: OpenAI, model: SimulatedProvider, fail: str
) -> None:
    model.script({"fail": fail, "after": 3, "gap_ms": 5, "tokens": 6})
    got: list[str] = []
    with pytest.raises(openai.APIError) as broken:
        for chunk in ann.chat.completions.create(model="scripted", messages=MESSAGES, stream=True):
            got.append(chunk.choices[0].delta.content or "")
    assert "secret" not in str(broken.value.body)
    assert "".join(got).startswith("word0 word1 word2 ")
    (call,) = calls(web)
    assert (call["state"], call["counted"]) == ("failed", False)
    assert call["output_tokens"] > 0


@pytest.mark.parametrize(
    "fail", ["no-done", "no-usage", "bytes", "not-streamed", "no-stream-options"]
)
def test_a_stream_with_oddities_arrives_whole(
    web: Web, ann: OpenAI, model: SimulatedProvider, fail: str
) -> None:
    model.script({"fail": fail, "reply": "a whole answer ünïcode"})
    got = [
        chunk.choices[0].delta.content or ""
        for chunk in ann.chat.completions.create(model="scripted", messages=MESSAGES, stream=True)
    ]
    assert "".join(got) == "a whole answer ünïcode"
    (call,) = calls(web)
    assert (call["state"], call["counted"]) == (
        "ok", fail not in {"no-usage", "no-stream-options"},
    )  # fmt: skip


def test_rates_are_limited_and_told(web: Web, model: SimulatedProvider) -> None:
    client = openai_client(web, make_key(web, requests_a_minute=2)["secret"])
    first = client.chat.completions.with_raw_response.create(model="scripted", messages=MESSAGES)
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    client.chat.completions.create(model="scripted", messages=MESSAGES)
    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model="scripted", messages=MESSAGES)
    assert 1 <= int(refused.value.response.headers["retry-after"]) <= 60
    assert len(model.captured()) == 2


def test_tokens_a_minute_are_corrected_by_what_was_used(web: Web, model: SimulatedProvider) -> None:
    client = openai_client(web, make_key(web, tokens_a_minute=10_000)["secret"])
    for _ in range(4):
        told = client.chat.completions.with_raw_response.create(
            model="scripted", messages=MESSAGES, max_tokens=4_000
        )
    assert told.headers["x-ratelimit-limit-tokens"] == "10000"
    with pytest.raises(openai.RateLimitError):
        for _ in range(2):
            client.chat.completions.create(model="scripted", messages=MESSAGES, max_tokens=9_900)


def test_a_tenant_limits_models_and_rates_of_all_its_calls(web: Web, ann: OpenAI) -> None:
    admin = Client(web, "admin")
    changed = admin.put(
        "/gateway/policy",
        {"zone": "Europe/Berlin", "rates": {"user": {"requests": 1}}, "allowed_models": []},
    )
    assert changed.status_code == 200, changed.text
    assert admin.get("/gateway/policy").json()["zone"] == "Europe/Berlin"
    ann.chat.completions.create(model="scripted", messages=MESSAGES)
    with pytest.raises(openai.RateLimitError):
        ann.chat.completions.create(model="scripted", messages=MESSAGES)


def test_prices_come_from_the_public_table_where_there_is_none(web: Web, cast: Cast) -> None:
    platform = Client(web, "platform")
    made = platform.post(
        "/gateway/providers",
        {
            "name": "OpenAI", "kind": "openai", "api_key": "sk-0123456789",
            "models": [{"name": "gpt-4o-mini"}, {"name": "a-model-of-our-own"}],
        },
    ).json()  # fmt: skip
    told = platform.post("/gateway/prices/import").json()
    assert told == {"imported": 1, "unknown": ["a-model-of-our-own"]}
    known = next(one for one in made["models"] if one["name"] == "gpt-4o-mini")
    (price_,) = platform.get(f"/gateway/models/{known['id']}/prices").json()
    assert (price_["input_micros"], price_["output_micros"]) == (150_000, 600_000)
    described = next(
        one for one in platform.get("/gateway/models").json()["items"] if one["id"] == known["id"]
    )
    assert described["tier"] == "budget"
    assert {"vision", "tools", "json_schema"} <= set(described["capabilities"])
    # What an admin has set stays.
    said = {"capabilities": ["text"], "tier": "flagship", "region": "eu", "window": 64_000}
    platform.put(f"/gateway/models/{known['id']}/traits", said)
    assert platform.post("/gateway/prices/import").json()["imported"] == 0
    listed = platform.get("/gateway/models").json()["items"]
    kept = next(one for one in listed if one["id"] == known["id"])
    assert {name: kept[name] for name in said} == said


def test_usage_is_summed_by_day_and_by_hour(web: Web, ann: OpenAI, cast: Cast) -> None:
    for _ in range(3):
        ann.chat.completions.create(model="scripted", messages=MESSAGES)
    recorded = calls(web, expected=3)
    admin = Client(web, "admin")
    for grain, by in (("day", "model"), ("hour", "key"), ("day", "user")):
        told = admin.get("/gateway/usage", grain=grain, by=by).json()
        assert told["total"]["calls"] == 3
        assert sum(row["input_tokens"] for row in told["rows"]) == sum(
            call["input_tokens"] for call in recorded
        )
    # People who are not admins see their own.
    assert Client(web, "ann").get("/gateway/usage").json()["total"]["calls"] == 3
    assert Client(web, "bob").get("/gateway/usage").json()["total"]["calls"] == 0
    assert Client(web, "stranger").get("/gateway/calls").json()["items"] == []


def test_keys_can_be_rotated_narrowed_and_are_seen_by_their_owner(
    web: Web, model: SimulatedProvider
) -> None:
    ann = Client(web, "ann")
    made = make_key(web)
    key_id = made["key"]["id"]
    assert made["secret"].startswith(made["key"]["prefix"])
    rotated = ann.post(f"/gateway/keys/{key_id}/rotate", {"overlap_s": 60}).json()
    both = [openai_client(web, one["secret"]) for one in (made, rotated)]
    assert all(list(client.models.list()) for client in both)
    ann.post(f"/gateway/keys/{key_id}/rotate", {"overlap_s": 0})
    for client in both:
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
    narrow = make_key(web, networks=["10.0.0.0/8"])
    with pytest.raises(openai.AuthenticationError):
        openai_client(web, narrow["secret"]).models.list()
    narrow_id = narrow["key"]["id"]
    changed = ann.patch(f"/gateway/keys/{narrow_id}", {"networks": [], "scopes": ["chat"]})
    assert changed.json()["networks"] == []
    with pytest.raises(openai.PermissionDeniedError):
        openai_client(web, narrow["secret"]).models.list()
    other = make_key(web, "admin", kind="tenant", allowed_models=["another"])
    with pytest.raises(openai.NotFoundError):
        openai_client(web, other["secret"]).chat.completions.create(
            model="scripted", messages=MESSAGES
        )
    assert {one["id"] for one in ann.get("/gateway/keys").json()["items"]} == {
        key_id, narrow_id,
    }  # fmt: skip
    assert len(Client(web, "admin").get("/gateway/keys").json()["items"]) == 3
    assert Client(web, "stranger").get("/gateway/keys").json()["items"] == []
    for bad in ("", "soma_sk_" + "0" * 46, made["secret"][:-1] + "x", "é" * 54):
        answer = raw(web, "", "/v1/models", method="GET", headers={"x-api-key": bad.encode()})
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"
