"""Every route for every role of the table, in the tenant, in another one, in none, and signed out.

Who may is worked out from the schema, not written down: `NEEDS` says what a route asks for. A route
without an entry fails, so does one that answers a person otherwise than the table of permissions
says, or shows something of Acme elsewhere. The report is kept: see `tests.support.swept`.
"""

import re
from dataclasses import replace
from uuid import UUID

import httpx
import pytest

from kernel.actor import Actor
from saas import tenants
from saas.authz.check import allowed
from saas.authz.schema import ROLES
from saas.models import Role, User
from saas.provisioning import ensure_membership
from tests.integration.test_sweep import ABOUT_ONESELF, call, operations, world  # noqa: F401
from tests.support.cast import Cast, password_hash
from tests.support.operations import PUBLIC
from tests.support.simulator import SimulatedProvider
from tests.support.swept import Swept
from tests.support.web import Client, Web

NEEDS = {
    "agent.configure": (
        "agents_create agents_update"
    ),
    "agent.train": (
        "cognitive_state cognitive_params cognitive_adjust cognitive_rollback "
        "cognitive_adaptation cognitive_adaptation_reset cognitive_sleep "
        "cognitive_sleep_history cognitive_wake"
    ),
    "platform.manage_models": (
        "gateway_providers gateway_create_provider gateway_update_provider "
        "gateway_delete_provider gateway_test_provider gateway_default_model "
        "gateway_set_traits gateway_set_price gateway_import_prices gateway_spending "
        "routing_platform_see routing_platform_set routing_platform_try "
        "routing_platform_decisions"
    ),
    "platform.administrate": (
        "health_see health_database health_cache health_somabrain health_keycloak "
        "health_degradation health_breakers health_reset_breaker events_stats events_dead "
        "events_replay events_discard mode_tenants mails_list"
    ),
    "platform.impersonate": (
        "impersonations_list impersonations_people impersonations_ask impersonations_approve "
        "impersonations_begin impersonations_end"
    ),
    "platform.manage_tenants": (
        "tenants_list tenants_suspend tenants_resume sso_waiting_domains sso_approve_domain"
    ),
    "tenant.manage": (
        "auth_set_policy mode_set sso_create_provider sso_change_provider sso_delete_provider "
        "sso_add_domain sso_confirm_domain sso_remove_domain scim_connect scim_disconnect "
        "scim_group_role setup_address"
    ),
    "tenant.assign_roles": (
        "roles_create roles_update roles_delete"
    ),
    "tenant.administrate": (
        "setup_change setup_mark setup_put_off policy_set "
        "gateway_create_budget gateway_update_budget gateway_delete_budget "
        "gateway_set_policy routing_set memory_replay sso_test_provider"
    ),
    "tenant.see_settings": (
        "setup_see "
        "auth_policy policy_see gateway_budgets routing_decisions invitations_list sso_providers "
        "scim_see"
    ),
    "tenant.manage_people": (
        "invitations_create invitations_resend invitations_revoke "
        "people_roles people_suspend people_resume people_remove people_sign_out"
    ),
    "tenant.see_people": (
        "people_list people_see people_why roles_list grants_list"
    ),
    "tenant.see_audit": (
        "audit_list audit_stats audit_export audit_archives audit_archive"
    ),
    "tenant.use": (
        "conversations_create memory_import memory_create memory_set_retention "
        "memory_forget_many gateway_keys gateway_create_key gateway_update_key "
        "gateway_rotate_key gateway_revoke_key"
    ),
    "tenant.view": (
        "agents_list agents_derived conversations_list gateway_kinds gateway_models "
        "gateway_policy gateway_prices gateway_usage gateway_calls routing_see routing_try "
        "memory_retention memory_export memory_search memory_recent memory_pending "
        "memory_stats memory_graph"
    ),
}  # fmt: skip
# The same, of what only its owner reaches: here always somebody else's, so that nobody does.
OWNED = {
    "tenant.view": (
        "conversations_get messages_list turns_get turns_context turns_events memory_get "
        "grants_give grants_take_back"
    ),
    "tenant.use": (
        "conversations_change conversations_delete conversations_restore messages_send "
        "messages_edit messages_feedback turns_cancel turns_retry turns_continue "
        "memory_correct memory_forget"
    ),
}  # fmt: skip
# Whoever is signed in, with or without a tenant.
FOR_ANYBODY = ("mode_see",)
# What nobody else may be shown, in whatever answer.
SECRET_TEXT = "vault code"
SECRET_IDS = ("conversation_id", "turn_id", "message_id", "agent_id", "memory_id", "user_id")


def entries(table: dict[str, str]) -> dict[str, str]:
    return {route: need for need, routes in table.items() for route in routes.split()}


OF_ANN = entries(OWNED)
ASKED = entries(NEEDS) | OF_ANN | dict.fromkeys(FOR_ANYBODY, "")


def persons(cast: Cast) -> dict[str, Actor]:
    """Somebody new for each role in each tenant and in none; a platform admin, of Globex."""
    found = {"loner": Actor(person("loner"), None), "platform": cast.platform}
    for tenant, tenant_id in (("globex", cast.globex_id), ("acme", cast.acme_id)):
        for role in ROLES:
            user_id = person(f"{tenant}-{role}")
            ensure_membership(user_id, tenant_id, Role(role))
            found[f"{tenant}-{role}"] = Actor(user_id, tenant_id, role)
    return found


def person(name: str) -> UUID:
    made: UUID = (
        User.objects.using("platform")
        .create(email=f"{name}@example.org", display_name=name, password_hash=password_hash())
        .id
    )
    return made


def is_right(actor: Actor, route: str, path: str, status: int, *, at_home: bool) -> bool:
    """Whether the schema says so. Past the check, what is met depends on who was there before."""
    need = ASKED[route]
    if need and not allowed(actor, need):
        # Of what is another tenant's one need not even hear that it is forbidden.
        return status == 403 or (status == 404 and not at_home)
    if at_home and route in OF_ANN:
        return status == 404 or (status == 403 and actor.is_suspended)
    if at_home:
        return status != 403
    is_of_acme = need and not need.startswith("platform.") and re.search(r"{\w+_id}", path)
    return status == 404 if is_of_acme else status != 403


def shows_acme(
    answer: httpx.Response,
    world: dict[str, str],  # noqa: F811
    *,
    by_id: bool,
) -> bool:
    """Whether something of Acme's is in it; a problem may repeat the caller's own path."""
    ids = [world[name] for name in SECRET_IDS] if by_id and answer.status_code < 400 else []
    return any(secret in answer.text for secret in (SECRET_TEXT, *ids))


def test_signed_out_one_reaches_nothing_that_is_not_public(
    web: Web,
    world: dict[str, str],  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    swept = Swept("routes, signed out")
    nobody = Client(web)
    for path, method, operation in operations(web):
        route = operation["operationId"]
        if route not in PUBLIC:
            answer = call(nobody, path, method, operation, world)
            assert answer.headers["content-type"] == "application/problem+json"
            status = answer.status_code
            swept.met(route, "signed out", status, allowed=False, expected=status == 401)
    swept.close(capsys)


@pytest.mark.asvs("8.2.1", "8.2.2", "8.3.1", "8.4.1")
def test_each_route_answers_each_person_as_the_schema_says(
    web: Web,
    model: SimulatedProvider,
    cast: Cast,
    world: dict[str, str],  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    swept = Swept("routes")
    people = persons(cast)
    at_home = [name for name in people if people[name].tenant_id == cast.acme_id]
    before = of_acme(web, world)
    sweep_routes(web, {one: people[one] for one in people if one not in at_home}, world, swept)
    assert of_acme(web, world) == before
    sweep_routes(web, {one: people[one] for one in at_home}, world, swept)
    assert set(ASKED) <= set(swept.answers)
    swept.close(capsys)


def test_in_a_suspended_tenant_each_route_answers_as_the_schema_says(
    web: Web,
    cast: Cast,
    world: dict[str, str],  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An admin, who may go on reading, and a member, who may do nothing: the other roles are no
    different from theirs (`tests/unit/saas/test_authz.py`)."""
    swept = Swept("routes of a suspended tenant")
    before = of_acme(web, world)
    tenants.suspend_tenant(cast.platform, cast.acme_id, "No payment")
    people = {"admin": cast.admin, "bob": cast.bob}
    suspended = {one: replace(people[one], is_suspended=True) for one in people}
    sweep_routes(web, suspended, world, swept)
    swept.close(capsys)
    tenants.resume_tenant(cast.platform, cast.acme_id)
    assert of_acme(web, world) == before


def sweep_routes(
    web: Web,
    people: dict[str, Actor],
    world: dict[str, str],  # noqa: F811
    swept: Swept,
) -> None:
    """Each of the people, all in Acme or none of them, calls every route."""
    clients = {name: Client(web, name) for name in people}
    for path, method, operation in operations(web):
        route = operation["operationId"]
        if route in ABOUT_ONESELF:
            continue
        assert route in ASKED, f"{route} has no entry: what does it need?"
        for name, actor in people.items():
            at_home = str(actor.tenant_id) == world["tenant_id"]
            answer = call(clients[name], path, method, operation, world)
            status = answer.status_code
            expected = is_right(actor, route, path, status, at_home=at_home)
            # Platform admins are told of every tenant's calls, never of what was said.
            by_id = not ASKED[route].startswith("platform.")
            expected &= at_home or not shows_acme(answer, world, by_id=by_id)
            swept.met(route, name, status, allowed=status not in (403, 404), expected=expected)


def of_acme(web: Web, world: dict[str, str]) -> object:  # noqa: F811
    """What Ann has there, and what her agent has learned."""
    ann, admin = Client(web, "ann"), Client(web, "admin")
    conversation = world["conversation_id"]
    return (
        ann.get(f"/chat/conversations/{conversation}").json(),
        ann.messages(conversation),
        ann.get("/agents").json(),
        ann.get(f"/memory/{world['memory_id']}").json(),
        admin.get("/cognitive/adaptation", agent_id=world["agent_id"]).json()["history"],
    )
