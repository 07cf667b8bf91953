"""Every tenant table is sealed: forced row-level security, composite keys, least privilege."""

import pytest
from django.apps import apps
from django.db import connection, connections

from kernel.tenancy import TenantModel

TENANT_MODELS = [model for model in apps.get_models() if issubclass(model, TenantModel)]
GLOBAL_TABLES = {
    "django_migrations",
    "saas_tenant",
    "saas_user",
    "saas_membership",
    "saas_session",
    "saas_signinattempt",
    "saas_ticket",
    "saas_operatingmode",
    "saas_authenticatorapp",
    "saas_consent",
    "saas_identitypolicy",
    "saas_mail",
    "saas_onetimesecret",
    "saas_passkey",
    "saas_recoverycode",
    "saas_realmaccount",
    "saas_realmsession",
    "saas_refreshtoken",
    "saas_resetrequest",
    "saas_signingkey",
    "gateway_provider",
    "gateway_model",
    "gateway_price",
    "brain_server_key",
    "kernel_busrecord",
    "kernel_busposition",
}


def _rows(query: str, *values: object) -> list[tuple]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def test_the_sweep_below_has_something_to_sweep() -> None:
    assert len(TENANT_MODELS) >= 10


def test_every_table_is_a_tenant_table_or_named_as_global(database: None) -> None:
    tables = {row[0] for row in _rows("select tablename from pg_tables where schemaname='public'")}
    tenant_tables = {model._meta.db_table for model in TENANT_MODELS}
    assert tables == tenant_tables | GLOBAL_TABLES


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.db_table)
def test_row_level_security_is_enabled_and_forced(model: type, database: None) -> None:
    table = model._meta.db_table
    assert _rows(
        "select relrowsecurity, relforcerowsecurity from pg_class where relname = %s", table
    ) == [(True, True)]
    policies = _rows(
        "select polcmd::text, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid) "
        "from pg_policy where polrelid = %s::regclass",
        table,
    )
    assert len(policies) == 1
    command, using, check = policies[0]
    assert command == "*"
    assert "soma.tenant_id" in using
    assert using == check


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.db_table)
def test_ids_are_unique_with_their_tenant_and_tenant_is_never_null(
    model: type, database: None
) -> None:
    table = model._meta.db_table
    uniques = _rows(
        "select pg_get_constraintdef(oid) from pg_constraint "
        "where conrelid = %s::regclass and contype = 'u'",
        table,
    )
    assert ("UNIQUE (tenant_id, id)",) in uniques
    assert _rows(
        "select is_nullable from information_schema.columns "
        "where table_name = %s and column_name = 'tenant_id'",
        table,
    ) == [("NO",)]


def test_every_foreign_key_between_tenant_tables_is_composite(database: None) -> None:
    tables = {model._meta.db_table for model in TENANT_MODELS}
    keys = _rows(
        "select conrelid::regclass::text, confrelid::regclass::text, pg_get_constraintdef(oid) "
        "from pg_constraint where contype = 'f'"
    )
    between = [key for key in keys if key[0] in tables and key[1] in tables]
    assert len(between) >= 6
    assert [key for key in between if "(tenant_id, " not in key[2]] == []


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.db_table)
def test_every_relation_of_a_model_is_a_composite_key_in_the_database(
    model: type, database: None
) -> None:
    columns = [
        field.column
        for field in model._meta.get_fields()
        if getattr(field, "many_to_one", False) and field.concrete
    ]
    keys = " ".join(
        row[0]
        for row in _rows(
            "select pg_get_constraintdef(oid) from pg_constraint "
            "where conrelid = %s::regclass and contype = 'f'",
            model._meta.db_table,
        )
    )
    assert [column for column in columns if f"(tenant_id, {column})" not in keys] == []


def test_no_restricted_role_owns_anything_or_may_bypass_what_it_must_not(database: None) -> None:
    roles = {
        row[0]: row[1:]
        for row in _rows(
            "select rolname, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls from pg_roles "
            "where rolname in ('soma_app', 'soma_platform')"
        )
    }
    assert roles["soma_app"] == (False, False, False, False)
    assert roles["soma_platform"] == (False, False, False, True)
    owned = _rows(
        "select tablename from pg_tables where tableowner in ('soma_app', 'soma_platform')"
    )
    assert owned == []
    with connection.cursor() as cursor:
        cursor.execute("select current_user")
        assert cursor.fetchone() == ("soma_app",)


def test_the_app_role_cannot_make_itself_a_platform_admin(database: None) -> None:
    grants = {
        row[0]
        for row in _rows(
            "select column_name from information_schema.column_privileges "
            "where grantee = 'soma_app' and table_name = 'saas_user' and privilege_type = 'UPDATE'"
        )
    }
    assert grants == {"password_hash", "must_change_password"}
