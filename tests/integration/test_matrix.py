"""Every route for every role of the table: who may is worked out from the schema, not written down.

`NEEDS` says what a route asks for. A route without an entry fails, so does one that answers a role
otherwise than the table of permissions says. What was answered is kept in test-report/matrix.json.
"""

import json
from collections import Counter

from kernel.actor import Actor
from saas.authz.check import allowed
from saas.authz.schema import ROLES
from saas.models import Role, User
from saas.provisioning import ensure_membership
from tests.integration.test_sweep import ABOUT_ONESELF, call, operations, world  # noqa: F401
from tests.support.cast import Cast, password_hash
from tests.support.report import REPORT_DIR
from tests.support.simulator import SimulatedProvider
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
    "platform.manage_tenants": (
        "tenants_list tenants_suspend tenants_resume"
    ),
    "tenant.manage": (
        "auth_set_policy mode_set sso_create_provider sso_change_provider sso_delete_provider "
        "sso_add_domain sso_confirm_domain sso_remove_domain"
    ),
    "tenant.assign_roles": (
        "roles_create roles_update roles_delete"
    ),
    "tenant.administrate": (
        "auth_policy policy_see policy_set gateway_budgets gateway_create_budget "
        "gateway_update_budget gateway_delete_budget gateway_set_policy routing_set "
        "routing_decisions memory_replay invitations_list invitations_create "
        "invitations_resend invitations_revoke sso_providers sso_test_provider"
    ),
    "tenant.manage_people": (
        "people_roles people_suspend people_resume people_remove"
    ),
    "tenant.see_people": (
        "people_list people_see people_why roles_list grants_list"
    ),
    "tenant.see_audit": (
        "audit_list audit_stats audit_export"
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
        "memory_stats memory_graph mode_see"
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


def entries(table: dict[str, str]) -> dict[str, str]:
    return {route: need for need, routes in table.items() for route in routes.split()}


def persons(cast: Cast) -> dict[str, Actor]:
    """Somebody new for each role of the tenant, and a platform admin of another."""
    found = {"platform": cast.platform}
    for role in ROLES:
        user = User.objects.using("platform").create(
            email=f"the-{role}@example.org", display_name=role, password_hash=password_hash()
        )
        ensure_membership(user.id, cast.acme_id, Role(role))
        found[f"the-{role}"] = Actor(user.id, cast.acme_id, role)
    return found


def test_each_route_answers_each_role_as_the_schema_says(
    web: Web,
    model: SimulatedProvider,
    cast: Cast,
    world: dict[str, str],  # noqa: F811
) -> None:
    clients = {name: (Client(web, name), actor) for name, actor in persons(cast).items()}
    needs, owned = entries(NEEDS), entries(OWNED)
    answers: dict[str, dict[str, int]] = {}
    unexpected = []
    for path, method, operation in operations(web):
        route = operation["operationId"]
        if route in ABOUT_ONESELF:
            continue
        assert route in needs | owned, f"{route} has no entry: what does it need?"
        for who, (client, actor) in clients.items():
            status = call(client, path, method, operation, world).status_code
            answers.setdefault(route, {})[who] = status
            may = allowed(actor, (needs | owned)[route])
            # Whoever may gets past the check; what they meet then depends on who was there before.
            if (status != 403) is not may or (route in owned and may and status != 404):
                unexpected.append((route, who, status))
    counts = Counter(
        "denied" if status in (403, 404) else "allowed"
        for by_person in answers.values()
        for status in by_person.values()
    )
    REPORT_DIR.mkdir(exist_ok=True)
    report = {"counts": counts, "unexpected": unexpected, "answers": answers}
    (REPORT_DIR / "matrix.json").write_text(json.dumps(report, indent=1))
    assert unexpected == []
    assert set(needs | owned) <= set(answers)
    assert min(counts["allowed"], counts["denied"]) > 200
