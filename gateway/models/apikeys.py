"""Keys with which programs call `/v1`."""

from typing import ClassVar

from django.db import models

from kernel.clock import now
from kernel.tenancy import TenantModel


class ApiKey(TenantModel):
    """A key of a person, or of the tenant itself. The secret is kept as its SHA-256 only."""

    name = models.CharField(max_length=100)
    # For whom it acts; of a tenant's key, who made it.
    user_id = models.UUIDField()
    is_personal = models.BooleanField()
    # The beginning of the secret, for recognising it.
    prefix = models.CharField(max_length=20)
    secret_hash = models.CharField(max_length=64, unique=True)
    # [scope, ...], see `gateway.apikeys.token`.
    scopes = models.JSONField(default=list)
    # Names of models; empty: all that the tenant may use.
    allowed_models = models.JSONField(default=list)
    # CIDR ranges; empty: from anywhere.
    networks = models.JSONField(default=list)
    # Requests and tokens a minute; null: no limit of its own.
    requests_a_minute = models.PositiveIntegerField(null=True)
    tokens_a_minute = models.PositiveIntegerField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    # The secret before the last rotation, and until when it is still good.
    previous_hash = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001  # unique
    previous_until = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "user_id"], name="apikey_by_user"),
        ]
