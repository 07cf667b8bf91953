"""Table of the keys with which others call the brain."""

from django.db import models

from kernel.clock import now
from kernel.ids import uuid7


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
