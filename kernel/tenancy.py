"""Fail-closed tenancy in Python: models that cannot be queried outside a scope.

The database's row-level security (`kernel.rls`) is the net below; this layer exists so that a
developer who forgets the scope gets an error instead of an empty page.
"""

from typing import Any, TypeVar

from django.db import models

from kernel.clock import now
from kernel.ids import uuid7
from kernel.scope import is_platform, require_scope

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class TenantManager(models.Manager[M_co]):
    """Filters by the open scope and refuses to work without one."""

    def get_queryset(self) -> models.QuerySet[M_co]:
        """Rows of the scope's tenant; of all tenants inside a platform unit."""
        if is_platform():
            return super().get_queryset().using("platform")
        return super().get_queryset().filter(tenant_id=require_scope().tenant_id)

    def create(self, **values: Any) -> M_co:
        """Insert with the scope's tenant filled in."""
        if not is_platform():
            values.setdefault("tenant_id", require_scope().tenant_id)
        return super().create(**values)


class TenantModel(models.Model):
    """A row that belongs to one tenant. Its migration must apply `ForceTenantRLS`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField(editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    objects: TenantManager[Any] = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
