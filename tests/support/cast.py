"""The cast: tenants Acme and Globex, a person per role, one stranger, a platform admin."""

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from argon2 import PasswordHasher

from kernel.actor import Actor, Scope
from saas.models import Role, User
from saas.provisioning import ensure_membership, ensure_tenant, member_actor

PASSWORD = "a quiet orchard in the rain"


@dataclass(frozen=True)
class Cast:
    """People as actors; `*_id` are tenant ids."""

    acme_id: UUID
    globex_id: UUID
    sysadmin: Actor
    admin: Actor
    ann: Actor
    bob: Actor
    viewer: Actor
    stranger: Actor
    platform: Actor

    @property
    def acme(self) -> Scope:
        return Scope(self.acme_id)

    @property
    def globex(self) -> Scope:
        return Scope(self.globex_id)


@lru_cache(maxsize=1)
def password_hash() -> str:
    """One for all, with the least work: a hash says itself what it costs to try a password."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def build() -> Cast:
    """Create them through the product's own provisioning verbs."""
    acme = ensure_tenant("Acme", "acme")
    globex = ensure_tenant("Globex", "globex")

    def person(name: str, tenant_id: UUID, role: Role, *, is_platform_admin: bool = False) -> Actor:
        user = User.objects.using("platform").create(
            email=f"{name}@example.org",
            display_name=name.title(),
            password_hash=password_hash(),
            is_platform_admin=is_platform_admin,
        )
        ensure_membership(user.id, tenant_id, role)
        return member_actor(user.id, tenant_id)

    return Cast(
        acme_id=acme,
        globex_id=globex,
        sysadmin=person("sysadmin", acme, Role.SYSADMIN),
        admin=person("admin", acme, Role.ADMIN),
        ann=person("ann", acme, Role.MEMBER),
        bob=person("bob", acme, Role.MEMBER),
        viewer=person("viewer", acme, Role.VIEWER),
        stranger=person("stranger", globex, Role.SYSADMIN),
        platform=person("platform", globex, Role.MEMBER, is_platform_admin=True),
    )
