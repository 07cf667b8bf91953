"""The sweep's world and calls, and every verb for every role, in the tenant, another one and none.

Routes are in `test_matrix`, frames and events in `test_sweep_frames`, the report in
`tests.support.swept`.
"""

import importlib
import inspect
import pkgutil
import re
import uuid
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, get_type_hints
from uuid import UUID

import httpx
import pytest

import chat
import gateway
import health
import memory
import saas
from gateway.models import Price
from kernel.actor import Actor
from kernel.clock import now
from kernel.errors import SomaError
from saas.authz.check import allowed
from saas.authz.schema import ROLES
from saas.errors import StepUpRequired
from saas.people.grants import GrantDraft
from saas.people.members import Roles
from saas.provisioning import ensure_person
from tests.support.cast import PASSWORD, Cast
from tests.support.invented import invent
from tests.support.operations import PUBLIC
from tests.support.simulator import SimulatedProvider
from tests.support.snapshot import rows_of
from tests.support.swept import Swept
from tests.support.web import Client, Web

# Operations about oneself: allowed to anyone who is signed in, with or without a tenant.
ABOUT_ONESELF = PUBLIC | {
    "auth_logout", "auth_me", "auth_change_password", "auth_switch_tenant", "auth_ws_ticket",
    "auth_request_email", "auth_change_profile", "auth_step_up", "auth_step_up_passkey",
    "auth_mfa_status", "auth_mfa_setup", "auth_mfa_verify", "auth_mfa_disable", "auth_mfa_codes",
    "auth_passkeys", "auth_passkey_ask", "auth_passkey_add", "auth_passkey_remove",
    "auth_sessions", "auth_end_others", "auth_end_session", "auth_history",
    "auth_ask_consent", "auth_authorize", "auth_consents", "auth_revoke_consent",
    "invitations_accept",
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
        "impersonation_id": str(uuid.uuid4()),
        "archive_id": str(uuid.uuid4()),
        "passkey_id": str(uuid.uuid4()),
        "session_id": str(uuid.uuid4()),
        "consent_id": str(uuid.uuid4()),
        "sso_id": Client(web, "sysadmin")
        .post(
            "/sso/providers",
            {
                # Nobody listens there: the test of it says so at once.
                "name": "G",
                "kind": "oidc",
                "issuer": "http://127.0.0.1:9/realm",
                "client_id": "c",
                "client_secret": "s",
            },
        )
        .json()["id"],
        "domain_id": str(uuid.uuid4()),
        "group_id": str(uuid.uuid4()),
        "key_id": ann.post("/gateway/keys", {"name": "Ann's"}).json()["key"]["id"],
        "budget_id": budget.json()["id"],
    }


# Parts of addresses that are no ids.
NAMED = {"name": "brain", "step": "agent", "domain": "acme.example"}


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
        "scim_connect": {},
        "scim_group_role": {"role": "member"},
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
        "setup_mark": {"state": "done"},
        "setup_change": {"name": "Stolen"},
        "setup_address": {"address": "stolen"},
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
        "impersonations_ask": {
            "tenant_id": world["tenant_id"], "user_id": world["user_id"], "reason": "Because",
        },
    }.get(operation)  # fmt: skip


def call(
    client: Client, path: str, method: str, operation: dict[str, Any], world: dict[str, str]
) -> httpx.Response:
    concrete = re.sub(r"\{(\w+)\}", lambda match: (world | NAMED)[match.group(1)], path)
    asked = {
        "q": "vault", "agent_id": world["agent_id"], "permission": "tenant.use",
        "tenant_id": world["tenant_id"],
    }  # fmt: skip
    required = [one["name"] for one in operation.get("parameters", ()) if one.get("required")]
    query = {name: asked[name] for name in required if name in asked}
    body = body_of(operation["operationId"], world)
    return client.http.request(method.upper(), concrete, json=body, params=query)


# What a verb asks for, by module. A verb without an entry fails the sweep.
VERBS: dict[str, dict[str, str]] = {
    "platform.administrate": {
        "saas.events": "discard_letters replay_letters see_delivery see_letters",
        "saas.identity.mails": "see_mails",
        "saas.modes": "list_tenant_modes set_platform_mode",
        "health.verbs": "reset_breaker see_breakers see_degradation see_health see_service",
    },
    "platform.impersonate": {
        "saas.identity.impersonation": (
            "approve ask begin end list_candidates list_impersonations"
        ),
    },
    "platform.manage_tenants": {
        "saas.sso.domains": "approve_domain list_waiting",
        "saas.tenants": "list_tenants resume_tenant suspend_tenant",
    },
    "platform.manage_models": {
        "gateway.ledger.verbs": "import_prices set_price",
        "gateway.routing.verbs": (
            "list_platform_decisions see_platform_rules see_spending set_platform_rules "
            "try_platform_rules"
        ),
        "gateway.trial": "try_provider",
        "gateway.verbs": (
            "create_provider delete_provider list_providers set_default_model set_traits "
            "update_provider"
        ),
    },
    "tenant.manage": {
        "saas.identity.policy": "set_sign_in_policy",
        "saas.modes": "set_tenant_mode",
        "saas.setup": "change_address",
        "saas.sso.domains": "add_domain confirm_domain remove_domain",
        "saas.sso.providers": "change_provider create_provider delete_provider",
        "saas.scim.connection": "connect disconnect set_group_role",
    },
    "tenant.assign_roles": {
        "saas.people.roles": "create_role delete_role update_role",
    },
    "tenant.administrate": {
        "saas.sso.trial": "try_provider",
        "gateway.ledger.verbs": "create_budget delete_budget set_policy update_budget",
        "gateway.routing.verbs": "set_rules",
        "memory.verbs_writing": "replay_backlog",
        "chat.policy": "set_policy",
        "saas.setup": "change_organisation mark_step put_off",
    },
    "tenant.see_settings": {
        "saas.identity.invitations": "list_invitations",
        "saas.identity.policy": "see_sign_in_policy",
        "saas.scim.connection": "see_connection",
        "saas.sso.providers": "list_providers",
        "gateway.ledger.verbs": "list_budgets",
        "gateway.routing.verbs": "list_decisions",
        "chat.policy": "see_policy",
        "saas.setup": "see_setup",
    },
    "tenant.manage_people": {
        "saas.identity.invitations": "invite resend revoke",
        "saas.people.members": (
            "change_roles remove_person resume_person sign_out_person suspend_person"
        ),
    },
    "tenant.see_people": {
        "saas.people.explaining": "explain",
        "saas.people.grants": "list_grants",
        "saas.people.members": "list_people see_person",
        "saas.people.roles": "list_roles",
    },
    "tenant.see_audit": {
        "saas.audit.archiving": "list_archives read_archive",
        "saas.audit.exploring": "count_actions export_entries list_entries",
    },
    "agent.configure": {
        "chat.agents": "create_agent update_agent",
    },
    "agent.train": {
        "memory.verbs_cognition": (
            "adjust_cognition list_sleep read_cognition reset_cognition roll_cognition_back "
            "start_sleep wake_agent"
        ),
    },
    "tenant.use": {
        "gateway.apikeys.verbs": "create_key list_keys revoke_key rotate_key update_key",
        "memory.retention": "set_retention",
        "memory.verbs_moving": "import_memories",
        "memory.verbs_writing": "correct_memory create_memory forget_memories forget_memory",
        "chat.turns.opening": "open_continue open_edit open_message open_retry",
        "chat.turns.store": "ask_cancel",
        "chat.verbs": (
            "change_conversation create_conversation delete_conversation give_feedback "
            "restore_conversation"
        ),
    },
    "tenant.view": {
        "saas.people.grants": "give take_back",
        "gateway.ledger.verbs": "list_calls list_prices see_policy see_usage",
        "gateway.routing.verbs": "see_rules try_rules",
        "gateway.verbs": "list_kinds list_models",
        "memory.retention": "read_retention",
        "memory.verbs": (
            "draw_graph measure_backlog read_memory recent_memory search_memory summarise"
        ),
        "memory.verbs_moving": "export_memories",
        "chat.agents": "list_agents require_view",
        "chat.turns.store": "get_report get_turn load_accepted",
        "chat.verbs": (
            "get_conversation get_message list_conversations list_messages watch_conversation"
        ),
    },
    # Whoever it is; what the person may join or see is asked later.
    "": {
        "saas.identity.invitations": "accept",
        "saas.modes": "see_mode",
    },
}

APPS = (saas, gateway, memory, chat, health)
# They take an actor and are no verbs: parts of the check itself, or of verbs that begin with it.
NO_VERBS = {
    "saas.audit.recording", "saas.authz.check", "saas.identity.acting", "saas.identity.step_up",
    "memory.scoping", "chat.access", "chat.answering", "chat.sse", "health.degraded",
    # A directory's bearer is the right to these, in its tenant alone (test_scim.py).
    "saas.scim.groups", "saas.scim.roles", "saas.scim.users",
}  # fmt: skip
# About the actor's own account, whoever it is.
OF_ONESELF = {
    "saas.identity.consents", "saas.identity.passkeys", "saas.identity.recovery",
    "saas.identity.second_factor", "saas.identity.sessions", "saas.identity.tokens",
    "saas.identity.verbs",
}  # fmt: skip


def verbs() -> list[Callable[..., Any]]:
    """Every public function of the apps that begins with an actor; asynchronous ones are frames."""
    return [
        function
        for module in modules()
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and not inspect.iscoroutinefunction(function)
        # A context that verbs work in.
        and not inspect.isgeneratorfunction(inspect.unwrap(function))
        and next(iter(inspect.signature(function).parameters), "") == "actor"
    ]


def modules() -> Iterator[ModuleType]:
    for app in APPS:
        for found in pkgutil.walk_packages(app.__path__, f"{app.__name__}."):
            is_code = not re.search(r"\.(migrations|management)", found.name)
            if is_code and found.name not in NO_VERBS | OF_ONESELF:
                yield importlib.import_module(found.name)


def arguments(function: Callable[..., Any], world: dict[str, str]) -> dict[str, Any]:
    """Acme's ids wherever an id is asked for, something plain elsewhere."""
    known: dict[str, Any] = {name: UUID(value) for name, value in world.items()}
    known |= {
        "title": None, "name": "Name", "domain": "acme.example", "role": "member", "limit": 10,
        "reason": "Because", "permissions": ["use"], "permission": "tenant.use",
        "default_role": "member",
        "emails": ["guest@example.org"], "weights": {"alpha": 2.0}, "levels": {},
        "is_personal": True,
    }  # fmt: skip
    if function.__module__ == "saas.people.grants":
        conversation = ("conversation", known["conversation_id"], "viewer", "to steal")
        known["draft"] = GrantDraft(known["user_id"], *conversation)
    if function.__module__ == "gateway.ledger.verbs":
        known["price"] = Price(input_micros=1, cached_micros=1, output_micros=1, valid_from=now())
    if function.__module__ == "saas.people.members":
        known["wanted"] = Roles("viewer")
    hints = get_type_hints(function)
    return {
        name: invent(hints[name], name, known)
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "actor" and parameter.default is inspect.Parameter.empty
    }


def test_each_verb_answers_each_actor_as_the_schema_says(
    web: Web,
    world: dict[str, str],
    cast: Cast,
    no_worker: None,
    nobody_is_woken: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    swept = Swept("verbs")
    someone = ensure_person("someone@example.org", "Someone", password=PASSWORD).user_id
    before = rows_of(cast.acme_id)
    abroad = {f"globex-{role}": Actor(someone, cast.globex_id, role) for role in ROLES}
    sweep_verbs({"loner": Actor(someone, None), **abroad}, world, swept)
    assert rows_of(cast.acme_id) == before
    at_home = {f"acme-{role}": Actor(someone, cast.acme_id, role) for role in ROLES}
    nobody = Actor(someone, cast.acme_id, role=None)
    sweep_verbs({"nobody in acme": nobody, **at_home, "platform": cast.platform}, world, swept)
    swept.close(capsys)


def sweep_verbs(people: dict[str, Actor], world: dict[str, str], swept: Swept) -> None:
    needs = {
        f"{module}.{name}": need
        for need, by_module in VERBS.items()
        for module, names in by_module.items()
        for name in names.split()
    }
    found = {f"{function.__module__}.{function.__name__}": function for function in verbs()}
    assert set(found) == set(needs), "a verb has no entry, or an entry no verb"
    for verb, function in found.items():
        for name, actor in people.items():
            try:
                function(actor, **arguments(function, world))
            except SomaError as error:
                met = error.status
                # These actors have no session; that they must sign in again first says nothing.
                if isinstance(error, StepUpRequired):
                    continue
            else:
                met = 200
            may = not needs[verb] or allowed(actor, needs[verb])
            # Of what is another tenant's one need not even hear that it is forbidden.
            denied = met == 403 or (met == 404 and not may)
            swept.met(verb, name, met, allowed=met not in (401, 403, 404), expected=denied != may)
