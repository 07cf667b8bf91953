"""The permission matrix, cell by cell, and the equality of `allowed` and `visible`."""

from uuid import uuid4

import pytest
from django.db.models import Q

from kernel.actor import Actor
from kernel.errors import Forbidden, NotFound
from saas.authz.check import EVERYTHING, NOTHING, allowed, granted, require, visible
from saas.authz.schema import ROLES, SCHEMA, permission_names
from saas.errors import PasswordChangeRequired, TenantSuspended

TENANT = uuid4()
MATRIX = {
    "tenant.manage": {"sysadmin"},
    "tenant.administrate": {"sysadmin", "admin"},
    "tenant.see_settings": {"sysadmin", "admin"},
    "tenant.assign_roles": {"sysadmin"},
    "tenant.view_billing": {"sysadmin", "billing_admin"},
    "tenant.manage_people": {"sysadmin", "admin"},
    "tenant.see_audit": {"sysadmin", "admin", "security_auditor"},
    "tenant.use": {"sysadmin", "admin", "developer", "trainer", "member"},
    "tenant.view": set(ROLES),
    "agent.view": set(ROLES),
    "agent.use": {"sysadmin", "admin", "developer", "trainer", "member"},
    "agent.configure": {"sysadmin", "admin"},
    "agent.develop": {"sysadmin", "admin", "developer"},
    "agent.train": {"sysadmin", "admin", "trainer"},
}


class Row:
    def __init__(self, owner: object, tenant_id: object = TENANT) -> None:
        self.user_id, self.tenant_id = owner, tenant_id


def actor(role: str | None, **extra: object) -> Actor:
    return Actor(uuid4(), TENANT if role else None, role, **extra)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", [*ROLES, None])
@pytest.mark.parametrize("permission", sorted(MATRIX))
def test_each_role_holds_exactly_its_permissions(permission: str, role: str | None) -> None:
    assert allowed(actor(role), permission) is (role in MATRIX[permission])


@pytest.mark.parametrize("role", [*ROLES, None])
@pytest.mark.parametrize("name", ["read", "write", "delete"])
@pytest.mark.parametrize("kind", ["conversation", "memory"])
def test_only_the_owner_reaches_a_row_and_a_viewer_only_reads(
    kind: str, name: str, role: str | None
) -> None:
    someone = actor(role)
    may = role in MATRIX["tenant.use"] or (role is not None and name == "read")
    assert allowed(someone, f"{kind}.{name}", Row(someone.user_id)) is may  # type: ignore[arg-type]
    assert not allowed(someone, f"{kind}.{name}", Row(uuid4()))  # type: ignore[arg-type]
    foreign = Row(someone.user_id, uuid4())
    assert not allowed(someone, f"{kind}.{name}", foreign)  # type: ignore[arg-type]


def test_a_platform_admin_gets_no_tenant_content_by_that() -> None:
    admin = actor(None, is_platform_admin=True)
    assert granted(admin) == [
        "platform.administrate",
        "platform.manage_models",
        "platform.manage_tenants",
        "platform.see_audit",
        "platform.impersonate",
    ]
    assert not allowed(admin, "conversation.read", Row(admin.user_id))  # type: ignore[arg-type]


def test_a_tenant_role_gives_nothing_on_the_platform() -> None:
    for name in SCHEMA["platform"].permissions:
        assert not allowed(actor("sysadmin"), f"platform.{name}")


def test_denial_of_a_row_hides_that_it_exists() -> None:
    with pytest.raises(NotFound):
        require(actor("member"), "conversation.read", Row(uuid4()))  # type: ignore[arg-type]
    with pytest.raises(Forbidden):
        require(actor("viewer"), "tenant.use")
    viewer = actor("viewer")
    with pytest.raises(Forbidden):
        require(viewer, "conversation.write", Row(viewer.user_id))  # type: ignore[arg-type]


def test_a_list_is_narrowed_by_the_same_schema() -> None:
    member = actor("member")
    owned = Q(user_id=member.user_id) & Q(tenant_id=TENANT)
    assert visible(member, "conversation.read") == EVERYTHING & owned
    assert visible(actor(None), "agent.view") == NOTHING


def test_nothing_is_allowed_before_the_one_time_password_is_changed() -> None:
    fresh = actor("sysadmin", is_platform_admin=True, must_change_password=True)
    for permission in permission_names():
        with pytest.raises(PasswordChangeRequired):
            require(fresh, permission)


def test_an_unknown_permission_is_a_defect_not_a_yes() -> None:
    with pytest.raises(KeyError):
        allowed(actor("sysadmin"), "tenant.fly")


def test_further_roles_and_own_roles_add_to_the_main_one() -> None:
    both = actor("viewer", further=frozenset({"trainer"}))
    assert allowed(both, "agent.train")
    assert not allowed(both, "agent.configure")
    assert allowed(actor("viewer", rights=frozenset({"view_billing"})), "tenant.view_billing")
    # The name of a right is no name of a role, nor the other way round.
    assert not allowed(actor(None, rights=frozenset({"sysadmin"})), "tenant.manage")


@pytest.mark.parametrize("role", ROLES)
def test_in_a_suspended_tenant_admins_read_and_the_rest_have_nothing(role: str) -> None:
    someone = actor(role, is_suspended=True, is_platform_admin=True)
    for name in permission_names():
        kind, _, bare = name.partition(".")
        if kind == "platform":
            assert allowed(someone, name)
            continue
        row = Row(someone.user_id)
        reads = bare in {"view", "read", "view_billing", "see_people", "see_audit", "see_settings"}
        may = role in {"sysadmin", "admin"} and reads
        may = may and role in MATRIX.get(name, ROLES)
        if kind in {"tenant", "conversation", "memory"}:
            assert allowed(someone, name, row) is may, name  # type: ignore[arg-type]
        if not (reads and role in {"sysadmin", "admin"}):
            with pytest.raises(TenantSuspended):
                require(someone, name, row)  # type: ignore[arg-type]
