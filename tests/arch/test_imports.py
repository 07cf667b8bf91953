"""The import contracts of pyproject.toml hold, and platform units stay where they belong."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Who may look across tenants, and why.
PLATFORM_UNITS = {
    "kernel/db.py": "defines it",
    "kernel/outbox.py": "the relay serves every tenant",
    "kernel/consuming.py": "finds whose events are due again",
    "kernel/letters.py": "dead letters of every tenant, for operators",
    "saas/modes.py": "the mode of the platform, and tenants' own, are read before any scope",
    "saas/events.py": "operators replay and discard for every tenant",
    "kernel/bus/postgres.py": "the backbone carries events of every tenant",
    "kernel/idempotency.py": "retention",
    "saas/provisioning.py": "makes tenants",
    "saas/identity/accounts.py": "accounts belong to no tenant",
    "saas/identity/impersonation.py": "platform admins act in every tenant",
    "saas/identity/lockout.py": "retention",
    "saas/identity/invitations.py": "a link says which tenant it is of",
    "saas/identity/mails.py": "mails are of the platform; the app's role only writes them",
    "saas/identity/onetime.py": "retention",
    "saas/identity/policy.py": "a tenant's policy is read before any scope",
    "saas/identity/recovery.py": "accounts belong to no tenant",
    "saas/identity/sessions.py": "retention",
    "saas/identity/signing.py": "keys of tokens are the platform's",
    "saas/identity/copying.py": "sessions belong to no tenant",
    "saas/keycloak/entrance.py": "accounts belong to no tenant",
    "saas/scim/connection.py": "a directory is known by its bearer, before any scope",
    "saas/scim/users.py": "accounts belong to no tenant",
    "saas/sso/domains.py": "an address leads to a provider before any scope",
    "saas/sso/doors.py": "a provider is read before any scope",
    "saas/sso/people.py": "accounts belong to no tenant",
    "saas/sso/providers.py": "key rotation; a provider is read before any scope",
    "chat/turns/reaper.py": "ends turns of every tenant",
    "chat/verbs.py": "retention",
    "gateway/catalogue.py": "the catalogue is the platform's",
    "gateway/apikeys/principal.py": "a key says which tenant a request is for",
    "gateway/keys.py": "key rotation",
    "gateway/ledger/retention.py": "retention",
    "gateway/ledger/store.py": "leases of a process are of every tenant",
    "gateway/v1/responses.py": "retention",
    "gateway/routing/log.py": "retention",
    "gateway/routing/verbs.py": "decisions and spending of every tenant, for platform admins",
    "gateway/sync.py": "the catalogue is the platform's",
    "gateway/verbs.py": "the catalogue is the platform's",
    "memory/retention.py": "retention",
    "health/verbs.py": "breakers are the platform's",
    "chat/reconciling.py": "the worker serves every tenant",
    "health/events.py": "how well services are is the platform's",
    "memory/brain_server/keys.py": "a key says which tenant a request is for",
    "memory/brain_embedded/indexing.py": "the worker serves every tenant",
    "memory/brain_embedded/sleep.py": "the worker serves every tenant",
    "memory/brain_embedded/engine.py": "the backlog of every tenant is one metric",
}


def test_import_contracts_hold() -> None:
    result = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-3000:]


def test_platform_units_are_opened_only_where_they_are_explained() -> None:
    apps = ("kernel", "saas", "gateway", "memory", "chat", "health", "webui")
    users = {
        str(path.relative_to(ROOT))
        for app in apps
        for path in (ROOT / app).rglob("*.py")
        if "platform_unit(" in path.read_text() and "frontend" not in path.parts
    }
    assert users - set(PLATFORM_UNITS) == set()


def test_no_async_function_touches_rows_directly() -> None:
    """Rows are reached through in_unit only: an ORM call in `async def` blocks every socket."""
    import ast

    found = []
    for app in ("gateway", "memory", "chat", "health"):
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.AsyncFunctionDef):
                    found += [
                        f"{path.relative_to(ROOT)}:{inner.lineno}"
                        for inner in ast.walk(node)
                        if isinstance(inner, ast.Attribute) and inner.attr == "objects"
                    ]
    assert found == []
