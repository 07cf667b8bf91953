"""Which model a call is given: by rules, health and price; written down, tried out, shadowed."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from openai import OpenAI, PermissionDeniedError

from gateway.models import Decision, Usage, UsageTotal
from gateway.routing import judging
from gateway.routing.bandit import Arm
from gateway.routing.log import AT_ONCE, WRITE_EVERY_S, DecisionLog
from gateway.routing.policies import PLATFORM
from kernel import outbox
from kernel.bus.ports import BUS
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from kernel.ids import uuid7
from tests.support.cast import Cast
from tests.support.models import add_provider
from tests.support.simulator import SimulatedProvider, simulated_provider
from tests.support.v1 import calls, make_key, openai_client
from tests.support.web import Client, Web, eventually

MESSAGES: list[Any] = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def cheap(web: Web, model: SimulatedProvider) -> Iterator[SimulatedProvider]:
    """A second, cheaper model, "Cheap/small-8b"; "Simulator/scripted" stays the default."""
    with simulated_provider(tokens=5) as second:
        platform = Client(web, "platform")
        dear = platform.get("/gateway/models").json()["items"][0]
        other = add_provider(web, second.base_url, "Cheap", "small-8b")["models"][0]
        platform.put(f"/gateway/models/{dear['id']}/default")
        for one, micros in ((dear, 10_000_000), (other, 100_000)):
            price = {"input_micros": micros, "output_micros": micros}
            assert platform.put(f"/gateway/models/{one['id']}/price", price).status_code == 200
        yield second


@pytest.fixture
def ann(web: Web, model: SimulatedProvider) -> OpenAI:
    return openai_client(web, make_key(web)["secret"])


def rule(web: Web, name: str = "admin", **rules: Any) -> None:
    place = "/gateway/platform/routing" if name == "platform" else "/gateway/routing"
    answer = Client(web, name).put(place, {"rules": rules})
    assert answer.status_code == 200, answer.text


def model_id(web: Web, name: str) -> str:
    models = Client(web, "platform").get("/gateway/models").json()["items"]
    return str(next(one["id"] for one in models if one["name"] == name))


def say(client: OpenAI, model: str = "auto", **more: Any) -> str:
    """Who answered."""
    raw = client.chat.completions.with_raw_response.create(model=model, messages=MESSAGES, **more)
    return str(raw.headers["x-soma-model"])


def decisions(web: Web, expected: int = 1, **query: str) -> list[dict[str, Any]]:
    """The tenant's decisions, newest first, as soon as there are as many as expected."""

    def look() -> list[dict[str, Any]] | None:
        found = Client(web, "admin").get("/gateway/routing/decisions", **query).json()["items"]
        return found if len(found) >= expected else None

    return list(eventually(look, "the decisions were not written", deadline_s=10))


def test_a_call_goes_where_the_rules_say_and_the_decision_is_explained(
    web: Web, cheap: SimulatedProvider, ann: OpenAI
) -> None:
    assert say(ann) == "Simulator/scripted"
    rule(web, goal="cost")
    assert say(ann) == "Cheap/small-8b"
    assert say(ann, "scripted") == "Simulator/scripted"
    dear = model_id(web, "scripted")
    rule(web, goal="order", order=[dear], max_tier="budget")
    assert say(ann) == "Cheap/small-8b"
    with pytest.raises(PermissionDeniedError, match="tier standard, above budget"):
        say(ann, "scripted")
    newest, named, by_cost, first = decisions(web, 4)
    assert (first["reason"], first["asked"]) == ("the first in order that fits", "auto")
    assert by_cost["reason"] == "the best score, for cost"
    assert [one["model"] for one in by_cost["candidates"]] == [
        "Cheap/small-8b", "Simulator/scripted",
    ]  # fmt: skip
    assert named["reason"] == "asked for by name"
    (left,) = [one for one in newest["candidates"] if one["left_out"]]
    assert left == {
        "model": "Simulator/scripted", "score": None, "left_out": "tier standard, above budget",
    }  # fmt: skip
    recorded = {one["call_id"]: one for one in calls(web, expected=4)}
    assert recorded[newest["call_id"]]["model"] == newest["answered"].partition("/")[2]
    assert {one["outcome"] for one in (newest, named, by_cost, first)} == {"ok"}
    only = decisions(web, 2, model="scripted")
    assert {one["id"] for one in only} == {named["id"], first["id"]}


def test_what_a_request_needs_leaves_out_who_cannot(
    web: Web, cheap: SimulatedProvider, ann: OpenAI
) -> None:
    platform = Client(web, "platform")
    said = {"capabilities": ["text", "vision"]}
    platform.put(f"/gateway/models/{model_id(web, 'small-8b')}/traits", said)
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    raw = ann.chat.completions.with_raw_response.create(
        model="auto",
        messages=[{"role": "user", "content": [{"type": "text", "text": "?"}, picture]}],  # type: ignore[list-item, misc]  # the client's types are unions of unions
    )
    assert raw.headers["x-soma-model"] == "Cheap/small-8b"
    (decided,) = decisions(web)
    assert decided["candidates"][-1]["left_out"] == "cannot: vision"


def test_a_model_that_another_process_leaves_alone_is_left_alone_here(
    web: Web, cheap: SimulatedProvider, ann: OpenAI
) -> None:
    rule(web, goal="cost")
    assert say(ann) == "Cheap/small-8b"
    told = {"model": model_id(web, "small-8b"), "seconds": 600.0}
    assert BUS.get().publish("gateway.cooling", told)
    eventually(
        lambda: say(ann) == "Simulator/scripted", "the model was not left alone", deadline_s=10
    )


def test_a_model_at_its_limit_cools_down_while_another_one_answers(
    web: Web, model: SimulatedProvider, cheap: SimulatedProvider, ann: OpenAI
) -> None:
    model.script({"fail": "429", "retry_after": 30})
    assert say(ann) == "Cheap/small-8b"
    asked = len(model.captured())
    assert say(ann) == "Cheap/small-8b"
    assert len(model.captured()) == asked
    second, first = decisions(web, 2)
    assert [one["code"] for one in first["attempts"]] == ["model-rate-limited"]
    assert second["candidates"][-1]["left_out"] == "cooling down: its limit is reached"
    # By failure the tenant may also say that nobody else answers.
    rule(web, fallbacks={"model-rate-limited": "stop"}, goal="cost")
    cheap.script({"fail": "429"})
    with pytest.raises(Exception, match="slow down"):
        say(ann)


def test_a_split_and_a_conversation_that_stays(
    web: Web, cheap: SimulatedProvider, ann: OpenAI
) -> None:
    share = {"model_id": model_id(web, "small-8b"), "percent": 100}
    rule(web, split=[share], sticky=True)
    assert say(ann, user="kim") == "Cheap/small-8b"
    rule(web, split=[], sticky=True)
    assert say(ann, user="kim") == "Cheap/small-8b"
    assert say(ann, user="lee") == "Simulator/scripted"
    reasons = [one["reason"] for one in decisions(web, 3)]
    assert reasons == [
        "the first in order that fits",
        "the same model as before in this conversation",
        "A/B split: 100 % of the calls",
    ]


def test_chat_turns_take_the_same_way_and_titles_go_to_a_small_model(
    web: Web, model: SimulatedProvider, cheap: SimulatedProvider
) -> None:
    client = Client(web, "ann")
    client.say(client.conversation(title=None), "Hello")
    found = {one["kind"]: one for one in decisions(web, 2)}
    assert found["chat"]["answered"] == "Simulator/scripted"
    assert found["errand"]["answered"] == "Cheap/small-8b"
    assert found["errand"]["candidates"][-1]["left_out"] == "not small, for a small task"


def test_what_people_say_of_an_answer_reaches_the_draw(
    web: Web, model: SimulatedProvider, cast: Cast
) -> None:
    ann = Client(web, "ann")
    message = ann.say(ann.conversation(), "Hello")["message"]

    def known() -> int:
        with unit_of_work(cast.acme):
            return Usage.objects.filter(kind="chat").count()

    eventually(known, "the ledger does not know the call")
    path = f"/chat/messages/{message['id']}/feedback"
    for signal in ("neutral", "negative"):
        assert ann.put(path, {"signal": signal}).status_code == 200
    of = UUID(model_id(web, "scripted"))

    def drawn_from() -> dict[UUID, Arm]:
        # The run's worker may be at it just now: then this drain has nothing to do.
        outbox.drain()
        return asyncio.run(DecisionLog().arms(cast.acme_id))

    eventually(drawn_from, "nothing was learned", deadline_s=10)
    assert drawn_from() == {of: Arm(good=0.0, bad=judging.WEIGHT)}


def test_decisions_that_come_faster_than_groups_are_written_without_a_pause(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 2 * AT_ONCE + 1
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    async def run() -> None:
        decisions = DecisionLog()
        for _ in range(count):
            decisions.keep(cast.acme_id, decision(cast))
        monkeypatch.setattr(asyncio, "sleep", noted)
        assert decisions._worker is not None
        await decisions._worker

    asyncio.run(run())
    with unit_of_work(cast.acme):
        assert Decision.objects.filter(asked="many").count() == count
    assert pauses == [WRITE_EVERY_S, 0.0, WRITE_EVERY_S]


def decision(cast: Cast) -> dict[str, Any]:
    """The values of a row."""
    return {
        "call_id": uuid7(),
        "kind": "chat",
        "at": now(),
        "user_id": cast.ann.user_id,
        "agent_id": UUID(int=0),
        "key_id": UUID(int=0),
        "asked": "many",
        "need": {},
        "model_id": UUID(int=0),
        "model": "",
        "reason": "",
        "candidates": [],
        "from_cache": False,
        "attempts": [],
        "outcome": "ok",
        "answered": "",
        "first_token_ms": None,
        "shadow": "",
    }


def test_a_shadow_is_asked_unseen_and_paid_by_the_platform(
    web: Web, cheap: SimulatedProvider, ann: OpenAI
) -> None:
    share = {"model_id": model_id(web, "small-8b"), "percent": 100}
    # A tenant's admin has no say in it.
    rule(web, shadow=share)
    assert Client(web, "admin").get("/gateway/routing").json()["rules"]["shadow"] is None
    assert Client(web, "admin").put("/gateway/routing", {"rules": None}).status_code == 200
    rule(web, "platform", shadow=share)
    cheap.script({"reply": "Nobody reads this"})
    answer = ann.chat.completions.create(model="auto", messages=MESSAGES)
    assert answer.choices[0].message.content != "Nobody reads this"
    eventually(cheap.captured, "the shadow was not asked", deadline_s=15)
    (mine,) = calls(web)
    assert mine["model"] == "scripted"

    def recorded() -> list[Usage]:
        with platform_unit("test"):
            return list(Usage.objects.filter(tenant_id=PLATFORM))

    (shadowed,) = eventually(recorded, "the shadow was not recorded", deadline_s=15)
    assert (shadowed.kind, shadowed.model, shadowed.state) == ("shadow", "small-8b", "ok")
    assert shadowed.cost_micros > 0
    (decided,) = decisions(web)
    assert decided["shadow"] == "Cheap/small-8b"
    spent = Client(web, "platform").get("/gateway/platform/spending", by="tenant").json()
    assert {row["name"] for row in spent["rows"]} == {mine_tenant(web), str(PLATFORM)}
    assert spent["total"]["cost_micros"] == mine["cost_micros"] + shadowed.cost_micros
    by_provider = Client(web, "platform").get("/gateway/platform/spending", by="provider").json()
    assert {row["name"] for row in by_provider["rows"]} == {"Simulator", "Cheap"}
    with platform_unit("test"):
        assert not UsageTotal.objects.exclude(tenant_id=PLATFORM).filter(kind="shadow").exists()


def mine_tenant(web: Web) -> str:
    return str(Client(web, "admin").me["tenant"]["id"])


def test_the_platform_bounds_tenants_and_tries_rules_before_they_hold(
    web: Web, cheap: SimulatedProvider, ann: OpenAI
) -> None:
    platform = Client(web, "platform")
    rule(web, "platform", max_tier="budget")
    rule(web, goal="quality", max_tier="flagship")
    assert say(ann) == "Cheap/small-8b"
    mine = mine_tenant(web)
    tried = platform.post(f"/gateway/platform/routing/try?tenant_id={mine}", {}).json()
    names = {one["model_id"]: one["label"] for one in tried["candidates"]}
    assert [names[one] for one in tried["plan"]] == ["Cheap/small-8b"]
    rule(web, "platform")
    assert platform.get("/gateway/platform/routing").json()["is_own"] is True
    assert platform.post("/gateway/platform/routing/try", {}).json()["plan"]
    draft = {"rules": {"goal": "cost"}, "capabilities": ["vision"]}
    tried = platform.post(f"/gateway/platform/routing/try?tenant_id={mine}", draft).json()
    assert tried["plan"] == []
    assert {one["left_out"] for one in tried["candidates"]} == {"cannot: vision"}
    refused = platform.put("/gateway/platform/routing", {"rules": {"order": [mine]}})
    assert refused.status_code == 422
    own = Client(web, "admin").post("/gateway/routing/try", {"asked": "small-8b"}).json()
    assert own["reason"] == "asked for by name"
    every = platform.get("/gateway/platform/routing/decisions").json()["items"]
    assert {one["tenant_id"] for one in every} <= {mine}


def test_a_budget_that_cannot_pay_the_dear_model_pays_the_cheap_one(
    web: Web, cheap: SimulatedProvider, ann: OpenAI
) -> None:
    admin = Client(web, "admin")
    # The dear one's longest answer of 100 tokens costs a tenth of a cent and more.
    budget = {"metric": "usd", "subject": "tenant", "period": "month", "limit_micros": 500}
    assert admin.post("/gateway/budgets", budget).status_code == 201
    assert say(ann, max_tokens=100) == "Cheap/small-8b"
    (decided,) = decisions(web)
    assert [one["code"] for one in decided["attempts"]] == ["budget-exhausted"]
