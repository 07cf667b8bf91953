"""What a tenant says about every turn: who may say it, and that it reaches the provider."""

import time

from kernel.db import platform_unit
from saas.models import AuditEntry
from tests.support.cast import Cast
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web, running

SHARES = {"system": 10, "history": 60, "memory": 10, "tools": 5, "tool_results": 5, "buffer": 10}


def asked(model: SimulatedProvider, question: str) -> dict:
    """The body of the request that ended with this question."""
    bodies = [one["body"] for one in model.captured()]
    (found,) = [one for one in bodies if one["messages"][-1]["content"] == question]
    return dict(found)


def test_a_tenants_policy_reaches_the_provider_and_bounds_the_turn(
    web: Web, model: SimulatedProvider
) -> None:
    admin, ann = Client(web, "admin"), Client(web, "ann")
    given = {
        "instructions": "Acme speaks formally.",
        "shares": SHARES,
        "turn_tokens": 2_000,
        "output_tokens": 300,
    }
    answer = admin.put("/chat/policy", given)
    assert answer.status_code == 200, answer.text
    assert admin.get("/chat/policy").json() == answer.json()
    assert answer.json()["standard"]["history"] == 25
    # The page of an agent says what holds.
    derived = ann.get("/agents/derived", intelligence=8, autonomy=5, resource_usd=5).json()
    assert (derived["output_tokens"], derived["turn_tokens"]) == (300, 2_000)
    assert ann.get("/agents").json()["items"][0]["derived"]["output_tokens"] == 300
    conversation = ann.conversation()
    said = ann.say(conversation, "Good morning.")
    body = asked(model, "Good morning.")
    assert body["messages"][0]["content"].startswith("Acme speaks formally.\n\nYou are Soma")
    assert (body.get("max_tokens") or body["max_completion_tokens"]) == 300
    report = ann.get(f"/chat/turns/{said['turn']['id']}/context").json()
    assert sum(report["lanes"].values()) + 300 <= 2_000
    refused = ann.say(conversation, "So it goes on. " * 600)["turn"]
    assert refused["error"]["code"] == "message-exceeds-model"
    assert "your organisation allows" in refused["error"]["detail"]
    # Another tenant goes by its own.
    stranger = Client(web, "stranger")
    stranger.say(stranger.conversation(), "Hello there.")
    assert "Acme" not in asked(model, "Hello there.")["messages"][0]["content"]


def test_a_policy_is_set_by_tenant_admins_within_bounds_and_audited(
    web: Web, no_model: None, cast: Cast
) -> None:
    admin, ann, viewer = (Client(web, name) for name in ("admin", "ann", "viewer"))
    for other in (ann, viewer):
        assert other.get("/chat/policy").status_code == 403
        assert other.put("/chat/policy", {}).status_code == 403
    for wrong, pointer in (
        ({"shares": SHARES | {"system": 11}}, "/shares"),
        ({"shares": {"system": 100}}, "/shares/history"),
        ({"turn_tokens": 999}, "/turn_tokens"),
        ({"output_tokens": 5}, "/output_tokens"),
        ({"recall_items": 51}, "/recall_items"),
        ({"tool_limit": 11}, "/tool_limit"),
        ({"instructions": "a\u0000b"}, "/instructions"),
    ):
        refused = admin.put("/chat/policy", wrong)
        assert refused.status_code == 422, wrong
        assert pointer in [one["pointer"] for one in refused.json()["errors"]], refused.text
    assert admin.get("/chat/policy").json()["turn_tokens"] is None
    assert admin.put("/chat/policy", {"turn_tokens": 5_000}).status_code == 200
    assert admin.put("/chat/policy", {"instructions": "Be kind."}).status_code == 200
    with platform_unit("test"):
        rows = AuditEntry.objects.filter(action="policy.changed").order_by("id")
        told = [(row.before["turn_tokens"], row.after["turn_tokens"]) for row in rows]
        assert rows[1].after["instructions"] == len("Be kind.")
    assert told == [(None, 5_000), (5_000, None)]


def test_a_policy_is_known_to_another_process_within_a_second(
    web: Web, model: SimulatedProvider, var_dir: object
) -> None:
    with running(Web(var_dir)) as other:  # type: ignore[arg-type]
        ann = Client(other, "ann")
        conversation = ann.conversation()
        ann.say(conversation, "Before.")
        Client(web, "admin").put("/chat/policy", {"output_tokens": 77})
        end, number = time.monotonic() + 1, 0
        while True:
            number += 1
            ann.say(conversation, f"After {number}.")
            body = asked(model, f"After {number}.")
            limit = body.get("max_tokens") or body["max_completion_tokens"]
            if limit == 77 or time.monotonic() > end:
                break
        assert limit == 77
