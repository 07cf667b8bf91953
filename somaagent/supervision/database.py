"""The database of an installation: made, recognised, migrated, with a first platform admin.

Owns: the order marker -> roles -> migrations -> marker. Runs as the owner role and leaves no
connection behind.
"""

from io import StringIO

import psycopg
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.db import connections

from kernel.rls import ensure_roles
from somaagent.config import Config
from somaagent.supervision import marker, postgres
from somaagent.supervision.refusal import StartRefused

# pg_advisory_lock: one migration at a time, also when two machines start on one database.
MIGRATION_LOCK = 7360002


def prepare(config: Config) -> None:
    """Create the embedded database when it is missing, refuse a wrong one, set up the roles."""
    dsn = config.effective_db_dsn("owner")
    if config.uses_embedded_postgres:
        postgres.create_database(config)
    try:
        marker.refuse_other_database(config.var_dir, marker.identity(dsn))
        ensure_roles(dsn, login=config.uses_embedded_postgres)
    except psycopg.Error as exc:
        said = str(exc).strip()
        message = (
            f"The database could not be prepared:\n  {said}\n"
            "The role of SA01_DB_DSN must own its database, may create roles, and the extensions\n"
            "vector and pg_trgm must be installed on the server (docs/operate.md)."
        )
        raise StartRefused(message) from exc


def migrate(config: Config) -> None:
    """Apply what is missing and remember the database."""
    dsn = config.effective_db_dsn("owner")
    try:
        with psycopg.connect(dsn, autocommit=True) as holder:
            holder.execute("select pg_advisory_lock(%s)", [MIGRATION_LOCK])
            call_command("migrate", database="owner", interactive=False, verbosity=0)
    finally:
        connections.close_all()
    marker.write(config.var_dir, marker.identity(dsn))


def verify() -> None:
    """Refuse what only shows in the migrated database; see `somaagent.checks`."""
    try:
        found = run_checks(tags=[Tags.database], databases=list(connections))
    finally:
        connections.close_all()
    serious = [message for message in found if message.is_serious()]
    if serious:
        raise StartRefused("\n".join(f"{each.msg}\n  {each.hint}" for each in serious))


def ensure_first_admin() -> str:
    """Make the first platform admin when there is none; return what must be shown, once."""
    said = StringIO()
    try:
        call_command("createplatformadmin", first_run=True, stdout=said)
    finally:
        connections.close_all()
    return said.getvalue().strip()
