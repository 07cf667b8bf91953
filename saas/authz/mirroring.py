"""A networked authority holds copies of the facts: written anew, compared, repaired.

The outbox copies each change (`saas.authz.rights`); this finds what was lost on either side.
"""

from dataclasses import dataclass

from kernel.actor import Scope
from kernel.db import unit_of_work
from saas.authz.ports import AUTHORITY
from saas.models import Tenant


@dataclass(frozen=True, slots=True)
class Mirrored:
    """Tenants that were compared, and tuples that had to be written or deleted."""

    tenants: int
    repaired: int


def mirror_all() -> Mirrored:
    """Compare every tenant and repair; nothing where nothing is mirrored. Raises: AuthorityAway."""
    authority = AUTHORITY.get()
    if not authority.is_mirror:
        return Mirrored(0, 0)
    ids = list(Tenant.objects.order_by("id").values_list("id", flat=True))
    repaired = 0
    for tenant_id in ids:
        with unit_of_work(Scope(tenant_id)):
            repaired += authority.mirror(tenant_id, None)
    return Mirrored(len(ids), repaired)
