"""Table of what a person wrote down while the brain was away."""

from typing import ClassVar

from django.db import models

from kernel.tenancy import TenantModel


class MemoryGiven(TenantModel):
    """A memory that waits for the brain; the row goes when it is kept there, or forgotten."""

    user_id = models.UUIDField()
    agent_id = models.UUIDField()
    kind = models.CharField(max_length=16)
    text = models.TextField()
    said_at = models.DateTimeField()
    idempotency_key = models.CharField(max_length=200)

    class Meta:
        """Looked up when a person forgets."""

        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "user_id"], name="given_of_a_user"),
        ]
