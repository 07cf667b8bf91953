"""The gateway's operations as the interface calls them, on the running web process."""

from typing import Any

import pytest

from tests.support.models import remove_all
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web

KEY = "sk-http-secret-0123456789"


def body(simulator: SimulatedProvider, **fields: Any) -> dict[str, Any]:
    return {
        "name": "Lab",
        "kind": "openai-compatible",
        "base_url": simulator.base_url,
        "api_key": KEY,
        "models": [{"name": "tiny"}, {"name": "large", "window": 32_000, "output_limit": 4_000}],
        **fields,
    }


@pytest.fixture
def admin(web: Web, simulator: SimulatedProvider) -> Client:
    simulator.reset()
    remove_all(web)
    return Client(web, "platform")


def test_a_provider_from_adding_to_deleting(
    admin: Client, web: Web, simulator: SimulatedProvider
) -> None:
    made = admin.post("/gateway/providers", body(simulator))
    assert made.status_code == 201
    provider = made.json()
    assert provider["has_key"] is True
    assert provider["key_hint"] == "…6789"
    assert KEY not in made.text

    tried = admin.post(f"/gateway/providers/{provider['id']}/test", {"model": "large"})
    assert tried.status_code == 200
    assert tried.json()["ok"] is True
    assert tried.json()["first_token_ms"] > 0
    assert simulator.captured(1)[0]["body"]["model"] == "large"
    assert admin.post(f"/gateway/providers/{provider['id']}/test").json()["ok"] is True

    large = next(it for it in provider["models"] if it["name"] == "large")
    chosen = admin.put(f"/gateway/models/{large['id']}/default")
    assert chosen.json()["is_default"] is True
    seen = Client(web, "ann").get("/gateway/models").json()
    assert [(it["name"], it["is_default"]) for it in seen["items"]] == [
        ("tiny", False),
        ("large", True),
    ]
    assert seen["next"] is None

    renamed = admin.patch(f"/gateway/providers/{provider['id']}", {"name": "Laboratory"})
    assert renamed.json()["name"] == "Laboratory"
    assert renamed.json()["has_key"] is True
    assert admin.delete(f"/gateway/providers/{provider['id']}").status_code == 204
    assert admin.get("/gateway/providers").json() == {"items": [], "next": None}


def test_pages_of_providers_and_models_continue(
    admin: Client, simulator: SimulatedProvider
) -> None:
    for number in range(3):
        admin.post("/gateway/providers", body(simulator, name=f"P{number}"))
    first = admin.get("/gateway/providers", limit=2).json()
    second = admin.get("/gateway/providers", limit=2, cursor=first["next"]).json()
    names = [it["name"] for it in first["items"] + second["items"]]
    assert names == ["P0", "P1", "P2"]
    assert second["next"] is None
    assert len(admin.get("/gateway/models", limit=200).json()["items"]) == 6
    assert admin.get("/gateway/providers", cursor="garbage").json()["code"] == "bad-cursor"


def test_kinds_prefill_the_form(web: Web) -> None:
    kinds = {it["kind"]: it for it in Client(web, "ann").get("/gateway/kinds").json()}
    assert kinds["openai"]["default_base_url"] == "https://api.openai.com/v1"
    assert kinds["openai"]["needs_key"] is True
    assert kinds["ollama"]["needs_key"] is False


def test_a_member_reads_models_but_not_providers(web: Web, simulator: SimulatedProvider) -> None:
    ann = Client(web, "ann")
    assert ann.get("/gateway/models").status_code == 200
    for refused in (
        ann.get("/gateway/providers"),
        ann.post("/gateway/providers", body(simulator)),
    ):
        assert refused.status_code == 403
        assert refused.json()["code"] == "forbidden"


def test_mistakes_are_told_by_field_and_the_key_is_not_repeated(
    admin: Client, simulator: SimulatedProvider
) -> None:
    wrong = body(simulator, base_url="http://169.254.169.254/v1", name="")
    answer = admin.post("/gateway/providers", wrong)
    assert answer.status_code == 422
    assert {it["pointer"] for it in answer.json()["errors"]} == {"/name", "/base_url"}
    assert KEY not in answer.text
    broken = admin.post("/gateway/providers", body(simulator, api_key="line\nbreak"))
    assert broken.status_code == 422
    assert broken.json()["errors"][0]["pointer"] == "/api_key"


def test_a_failed_test_shows_the_cause_and_nothing_of_the_provider(
    admin: Client, simulator: SimulatedProvider
) -> None:
    made = admin.post("/gateway/providers", body(simulator)).json()
    simulator.script({"fail": "401"})
    tried = admin.post(f"/gateway/providers/{made['id']}/test").json()
    assert tried["ok"] is False
    assert tried["problem"]["code"] == "model-auth-failed"
    assert tried["problem"]["title"] == "The provider did not accept the key"
    assert "sk-leaked" not in str(tried)
    simulator.reset()
