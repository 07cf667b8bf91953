"""Django system checks: contradictions that only show when Django and the database are there.

Owns: checks over the database roles and the public address. Contradictions between variables are
refused earlier, by `somaagent.config`. `up` runs the database checks at every start and refuses to
go on when one fails; `manage.py check --database default …` runs them by hand.
"""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connections

ALIASES = ("default", "platform", "owner")


@register(Tags.database)
def aliases_are_one_database(
    *, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """The three aliases are one database under three roles, whatever way leads to it."""
    if not set(ALIASES) <= set(databases or ()):
        return []
    query = (
        "select system_identifier, oid from pg_control_system(), pg_database "
        "where datname = current_database()"
    )
    if len({_row(alias, query) for alias in ALIASES}) == 1:
        return []
    hint = "SA01_DB_DSN, SA01_DB_APP_DSN and SA01_DB_PLATFORM_DSN must lead to one database."
    return [Error("The three roles work on different databases.", hint=hint, id="soma.E001")]


@register(Tags.database)
def tenant_work_is_restricted(
    *, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """The role of tenant work must be subject to row-level security."""
    if "default" not in (databases or ()):
        return []
    passes, owns = _row(
        "default",
        "select rolsuper or rolbypassrls, exists (select 1 from pg_class where relkind = 'r' "
        "and relowner = r.oid and relnamespace = 'public'::regnamespace) "
        "from pg_roles r where rolname = current_user",
    )
    if not passes and not owns:
        return []
    reason = "may pass row-level security" if passes else "owns tables"
    hint = "Give SA01_DB_APP_DSN a role without SUPERUSER, BYPASSRLS and tables of its own."
    message = f"The database role of tenant work {reason}."
    return [Error(message, hint=hint, id="soma.E002")]


@register(Tags.security, deploy=True)
def public_address_is_encrypted(**_: Any) -> list[CheckMessage]:
    """People far away sign in over TLS."""
    config = settings.SOMA
    if config.is_standalone or config.effective_public_url.startswith("https://"):
        return []
    hint = "Set SA01_PUBLIC_URL to an https:// address; session cookies are then marked Secure."
    return [CheckWarning("The public address is not encrypted.", hint=hint, id="soma.W003")]


def _row(alias: str, query: str) -> tuple[Any, ...]:
    with connections[alias].cursor() as cursor:
        cursor.execute(query)
        return tuple(cursor.fetchone() or ())
