"""Who calls the brain, and for whom: bearer key, tenant, scope and deadline of a request."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID, uuid5

from django.http import HttpRequest
from ninja import Schema
from ninja.security import HttpBearer
from pydantic import Field

from kernel.errors import BadRequest, Forbidden
from memory.brain_server import keys
from memory.brain_server.keys import Credential
from memory.ports import CHAT, MemoryScope

MAX_DEADLINE_S = 60.0


class OtherTenant(Forbidden):
    """The request names a tenant that its key does not open."""

    code, title = "other-tenant", "This key belongs to another tenant"


class TenantMissing(BadRequest):
    """A platform key needs to be told the tenant."""

    code, title = "tenant-missing", "Say in X-Tenant-ID for which tenant"


class KeyAuth(HttpBearer):
    """`Authorization: Bearer sbk_...`."""

    def authenticate(self, request: HttpRequest, token: str) -> Credential | None:
        """Return the credential; None is a 401."""
        return keys.authenticate(token)


class ScopeIn(Schema):
    """Whose memory within the tenant of the key."""

    user_id: UUID | None = Field(None, description="Whose; without it, the tenant's shared memory.")
    agent_id: UUID | None = Field(None, description="Which agent's; without it, all (reading).")
    namespace: str = Field(CHAT, min_length=1, max_length=32)


def tenant_of(request: HttpRequest, in_body: str | None = None) -> UUID:
    """Return the tenant of the key, or for a platform key that of X-Tenant-ID.

    A tenant in the body decides nothing; one that disagrees is refused.
    Raises: OtherTenant, TenantMissing.
    """
    credential = cast(Credential, cast(Any, request).auth)
    named = request.headers.get("X-Tenant-ID")
    tenant_id = credential.tenant_id
    if tenant_id is None:
        if not named:
            raise TenantMissing
        tenant_id = _uuid(named)
    elif named and named.lower() != str(tenant_id):
        raise OtherTenant
    if in_body and in_body.lower() != str(tenant_id):
        raise OtherTenant("The body names another tenant than the key.")
    return tenant_id


def refuse_tenant_key(request: HttpRequest) -> None:
    """Let platform keys pass.  Raises: Forbidden."""
    if cast(Credential, cast(Any, request).auth).tenant_id is not None:
        raise Forbidden("This needs a platform key.")


def scope_of(request: HttpRequest, given: ScopeIn, tenant: str | None = None) -> MemoryScope:
    """Return the scope that a request works in."""
    tenant_id = tenant_of(request, tenant)
    user_id = given.user_id or shared_user(tenant_id)
    return MemoryScope(tenant_id, user_id, given.agent_id, given.namespace)


def shared_user(tenant_id: UUID) -> UUID:
    """Return the id under which memories without a person or an agent are kept."""
    return uuid5(tenant_id, "somaagent:brain:shared")


def deadline_s(request: HttpRequest, otherwise_s: float) -> float:
    """Return the seconds that the caller waits (X-Deadline-MS), within reason."""
    given = request.headers.get("X-Deadline-MS", "")
    if not given.isascii() or not given.isdigit():
        return otherwise_s
    return min(MAX_DEADLINE_S, max(0.01, int(given[:9]) / 1000))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as exc:
        raise BadRequest("X-Tenant-ID is no UUID.") from exc
