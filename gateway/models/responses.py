"""What `/v1/responses` keeps, so that a program can go on from an answer by its id."""

from typing import ClassVar

from django.db import models

from kernel.tenancy import TenantModel


class StoredResponse(TenantModel):
    """One answer with all that led to it. Readable by the key's person, or the tenant's keys."""

    # The nil id: made with a key of the tenant.
    user_id = models.UUIDField()
    # [chat message, ...] up to and including the answer, without instructions.
    messages = models.JSONField()
    # The response object as it was told.
    body = models.JSONField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="response_expiry")]
