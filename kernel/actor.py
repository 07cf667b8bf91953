"""Who acts, and in which tenant. Passed explicitly to every verb; never guessed from globals."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from kernel.errors import Forbidden


class NoTenant(Forbidden):
    """The actor has no tenant selected."""

    code, title = "no-tenant", "Choose a tenant first"


@dataclass(frozen=True, slots=True)
class Scope:
    """The tenant that a unit of work, task, cache key or stream belongs to."""

    tenant_id: UUID


@dataclass(frozen=True, slots=True)
class Actor:
    """The person or service on whose behalf a verb runs."""

    user_id: UUID
    tenant_id: UUID | None
    role: str | None = None
    is_platform_admin: bool = False
    session_id: UUID | None = None
    request_id: str = ""
    kind: Literal["user", "service"] = "user"
    must_change_password: bool = False

    @property
    def scope(self) -> Scope:
        """The scope of this actor. Raises: NoTenant."""
        if self.tenant_id is None:
            raise NoTenant
        return Scope(self.tenant_id)
