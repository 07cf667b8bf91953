"""Empty tables between tests, as the owner: row-level security stays on for the code under test."""

from django.db import connections


def empty_tables() -> None:
    """Truncate every table of the product."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "select string_agg(quote_ident(tablename), ', ') from pg_tables "
            "where schemaname = 'public' and tablename <> 'django_migrations'"
        )
        (tables,) = cursor.fetchone()
        # The audit log refuses truncation, also by its owner: only a test may step aside.
        cursor.execute("set session_replication_role = replica")
        cursor.execute(f"truncate {tables} restart identity cascade")
        cursor.execute("set session_replication_role = default")
    connections["owner"].close()


def empty_valkey() -> None:
    """Flush the run's own Valkey."""
    from kernel.valkey import sync_client

    sync_client().flushall()
