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
    """The person or service on whose behalf a verb runs.

    `role`: the main role in the tenant; `further`: more of them. `rights`: tenant permissions by
    roles of the tenant's own. `has_grants`: whether anything was given to the person on single
    objects. `is_suspended`: the tenant is. `address`: where the request came from. `acted_by`: who
    acts in this person's name (RFC 8693, section 4.1); None: the person themselves.
    """

    user_id: UUID
    tenant_id: UUID | None
    role: str | None = None
    is_platform_admin: bool = False
    session_id: UUID | None = None
    request_id: str = ""
    kind: Literal["user", "service"] = "user"
    must_change_password: bool = False
    # The tenant asks for a second factor, and this session has shown one only.
    must_enrol: bool = False
    further: frozenset[str] = frozenset()
    rights: frozenset[str] = frozenset()
    has_grants: bool = False
    is_suspended: bool = False
    address: str = ""
    acted_by: UUID | None = None

    @property
    def roles(self) -> frozenset[str]:
        """All roles in the tenant."""
        return self.further | {self.role} if self.role else self.further

    @property
    def is_ready(self) -> bool:
        """Whether nothing has to be set right before any work."""
        return not (self.must_change_password or self.must_enrol)

    @property
    def scope(self) -> Scope:
        """The scope of this actor. Raises: NoTenant."""
        if self.tenant_id is None:
            raise NoTenant
        return Scope(self.tenant_id)
