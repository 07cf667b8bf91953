"""Tables of the brain's service: keys of its callers, objects kept by coordinate."""

from typing import ClassVar

from django.db import models

from kernel.clock import now
from kernel.ids import uuid7
from kernel.tenancy import TenantModel


class BrainKey(models.Model):
    """A bearer key: only the digest of its secret is kept.

    Not a tenant table: the key is what says which tenant a request is for.  `tenant_id` null: a
    platform key, which may act for the tenant that the request names.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant_id = models.UUIDField(null=True)
    name = models.CharField(max_length=100)
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(default=now, editable=False)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "brain_server_key"

    def __str__(self) -> str:
        return self.name


class StoredObject(TenantModel):
    """An object that a client keeps at a coordinate (see `memory.brain_server.coordinates`)."""

    # The coordinate in one form: what is looked up.
    place = models.CharField(max_length=2_000)
    coordinate = models.JSONField()
    payload = models.JSONField()
    kind = models.CharField(max_length=20)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "brain_server_object"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "place"], name="brain_object_once_a_place")
        ]
