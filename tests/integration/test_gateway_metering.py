"""Chat turns use the ledger: what they cost, what refuses them, who answers instead."""

from typing import Any

import pytest

from chat.models import Turn
from gateway.models import Usage
from kernel.db import platform_unit
from tests.support.models import add_provider
from tests.support.simulator import SimulatedProvider, simulated_provider
from tests.support.v1 import calls
from tests.support.web import Client, Web, eventually


def test_a_turn_is_recorded_for_its_person_and_its_agent(
    web: Web, model: SimulatedProvider
) -> None:
    ann = Client(web, "ann")
    conversation = ann.conversation()
    said = ann.say(conversation, "Hello")
    (call,) = calls(web)
    usage = said["turn"]["usage"]
    assert (call["input_tokens"], call["output_tokens"]) == (
        usage["input_tokens"], usage["output_tokens"],
    )  # fmt: skip
    assert call["kind"] == "chat"
    assert (call["user_id"], call["agent_id"]) == (ann.me["user"]["id"], ann.agent_id())
    with platform_unit("test"):
        kept = Turn.objects.get(id=said["turn"]["id"]).usage
        assert kept is not None
        # By this the reconciliation holds the ledger against the turns.
        assert Usage.objects.get(call_id=kept["call_id"]).kind == "chat"


def test_the_title_of_a_conversation_is_recorded_too(web: Web, model: SimulatedProvider) -> None:
    ann = Client(web, "ann")
    ann.say(ann.conversation(title=None), "Hello")
    assert {call["kind"] for call in calls(web, expected=2)} == {"chat", "errand"}


@pytest.mark.parametrize(
    "budget",
    [
        {"metric": "tokens", "subject": "user", "period": "day"},
        {"metric": "tokens", "subject": "agent", "period": "month"},
        {"metric": "tokens", "subject": "tenant", "period": "turn"},
    ],
)
def test_a_turn_beyond_its_budget_is_refused_before_the_model_is_asked(
    web: Web, model: SimulatedProvider, budget: dict[str, Any]
) -> None:
    admin = Client(web, "admin")
    assert admin.post("/gateway/budgets", {**budget, "limit_micros": 5}).status_code == 201
    ann = Client(web, "ann")
    said = ann.say(ann.conversation(), "Hello")
    turn = said["turn"]
    assert turn["state"] == "failed"
    assert turn["error"]["code"] == "budget-exhausted"
    assert (turn["error"]["status"], turn["error"]["metric"]) == (402, "tokens")
    assert model.captured() == []


def test_another_model_answers_when_the_first_one_is_down(
    web: Web, model: SimulatedProvider
) -> None:
    with simulated_provider() as second:
        add_provider(web, second.base_url, "Second")
        add_provider(web, "http://127.0.0.1:9/v1", "Down")
        second.script({"reply": "Here I am"})
        ann = Client(web, "ann")
        said = ann.say(ann.conversation(), "Hello")
    assert said["turn"]["state"] == "done"
    assert said["turn"]["degraded"] == []
    (call,) = calls(web)
    assert call["state"] == "ok"
    assert "Down/scripted" in call["note"]


def test_a_turn_that_is_cancelled_pays_for_what_was_said(
    web: Web, model: SimulatedProvider
) -> None:
    model.script(defaults={"gap_ms": 20, "tokens": 500})
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with ann.socket() as socket:
        socket.until("connected")
        socket.send("chat.message", conversation_id=conversation, content="Hi", client_key="k")
        turn = socket.until("chat.delta")[-1]["payload"]["turn"]
        assert ann.post(f"/chat/turns/{turn}/cancel").status_code == 200
    (call,) = calls(web)
    assert (call["state"], call["counted"]) == ("cancelled", False)
    assert call["output_tokens"] > 0
    eventually(
        lambda: model.stats()["open_streams"] == 0, "the provider still writes", deadline_s=8
    )
