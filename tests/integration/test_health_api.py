"""Health over HTTP: what anybody, members and platform admins see; breakers reset for everyone."""

from collections.abc import Iterator

import httpx
import pytest
from django.db import connections

from tests.support.cast import Cast
from tests.support.models import add_provider
from tests.support.simulator import SimulatedProvider, simulated_provider
from tests.support.web import Client, Web, eventually, running

# A look in half a second, a rest of a few: in production both are half a minute.
QUICK = {"SA01_HEALTH_INTERVAL_S": "0.5", "SA01_BREAKER_REST_S": "6"}


@pytest.fixture
def pair(cast: Cast, var_dir: object) -> Iterator[tuple[Web, Web]]:
    """Two web processes of one installation."""
    with running(Web(var_dir, QUICK)) as one, running(Web(var_dir, QUICK)) as two:  # type: ignore[arg-type]
        yield one, two


@pytest.fixture
def provider() -> Iterator[SimulatedProvider]:
    """A model of this test's own, that it may stop."""
    with simulated_provider() as running_model:
        yield running_model


def state(web: Web, service: str) -> str:
    return str(httpx.get(f"{web.base}/health").json()["services"][service]["state"])


def breaker(client: Client) -> dict:
    items = client.get("/saas/health/breakers").json()["items"]
    return next((one for one in items if one["dependency"].startswith("model:")), {})


def completions(provider: SimulatedProvider) -> int:
    """How often it was asked for an answer; looks only list its models."""
    return sum("completions" in one["path"] for one in provider.captured())


def test_anybody_may_ask_whether_it_is_well_and_learns_no_causes(web: Web) -> None:
    eventually(lambda: state(web, "somabrain") != "unknown", "never looked")
    answer = httpx.get(f"{web.base}/health")
    body = answer.json()
    assert answer.status_code == 200
    assert body["deployment_mode"] == "standalone"
    assert {"database", "llm", "somabrain", "redis", "storage"} <= set(body["services"])
    assert set(body["services"]["database"]) == {"state", "critical", "latency_ms", "since"}
    assert body["services"]["database"]["critical"] is True
    assert httpx.get(f"{web.base}/health/live").json() == {"status": "live"}
    assert httpx.get(f"{web.base}/health/ready").json()["services"]["database"]["ok"] is True
    metrics = httpx.get(f"{web.base}/metrics").text
    assert 'soma_service_health{deployment_mode="standalone",service="database"} 1.0' in metrics
    assert 'soma_degradation_level{deployment_mode="standalone"}' in metrics


def test_only_platform_admins_see_causes_and_breakers(web: Web) -> None:
    admin = Client(web, "platform")
    seen = admin.get("/saas/health").json()
    assert {one["name"] for one in seen["services"]} >= {"database", "llm", "somabrain", "redis"}
    assert seen["overall_health"] in {"healthy", "degraded"}
    assert admin.get("/saas/health/db").json()["name"] == "database"
    assert admin.get("/saas/health/cache").json()["name"] == "redis"
    assert admin.get("/saas/health/somabrain").json()["name"] == "somabrain"
    missing = admin.get("/saas/health/keycloak")
    assert (missing.status_code, missing.json()["code"]) == (404, "service-not-configured")
    assert admin.get("/saas/health/degradation").json()["level"] == seen["level"]
    unknown = admin.post("/saas/health/breakers/model:none/of-these/reset")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no-such-breaker")
    for name in ("sysadmin", "ann"):
        person = Client(web, name)
        assert person.get("/saas/health").status_code == 403
        assert person.get("/saas/health/breakers").status_code == 403
        assert person.post("/saas/health/breakers/brain/reset").status_code == 403


def test_a_model_that_fails_is_seen_in_every_process_and_recovers_by_itself(
    pair: tuple[Web, Web], provider: SimulatedProvider
) -> None:
    """Visible within 2 s of the first failing call, normal within a rest and 5 s."""
    one, two = pair
    add_provider(one, provider.base_url)
    ann, admin, other = Client(one, "ann"), Client(one, "platform"), Client(two, "platform")
    eventually(lambda: state(one, "llm") == state(two, "llm") == "ok", "the model was not seen")
    conversation = ann.conversation()
    bobs = Client(two, "bob")
    elsewhere = bobs.conversation()
    # It lists its models all the while: only the calls show that it is not well.
    provider.script({"when": ".", "fail": "500"})
    with Client(two, "bob").socket() as bob:
        bob.until("connected")
        said = ann.say(conversation, "Are you there?")
        assert "models-down" in said["turn"]["degraded"]
        eventually(lambda: state(two, "llm") != "ok", "not seen elsewhere", 15)
        told = bob.until("health", timeout=15)[-1]["payload"]
        assert told["level"] != "none"
        assert "language model" in told["limitations"][0]["text"]
        assert told["limitations"][0]["detail"] is None
        eventually(
            lambda: ann.say(conversation, "And now?") and breaker(other).get("state") == "open",
            "the breaker never opened",
            20,
        )
        # Nobody asks the provider again, in any process.
        asked = completions(provider)
        assert "models-down" in bobs.say(elsewhere, "Me too?")["turn"]["degraded"]
        assert completions(provider) == asked
        assert state(two, "llm") == "down"
        assert other.get("/saas/health").json()["level"] == "severe"
        provider.script({"when": ".", "reply": "Here I am."})
        eventually(lambda: state(one, "llm") == state(two, "llm") == "ok", "never recovered", 40)
        eventually(
            lambda: bob.until("health", timeout=30)[-1]["payload"]["level"] == "none",
            "bob was not told",
        )
        assert ann.say(conversation, "Back?")["message"]["text"] == "Here I am."
        eventually(lambda: breaker(other)["state"] == "closed", "still not closed elsewhere", 2)
    assert breaker(admin)["failures"] == 0


def test_a_breaker_reset_by_an_operator_is_closed_everywhere_and_audited(
    pair: tuple[Web, Web], provider: SimulatedProvider
) -> None:
    one, two = pair
    add_provider(one, provider.base_url)
    ann, admin, other = Client(one, "ann"), Client(one, "platform"), Client(two, "platform")
    conversation = ann.conversation()
    provider.script({"when": ".", "fail": "500"})
    eventually(
        lambda: ann.say(conversation, "Hello?") and breaker(admin).get("state") == "open",
        "the breaker never opened",
        20,
    )
    eventually(lambda: breaker(other).get("state") == "open", "not told", 2)
    name = breaker(admin)["name"]
    provider.script({"when": ".", "reply": "Here I am."})
    answer = other.post(f"/saas/health/breakers/{name}/reset")
    assert (answer.status_code, answer.json()["state"]) == (200, "closed")
    eventually(lambda: breaker(admin)["state"] == "closed", "not closed everywhere", 2)
    assert ann.say(conversation, "Now?")["message"]["text"] == "Here I am."
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "select object_id, before->>'state' from saas_auditentry where action = %s",
            ["breaker.reset"],
        )
        ((audited, before),) = cursor.fetchall()
    assert audited == name
    assert before in {"open", "half-open"}
