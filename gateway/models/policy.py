"""What a tenant decided for all its calls."""

from typing import ClassVar

from django.db import models

from kernel.clock import now
from kernel.tenancy import TenantModel


class Policy(TenantModel):
    """One row a tenant; without it the defaults below hold."""

    # IANA name: where the days and months of budgets and reports begin.
    zone = models.CharField(max_length=60, default="UTC")
    # Ids of models; empty: all of the catalogue.
    allowed_models = models.JSONField(default=list)
    # {"tenant" | "user" | "address": {"requests": int, "tokens": int}}, each a minute.
    rates = models.JSONField(default=dict)
    # How long an answer serves the same question again; 0: never.
    cache_s = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id"], name="policy_once"),
        ]
