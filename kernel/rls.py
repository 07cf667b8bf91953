"""Row-level security, composite keys and the restricted roles, as migration operations.

A plain foreign key bypasses row-level security: a row of tenant B could point at one of tenant A.
`ForceTenantRLS` therefore adds `unique (tenant_id, id)` and foreign keys over both columns.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from psycopg import sql

APP_ROLE = "soma_app"
PLATFORM_ROLE = "soma_platform"
EXTENSIONS = ("vector", "pg_trgm")

# nullif: after a transaction-local setting expires its value is '', not NULL.
# The sub-select is evaluated once a statement, so the index on tenant_id stays usable.
POLICY = "tenant_id = (select nullif(current_setting('soma.tenant_id', true), '')::uuid)"


def ensure_roles(owner_dsn: str, *, login: bool) -> None:
    """Create the restricted roles and the extensions; safe to repeat and to run concurrently.

    `login`: the roles sign in themselves (embedded server, socket only). Otherwise the owner may
    `set role` to them. Neither role is superuser or owner; only the platform role may bypass RLS.
    """
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        # Roles are shared by a whole cluster: two installations may set up at the same time.
        connection.execute("select pg_advisory_lock(7360001)")
        for role, bypass in ((APP_ROLE, "nobypassrls"), (PLATFORM_ROLE, "bypassrls")):
            name = sql.Identifier(role)
            exists = connection.execute("select 1 from pg_roles where rolname = %s", [role])
            if exists.fetchone() is None:
                connection.execute(
                    sql.SQL("create role {} nosuperuser nocreatedb nocreaterole " + bypass).format(
                        name
                    )
                )
            if login:
                connection.execute(sql.SQL("alter role {} login").format(name))
            else:
                connection.execute(sql.SQL("grant {} to current_user").format(name))
        for role in (APP_ROLE, PLATFORM_ROLE):
            connection.execute(
                sql.SQL("grant usage on schema public to {}").format(sql.Identifier(role))
            )
        for extension in EXTENSIONS:
            connection.execute(
                sql.SQL("create extension if not exists {}").format(sql.Identifier(extension))
            )
        connection.execute("select pg_advisory_unlock(7360001)")


class _SqlOperation(Operation):
    """Runs forward and backward statements built from the table's name."""

    reduces_to_sql = True
    reversible = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """No model state changes: these live in the database alone."""

    def forward_sql(self) -> list[str]:
        """Statements that apply the operation."""
        raise NotImplementedError

    def backward_sql(self) -> list[str]:
        """Statements that undo it."""
        raise NotImplementedError

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Apply."""
        for statement in self.forward_sql():
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Undo."""
        for statement in self.backward_sql():
            schema_editor.execute(statement, params=None)


class ForceTenantRLS(_SqlOperation):
    """Seal a tenant table: forced policy, unique (tenant_id, id), composite keys, grants.

    `references`: {column: (table, action)}, action one of CASCADE, RESTRICT, SET NULL.
    `append_only`: neither role may update or delete (audit, ledgers), enforced by a trigger too.
    """

    def __init__(
        self,
        table: str,
        references: Mapping[str, tuple[str, str]] | None = None,
        *,
        append_only: bool = False,
    ) -> None:
        self.table = table
        self.references = dict(references or {})
        self.append_only = append_only

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """For the migration writer."""
        return (
            "ForceTenantRLS",
            [self.table, self.references],
            {"append_only": self.append_only},
        )

    def describe(self) -> str:
        """One line for `migrate --plan`."""
        return f"Force row-level security and composite keys on {self.table}"

    def forward_sql(self) -> list[str]:
        """Unique key, composite foreign keys, policy, grants."""
        table = self.table
        statements = [
            f"alter table {table} add constraint {table}_tenant_uq unique (tenant_id, id)",
        ]
        for column, (target, action) in self.references.items():
            # SET NULL names the column: the tenant of a row never becomes NULL.
            on_delete = f"set null ({column})" if action == "SET NULL" else action.lower()
            statements.append(
                f"alter table {table} add constraint {table}_{column}_tenant_fk "
                f"foreign key (tenant_id, {column}) references {target} (tenant_id, id) "
                f"on delete {on_delete} deferrable initially immediate"
            )
        verbs = "select, insert" if self.append_only else "select, insert, update, delete"
        statements += [
            f"alter table {table} enable row level security",
            f"alter table {table} force row level security",
            f"create policy tenant_isolation on {table} using ({POLICY}) with check ({POLICY})",
            f"grant {verbs} on {table} to {APP_ROLE}, {PLATFORM_ROLE}",
        ]
        if self.append_only:
            statements += [
                "create or replace function soma_refuse_change() returns trigger language plpgsql "
                "as $$ begin raise exception 'append-only table %', tg_table_name "
                "using errcode = 'insufficient_privilege'; end $$",
                f"create trigger {table}_append_only before update or delete or truncate "
                f"on {table} for each statement execute function soma_refuse_change()",
            ]
        return statements

    def backward_sql(self) -> list[str]:
        """Drop policy and keys (the table itself goes with its own migration)."""
        table = self.table
        keys = [f"{table}_{column}_tenant_fk" for column in self.references]
        trigger = [f"drop trigger {table}_append_only on {table}"] if self.append_only else []
        return [
            *trigger,
            f"drop policy tenant_isolation on {table}",
            f"alter table {table} no force row level security",
            f"alter table {table} disable row level security",
            *[f"alter table {table} drop constraint {key}" for key in keys],
            f"alter table {table} drop constraint {table}_tenant_uq",
        ]


class GrantGlobal(_SqlOperation):
    """Grants for a table without a tenant. `app`, `platform`: a privilege list, or "" for none."""

    def __init__(self, table: str, *, app: str, platform: str) -> None:
        self.table, self.app, self.platform = table, app, platform

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """For the migration writer."""
        return "GrantGlobal", [self.table], {"app": self.app, "platform": self.platform}

    def describe(self) -> str:
        """One line for `migrate --plan`."""
        return f"Grant privileges on {self.table}"

    def forward_sql(self) -> list[str]:
        """One grant a role."""
        pairs = ((self.app, APP_ROLE), (self.platform, PLATFORM_ROLE))
        return [f"grant {verbs} on {self.table} to {role}" for verbs, role in pairs if verbs]

    def backward_sql(self) -> list[str]:
        """Take all back."""
        return [f"revoke all on {self.table} from {APP_ROLE}, {PLATFORM_ROLE}"]


class LetOldGo(_SqlOperation):
    """Rows of an append-only table may be deleted when `column` is `days` old, for retention.

    By the platform's role alone; younger ones stay refused, and so does any change.
    """

    def __init__(self, table: str, column: str, *, days: int) -> None:
        self.table, self.column, self.days = table, column, days

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """For the migration writer."""
        return "LetOldGo", [self.table, self.column], {"days": self.days}

    def describe(self) -> str:
        """One line for `migrate --plan`."""
        return f"Let rows of {self.table} go after {self.days} days"

    def forward_sql(self) -> list[str]:
        """The trigger, by row where something is deleted."""
        table = self.table
        return [
            f"drop trigger {table}_append_only on {table}",
            f"create trigger {table}_append_only before update or truncate on {table} "
            "for each statement execute function soma_refuse_change()",
            f"create trigger {table}_young before delete on {table} for each row "
            f"when (old.{self.column} > now() - interval '{self.days} days') "
            "execute function soma_refuse_change()",
            f"grant delete on {table} to {PLATFORM_ROLE}",
        ]

    def backward_sql(self) -> list[str]:
        """Append-only as before."""
        table = self.table
        return [
            f"revoke delete on {table} from {PLATFORM_ROLE}",
            f"drop trigger {table}_young on {table}",
            f"drop trigger {table}_append_only on {table}",
            f"create trigger {table}_append_only before update or delete or truncate "
            f"on {table} for each statement execute function soma_refuse_change()",
        ]
