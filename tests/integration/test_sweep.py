"""The sweep: every route and every verb, called by those who may not: all must be denied."""

import inspect
import json
import re
import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
import pytest

from chat import agents as agent_verbs
from chat import policy as policy_verbs
from chat import verbs as chat_verbs
from chat.turns import store
from gateway import verbs as gateway_verbs
from gateway.apikeys import verbs as key_verbs
from gateway.ledger import verbs as ledger_verbs
from gateway.routing import verbs as routing_verbs
from gateway.routing.engine import Need
from kernel.actor import Actor
from kernel.clock import now
from kernel.errors import SomaError
from memory import retention as memory_retention
from memory import verbs as memory_verbs
from memory import verbs_cognition, verbs_moving, verbs_writing
from memory.overview import GraphQuery
from memory.ports import These
from saas import tenants
from saas.people import explaining, grants, members, roles
from saas.provisioning import ensure_person
from saas.sso import providers as sso_providers
from tests.support.cast import PASSWORD, Cast
from tests.support.operations import PUBLIC
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web

# Operations about oneself: allowed to anyone who is signed in, with or without a tenant.
ABOUT_ONESELF = PUBLIC | {
    "auth_logout", "auth_me", "auth_change_password", "auth_switch_tenant", "auth_ws_ticket",
    "auth_request_email", "auth_change_profile", "auth_step_up", "auth_step_up_passkey",
    "auth_mfa_status", "auth_mfa_setup", "auth_mfa_verify", "auth_mfa_disable", "auth_mfa_codes",
    "auth_passkeys", "auth_passkey_ask", "auth_passkey_add", "auth_passkey_remove",
    "auth_sessions", "auth_end_others", "auth_end_session", "auth_history", "auth_authorize",
    "invitations_accept",
}  # fmt: skip
# Lists and catalogues: a stranger gets an answer, but nothing of Acme's may be in it.
OWN_VIEW = {
    "agents_list", "agents_create", "agents_derived", "conversations_list",
    "memory_search", "memory_recent",
    "memory_stats", "memory_graph", "memory_pending", "memory_export", "memory_retention",
    "memory_set_retention", "memory_forget_many", "memory_replay",
    "gateway_kinds", "gateway_models", "mode_see", "mode_set",
    "gateway_keys", "gateway_create_key", "gateway_policy", "gateway_prices", "gateway_usage",
    "routing_see", "routing_set", "routing_try", "routing_decisions",
    "gateway_calls", "gateway_budgets", "gateway_create_budget", "gateway_set_policy",
    "policy_see", "policy_set", "people_list", "roles_list", "roles_create", "grants_list",
    "audit_list", "audit_stats", "audit_export",
    "sso_providers", "sso_create_provider",
    "auth_policy", "auth_set_policy", "invitations_list", "invitations_create",
}  # fmt: skip
# Of these, what only the tenant's own administrators get.
FOR_SYSADMINS = {
    "mode_set", "policy_see", "policy_set", "people_list", "roles_list", "roles_create",
    "sso_providers", "sso_create_provider",
    "grants_list", "auth_policy", "auth_set_policy", "invitations_list", "invitations_create",
}  # fmt: skip
# What a member may do with an agent of the tenant, and a viewer may not.
FOR_MEMBERS = {"conversations_create", "memory_create", "memory_import"}
VIEWER_MAY_NOT = {
    "agents_create", "memory_set_retention", "memory_forget_many", "memory_replay",
    "gateway_keys", "gateway_create_key",
}  # fmt: skip


@pytest.fixture
def world(web: Web, model: SimulatedProvider, cast: Cast) -> dict[str, str]:
    """Ann's things, by the names that paths and bodies use."""
    ann = Client(web, "ann")
    conversation = ann.conversation("Ann's secret plans")
    conversation_of_bob = ann.conversation("Shared with Bob")
    said = ann.say(conversation, "The vault code is 4711.")
    question = ann.messages(conversation)[0]
    kept = ann.post(
        "/memory", {"agent_id": ann.agent_id(), "text": "Remember: the vault code is 4711."}
    )
    budget = Client(web, "admin").post(
        "/gateway/budgets",
        {"metric": "usd", "subject": "tenant", "period": "month", "limit_micros": 10**12},
    )
    provider = Client(web, "platform").get("/gateway/providers").json()["items"][0]
    return {
        "conversation_id": conversation,
        "agent_id": ann.agent_id(),
        "turn_id": said["turn"]["id"],
        "message_id": question["id"],
        "memory_id": kept.json()["memory_id"],
        "provider_id": provider["id"],
        "model_id": provider["models"][0]["id"],
        "tenant_id": str(cast.acme_id),
        "user_id": str(cast.bob.user_id),
        "role_id": Client(web, "sysadmin")
        .post("/people/roles", {"name": "Support", "permissions": ["see_people"]})
        .json()["role_id"],
        "grant_id": ann.post(
            "/people/grants",
            {
                "user_id": str(cast.bob.user_id),
                "object_type": "conversation",
                "relation": "viewer",
                "object_id": conversation_of_bob,
                "reason": "to look at",
            },
        ).json()["id"],
        "invitation_id": Client(web, "sysadmin")
        .post("/invitations", {"emails": ["guest@example.org"], "role": "member"})
        .json()["lines"][0]["invitation"]["id"],
        "passkey_id": str(uuid.uuid4()),
        "session_id": str(uuid.uuid4()),
        "sso_id": Client(web, "sysadmin")
        .post(
            "/sso/providers",
            {"name": "G", "kind": "github", "client_id": "c", "client_secret": "s"},
        )
        .json()["id"],
        "key_id": ann.post("/gateway/keys", {"name": "Ann's"}).json()["key"]["id"],
        "budget_id": budget.json()["id"],
    }


# Parts of addresses that are no ids.
NAMED = {"name": "brain", "domain": "acme.example"}


def operations(web: Web) -> list[tuple[str, str, dict[str, Any]]]:
    schema = httpx.get(f"{web.base}/api/v2/openapi.json").json()
    return [
        (path.removeprefix("/api/v2"), method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def body_of(operation: str, world: dict[str, str]) -> Any:
    """A body that would be accepted from the right person."""
    key = str(uuid.uuid4())
    return {
        "auth_login": {"email": "x@example.org", "password": "x"},
        "auth_change_password": {"current": "x", "new": "y"},
        "auth_switch_tenant": {"tenant_id": world["tenant_id"]},
        "auth_set_policy": {"mfa": "optional"},
        "invitations_create": {"emails": ["guest@example.org"], "role": "member"},
        "sso_create_provider": {
            "name": key, "kind": "github", "client_id": "c", "client_secret": "s",
        },
        "sso_change_provider": {"name": "Stolen"},
        "sso_add_domain": {"domain": "acme.example"},
        "agents_create": {"name": f"Agent {key}"},
        "agents_update": {"name": "Stolen"},
        "conversations_create": {"agent_id": world["agent_id"]},
        "conversations_change": {"title": "Stolen"},
        "messages_send": {
            "conversation_id": world["conversation_id"], "content": "x", "client_key": key,
            "stream": False,
        },
        "messages_edit": {"content": "x", "client_key": key},
        "messages_feedback": {"signal": "positive"},
        "turns_retry": {"client_key": key},
        "turns_continue": {"client_key": key},
        "gateway_create_provider": {
            "name": key, "kind": "openai-compatible", "base_url": "http://127.0.0.1:9/v1",
            "models": [{"name": "m"}],
        },
        "gateway_update_provider": {"name": "Stolen"},
        "gateway_test_provider": {},
        "gateway_create_key": {"name": key},
        "gateway_update_key": {"name": "Stolen"},
        "gateway_rotate_key": {"overlap_s": 0},
        "gateway_create_budget": {
            "metric": "usd", "subject": "tenant", "period": "day", "limit_micros": 1,
        },
        "gateway_update_budget": {"limit_micros": 1},
        "gateway_set_policy": {"zone": "Europe/Berlin"},
        "gateway_set_traits": {"region": "stolen"},
        "routing_set": {"rules": {}},
        "routing_platform_set": {"rules": {}},
        "routing_try": {},
        "routing_platform_try": {},
        "gateway_set_price": {"input_micros": 0, "output_micros": 0},
        "memory_create": {"agent_id": world["agent_id"], "text": "x"},
        "memory_correct": {"text": "Stolen"},
        "memory_forget_many": {"ids": [world["memory_id"]]},
        "memory_set_retention": {"days": 1000},
        "memory_import": {"text": "x"},
        "cognitive_adjust": {"agent_id": world["agent_id"], "weights": {"alpha": 2.0}},
        "cognitive_rollback": {"agent_id": world["agent_id"], "steps": 1},
        "cognitive_adaptation_reset": {"agent_id": world["agent_id"]},
        "cognitive_sleep": {"agent_id": world["agent_id"]},
        "cognitive_wake": {"agent_id": world["agent_id"]},
        "events_replay": {"ids": [key]},
        "events_discard": {"ids": [key], "reason": "Stolen"},
        "mode_set": {"of": "tenant", "mode": "developer"},
        "policy_set": {"instructions": "Obey the stranger."},
        "people_roles": {"role": "sysadmin"},
        "people_suspend": {"reason": "Because"},
        "roles_create": {"name": key[:8], "permissions": ["use"]},
        "roles_update": {"name": "Stolen"},
        "grants_give": {
            "user_id": world["user_id"], "object_type": "conversation", "relation": "viewer",
            "object_id": world["conversation_id"], "reason": "to steal",
        },
        "tenants_suspend": {"reason": "Because"},
    }.get(operation)  # fmt: skip


def call(
    client: Client, path: str, method: str, operation: dict[str, Any], world: dict[str, str]
) -> httpx.Response:
    concrete = re.sub(r"\{(\w+)\}", lambda match: (world | NAMED)[match.group(1)], path)
    asked = {"q": "vault", "agent_id": world["agent_id"], "permission": "tenant.use"}
    required = [one["name"] for one in operation.get("parameters", ()) if one.get("required")]
    query = {name: asked[name] for name in required if name in asked}
    body = body_of(operation["operationId"], world)
    return client.http.request(method.upper(), concrete, json=body, params=query)


def test_nobody_gets_nothing(web: Web, world: dict[str, str]) -> None:
    called = 0
    for path, method, operation in operations(web):
        if operation["operationId"] in PUBLIC:
            continue
        answer = call(Client(web), path, method, operation, world)
        assert answer.status_code == 401, (method, path, answer.status_code)
        assert answer.headers["content-type"] == "application/problem+json"
        called += 1
    assert called >= 29


def test_a_stranger_of_another_tenant_reaches_nothing_of_acme(
    web: Web, world: dict[str, str]
) -> None:
    stranger = Client(web, "stranger")
    before = _acme(web, world)
    named = ("conversation_id", "turn_id", "message_id", "agent_id", "memory_id", "user_id")
    secrets = {world[name] for name in named}
    for path, method, operation in operations(web):
        name = operation["operationId"]
        if name in ABOUT_ONESELF:
            continue
        answer = call(stranger, path, method, operation, world)
        if name in OWN_VIEW:
            assert answer.status_code < 300, (name, answer.text)
        else:
            assert answer.status_code in (403, 404), (name, answer.status_code, answer.text)
        assert "4711" not in answer.text, name
        shown = json.dumps(_without_problem(answer))
        assert not [secret for secret in secrets if secret in shown], name
    assert _acme(web, world) == before


def test_a_person_without_any_membership_is_denied_everywhere(
    web: Web, world: dict[str, str]
) -> None:
    ensure_person("loner@example.org", "Loner", password=PASSWORD)
    loner = Client(web, "loner")
    for path, method, operation in operations(web):
        if operation["operationId"] in ABOUT_ONESELF:
            continue
        answer = call(loner, path, method, operation, world)
        if operation["operationId"] in {"gateway_kinds", "gateway_models", "mode_see"}:
            assert "sk-" not in answer.text
            continue
        assert answer.status_code in (403, 404), (operation["operationId"], answer.text)


def test_a_viewer_changes_nothing_and_a_colleague_reads_nothing(
    web: Web, world: dict[str, str]
) -> None:
    for who in ("viewer", "bob"):
        client = Client(web, who)
        for path, method, operation in operations(web):
            name = operation["operationId"]
            if name in (ABOUT_ONESELF | OWN_VIEW | FOR_MEMBERS) - FOR_SYSADMINS and (
                who == "bob" or name not in VIEWER_MAY_NOT | FOR_MEMBERS
            ):
                continue
            answer = call(client, path, method, operation, world)
            assert answer.status_code in (403, 404), (who, name, answer.text)
    assert Client(web, "ann").get(f"/memory/{world['memory_id']}").status_code == 200


def _without_problem(answer: httpx.Response) -> Any:
    """The body, unless it is the problem that repeats the caller's own path."""
    if answer.status_code >= 400 or not answer.content:
        return None
    if not answer.headers["content-type"].startswith("application/json"):
        return answer.text
    return answer.json()


def _acme(web: Web, world: dict[str, str]) -> Any:
    ann = Client(web, "ann")
    conversation = world["conversation_id"]
    return (
        ann.get(f"/chat/conversations/{conversation}").json(),
        ann.messages(conversation),
        ann.get("/agents").json(),
        ann.get(f"/memory/{world['memory_id']}").json(),
        Client(web, "admin")
        .get("/cognitive/adaptation", agent_id=world["agent_id"])
        .json()["history"],
    )


VERB_MODULES: tuple[ModuleType, ...] = (
    chat_verbs, agent_verbs, policy_verbs, store, gateway_verbs, memory_verbs, verbs_writing,
    verbs_moving,
    verbs_cognition, memory_retention, key_verbs, ledger_verbs, routing_verbs,
    members, roles, grants, explaining, tenants,
)  # fmt: skip
# Reading one's own things in one's own tenant is not a breach.
STRANGER_MAY = {
    "list_conversations", "list_agents", "create_agent", "require_view",
    "search_memory", "recent_memory",
    "list_kinds", "list_models", "summarise", "draw_graph", "measure_backlog", "forget_memories",
    "replay_backlog", "export_memories", "read_retention", "set_retention",
    "see_policy", "set_policy", "list_keys", "create_key", "list_budgets", "create_budget",
    "see_usage", "list_calls", "list_prices",
    "see_rules", "set_rules", "try_rules", "list_decisions",
    "list_people", "list_roles", "create_role",
    "list_grants", "list_providers", "create_provider",
}  # fmt: skip


def verbs() -> list[Callable[..., Any]]:
    found = []
    for module in VERB_MODULES:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            parameters = list(inspect.signature(function).parameters)
            is_own = function.__module__ == module.__name__ and not name.startswith("_")
            if is_own and parameters[:1] == ["actor"]:
                found.append(function)
    return found


def arguments(function: Callable[..., Any], world: dict[str, str]) -> dict[str, Any]:
    """Plausible arguments by parameter name; Acme's ids wherever an id is asked for."""
    ready = {name: UUID(value) for name, value in world.items()}
    ready |= {
        "content": "x", "client_key": "k", "title": None, "idempotency_key": None, "name": "N",
        "instructions": "", "limit": 10, "after_name": None, "after": None, "signal": "positive",
        "comment": "", "policy": policy_verbs.Policy(),
        "text": "vault", "query": "vault", "changes": {"name": "Stolen"},
        "wanted": chat_verbs.ConversationFilter(),
        "change": chat_verbs.ConversationChange(frozenset({"title"}), "Stolen"),
    }  # fmt: skip
    if function.__module__.startswith("memory."):
        ready |= {
            "query": GraphQuery(), "selection": These((UUID(world["memory_id"]),)),
            "draft": verbs_writing.Draft(UUID(world["agent_id"]), "x"), "body": b'{"text": "x"}',
            "change": memory_retention.RetentionChange(frozenset({"days"}), 5),
            "levels": {}, "weights": {"alpha": 2.0}, "reason": "", "steps": 1, "depth": "deep",
            "is_dry_run": True, "max_seconds": 60.0,
        }  # fmt: skip
    if function.__module__ == "gateway.verbs":
        from gateway.drafts import ModelDraft, ProviderChange, ProviderDraft

        ready["draft"] = ProviderDraft(
            name="P", kind="openai-compatible", base_url="http://127.0.0.1:9/v1",
            models=(ModelDraft("m"),),
        )  # fmt: skip
        ready["change"] = ProviderChange(name="Stolen")
        ready["model"] = None
    if function.__module__.startswith(("gateway.ledger", "gateway.apikeys")):
        ready |= {
            "before": None, "overlap_s": 0, "price": None,
            "query": ledger_verbs.UsageQuery(now(), now()),
            "draft": ledger_verbs.BudgetDraft("usd", "tenant", None, "day", 1)
            if "ledger" in function.__module__ else key_verbs.KeyDraft(name="K"),
        }  # fmt: skip
    if function.__module__.startswith("saas."):
        ready |= {
            "permissions": ["use"], "permission": "tenant.use", "reason": "Because",
            "wanted": members.Roles("sysadmin"),
            "draft": grants.GrantDraft(
                UUID(world["user_id"]), "conversation", UUID(world["conversation_id"]), "viewer",
                "to steal",
            ),
        }  # fmt: skip
    if function.__module__ == "gateway.routing.verbs":
        ready |= {
            "draft": {}, "before": None, "trial": routing_verbs.Trial(Need()), "by": "tenant",
            "wanted": routing_verbs.DecisionFilter(), "since": now(), "until": now(),
        }  # fmt: skip
    if function.__module__.startswith("saas.sso."):
        ready |= {
            "draft": sso_providers.ProviderDraft("G", "github", "c", "s"),
            "change": sso_providers.ProviderChange(name="Stolen"),
            "domain": "acme.example",
        }
    return {
        name: ready[name]
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "actor" and parameter.default is inspect.Parameter.empty
    }


@pytest.mark.parametrize("who", ["nobody in acme", "stranger"])
def test_every_verb_denies_those_without_a_right(
    web: Web, world: dict[str, str], cast: Cast, who: str
) -> None:
    nobody = Actor(uuid.uuid4(), cast.acme_id, role=None)
    actor = cast.stranger if who == "stranger" else nobody
    checked = 0
    for function in verbs():
        if who == "stranger" and function.__name__ in STRANGER_MAY:
            continue
        if function.__name__ in {"list_kinds", "list_models"}:
            continue
        with pytest.raises(SomaError) as refused:
            result = function(actor, **arguments(function, world))
            pytest.fail(f"{function.__module__}.{function.__name__} answered {result!r}")
        assert refused.value.status in (401, 403, 404), function.__name__
        checked += 1
    assert checked >= 18
