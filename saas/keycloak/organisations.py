"""What Keycloak holds of memberships: an organisation a tenant, a group of it a role.

Owns the names: alias and name of the organisation are the tenant's slug, a group's is the role's.
"""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from saas.identity.port import Account
from saas.keycloak.admin import Admin
from saas.models import Tenant

# The attribute of an organisation that holds our id of the tenant.
TENANT = "soma_tenant"


def find_account(admin: Admin, email: str) -> Account | None:
    """The account with an address. Raises: IdentityAway."""
    rows = admin.get("/users", exact="true", email=email.strip().lower())
    return _account(rows[0]) if rows else None


def ensure_account(admin: Admin, email: str, name: str) -> tuple[Account, bool]:
    """The account with a confirmed address, and whether it was made. Raises: IdentityAway."""
    known = find_account(admin, email)
    if known is not None:
        return known, False
    first, _, last = name.strip().partition(" ")
    is_new = admin.post(
        "/users",
        {
            "username": email.strip().lower(),
            "email": email.strip().lower(),
            "emailVerified": True,
            "enabled": True,
            "firstName": first,
            "lastName": last.strip(),
        },
    )
    made = find_account(admin, email)
    assert made is not None  # noqa: S101  # it was there, or it was made
    return made, is_new


class Organisation:
    """The organisation of one tenant, as it is now; every act tells whether it changed anything."""

    def __init__(self, admin: Admin, found: dict[str, Any]) -> None:
        self._admin, self._path = admin, f"/organizations/{quote(found['id'])}"
        self._groups: dict[str, str] | None = None

    def roles_of(self, subject: str) -> frozenset[str] | None:
        """The roles of a member; None: no member."""
        path = f"{self._path}/members/{quote(subject)}"
        if self._admin.get(path) is None:
            return None
        rows = self._admin.get(f"{path}/groups") or []
        return frozenset(row["name"] for row in rows)

    def members(self) -> dict[str, frozenset[str]]:
        """{subject: roles} of all members."""
        found: dict[str, set[str]] = {
            row["id"]: set() for row in self._admin.pages(f"{self._path}/members")
        }
        for role, group in self._known_groups().items():
            for row in self._admin.pages(f"{self._path}/groups/{quote(group)}/members"):
                found.setdefault(row["id"], set()).add(role)
        return {subject: frozenset(roles) for subject, roles in found.items()}

    def put(self, subject: str, held: frozenset[str] | None, wanted: frozenset[str]) -> int:
        """Make somebody a member with these roles. Returns how many changes that took."""
        changed = 0
        if held is None:
            changed += self._admin.post(f"{self._path}/members", subject)
        for role in wanted - (held or frozenset()):
            changed += self._admin.put(self._place(role, subject))
        for role in (held or frozenset()) - wanted:
            changed += self._admin.delete(self._place(role, subject))
        return changed

    def remove(self, subject: str) -> bool:
        """End a membership with its roles."""
        return self._admin.delete(f"{self._path}/members/{quote(subject)}")

    def _place(self, role: str, subject: str) -> str:
        return f"{self._path}/groups/{quote(self._group(role))}/members/{quote(subject)}"

    def _group(self, role: str) -> str:
        known = self._known_groups()
        if role not in known:
            self._admin.post(f"{self._path}/groups", {"name": role})
            self._groups = None
        return self._known_groups()[role]

    def _known_groups(self) -> dict[str, str]:
        if self._groups is None:
            rows = self._admin.pages(f"{self._path}/groups")
            self._groups = {row["name"]: row["id"] for row in rows}
        return self._groups


def find_organisation(admin: Admin, tenant: Tenant) -> Organisation | None:
    """The tenant's organisation. Raises: IdentityAway."""
    found = _find(admin, tenant)
    return Organisation(admin, found) if found else None


def ensure_organisation(admin: Admin, tenant: Tenant) -> tuple[Organisation, int]:
    """The tenant's organisation, made when missing, and how many things were changed."""
    wanted = {
        "name": tenant.slug,
        "alias": tenant.slug,
        "description": tenant.name,
        "enabled": tenant.status == Tenant.Status.ACTIVE,
    }
    found, changed = _find(admin, tenant), 0
    if found is None:
        changed += admin.post(
            "/organizations", {**wanted, "domains": [], "attributes": {TENANT: [str(tenant.id)]}}
        )
        found = _find(admin, tenant)
    elif any(found.get(name) != value for name, value in wanted.items()):
        changed += admin.put(f"/organizations/{quote(found['id'])}", {**found, **wanted})
    assert found is not None  # noqa: S101  # it was there, or it was made
    return Organisation(admin, found), changed


def tenants_of(aliases: tuple[str, ...]) -> list[UUID]:
    """The active tenants behind organisations of a token."""
    rows = Tenant.objects.filter(slug__in=aliases, status=Tenant.Status.ACTIVE)
    return list(rows.order_by("created_at").values_list("id", flat=True))


def _find(admin: Admin, tenant: Tenant) -> dict[str, Any] | None:
    rows = admin.get("/organizations", search=tenant.slug, exact="true") or []
    # Domains are searched too.
    row = next((row for row in rows if row["name"] == tenant.slug), None)
    found: dict[str, Any] | None = admin.get(f"/organizations/{row['id']}") if row else None
    return found


def _account(row: dict[str, Any]) -> Account:
    return Account(row["id"], str(row.get("email") or ""), bool(row["enabled"]))
