"""Who sees and who writes what: secrets are for those who made them."""

import json
import re

import pytest

from somaagent.generate import fields, reference

SECRET = re.compile(r"(client_|api_)?secret|password|(\w+_)?token|api_key|codes|ticket")


@pytest.fixture(scope="module")
def sheets() -> dict[str, fields.Sheet]:
    return {one.name: one for one in fields.sheets(json.loads(reference.openapi()))}


@pytest.mark.asvs("8.2.3")
def test_secrets_are_shown_once_to_who_made_them_and_never_again(
    sheets: dict[str, fields.Sheet],
) -> None:
    shown = {
        (one.name, name): sorted(one.seen_by)
        for one in sheets.values()
        for name in one.fields
        if one.seen_by and SECRET.fullmatch(name)
    }
    own, holder = fields.ONESELF, fields.NOBODY
    assert shown == {
        ("BegunOut", "access_token"): ["`platform.impersonate`"],
        ("MadeKeyOut", "secret"): ["`tenant.use`"],
        ("MeOut", "csrf_token"): ["`platform.impersonate`", own, holder],
        ("PairOut", "access_token"): [holder],
        ("PairOut", "refresh_token"): [holder],
        ("RecoveryCodesOut", "codes"): [own],
        ("ScimSecretOut", "secret"): ["`tenant.manage`"],
        ("SetupOut", "secret"): [own],
        ("TicketOut", "ticket"): [own],
    }


# What decides who somebody is, where, and what they may.
STANDING = {
    "id", "tenant_id", "user_id", "owner_id", "actor_id", "created_by", "acted_by",
    "is_platform_admin", "is_active", "is_strong", "status", "suspended_at",
    "must_change_password", "password_hash", "role", "roles", "own_roles", "permissions",
    "rights", "scope", "scopes", "default_role", "mfa",
}  # fmt: skip


@pytest.mark.asvs("8.2.3")
def test_what_decides_rights_is_written_by_those_alone_who_may(
    sheets: dict[str, fields.Sheet],
) -> None:
    written = {
        (one.name, name): sorted(one.written_by)
        for one in sheets.values()
        for name in one.fields
        if one.written_by and name in STANDING
    }
    own, people = [fields.ONESELF], ["`tenant.manage_people`"]
    assert written == {
        # Whoever lets a program in narrows their own rights; a key has at most its maker's.
        ("AnswerIn", "scope"): own,
        ("KeyIn", "scopes"): ["`tenant.use`", "owner with `tenant.use`"],
        ("KeyChangeIn", "scopes"): ["`tenant.use`"],
        # To one of one's own organisations.
        ("TenantIn", "tenant_id"): own,
        ("ModeIn", "tenant_id"): ["`tenant.manage`"],
        ("ImpersonationIn", "tenant_id"): ["`platform.impersonate`"],
        ("ImpersonationIn", "user_id"): ["`platform.impersonate`"],
        ("GrantIn", "user_id"): ["owner with `tenant.view`"],
        ("InviteIn", "role"): people,
        ("RolesIn", "role"): people,
        ("RolesIn", "roles"): people,
        ("RolesIn", "own_roles"): people,
        ("RoleIn", "permissions"): ["`tenant.assign_roles`"],
        ("RoleChangeIn", "permissions"): ["`tenant.assign_roles`"],
        ("SignInPolicyIn", "mfa"): ["`tenant.manage`"],
        ("ScimConnectIn", "default_role"): ["`tenant.manage`"],
        ("ScimGroupIn", "role"): ["`tenant.manage`"],
        ("SsoProviderIn", "default_role"): ["`tenant.manage`"],
        ("SsoProviderChangeIn", "default_role"): ["`tenant.manage`"],
    }


@pytest.mark.asvs("8.2.3")
def test_no_body_takes_fields_that_it_does_not_name() -> None:
    schemas = json.loads(reference.openapi())["components"]["schemas"]
    assert not [name for name, one in schemas.items() if one.get("additionalProperties")]


def test_what_a_body_and_an_answer_hold_inside_counts_as_theirs(
    sheets: dict[str, fields.Sheet],
) -> None:
    # Of a list of providers, and of the provider that was made.
    assert sheets["SsoDomainOut"].seen_by == {"`tenant.see_settings`", "`tenant.manage`"}
    assert sheets["SsoProviderIn"].written_by == {"`tenant.manage`"}
    assert sheets["SsoProviderIn"].seen_by == set()
    assert sheets["ConsentOut"].seen_by == {fields.ONESELF}
