"""Empty tables between tests, as the owner: row-level security stays on for the code under test."""

from django.db import OperationalError, connections

# A worker at work holds two connections: one waits for the truncation, while the truncation waits
# for the other. The database cannot see that circle, so the truncation steps back and tries again.
ATTEMPTS = 100
PATIENCE = "200ms"


def empty_tables() -> None:
    """Truncate every table of the product."""
    for attempt in range(ATTEMPTS):
        try:
            _truncate()
        except OperationalError:
            if attempt + 1 == ATTEMPTS:
                raise
        else:
            return
        finally:
            connections["owner"].close()


def _truncate() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("select set_config('lock_timeout', %s, false)", [PATIENCE])
        cursor.execute(
            "select string_agg(quote_ident(tablename), ', ') from pg_tables "
            "where schemaname = 'public' and tablename <> 'django_migrations'"
        )
        (tables,) = cursor.fetchone()
        # The audit log refuses truncation, also by its owner: only a test may step aside.
        cursor.execute("set session_replication_role = replica")
        cursor.execute(f"truncate {tables} restart identity cascade")
        cursor.execute("set session_replication_role = default")


def empty_valkey() -> None:
    """Flush the run's own Valkey."""
    from kernel.valkey import sync_client

    sync_client().flushall()
