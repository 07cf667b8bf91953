"""Tables of the kernel: outbox, inbox and idempotency records, all per tenant."""

from typing import ClassVar

from django.db import models

from kernel.clock import now
from kernel.tenancy import TenantModel


class OutboxEvent(TenantModel):
    """An event that committed with its cause and is not yet delivered. Delivered rows are gone."""

    type = models.CharField(max_length=100)
    version = models.PositiveSmallIntegerField()
    # Events of one key are delivered in order (a conversation, for instance).
    key = models.CharField(max_length=100)
    payload = models.JSONField()
    headers = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    available_at = models.DateTimeField(default=now)
    dead_at = models.DateTimeField(null=True)
    # Class name and safe reason; never content.
    last_error = models.CharField(max_length=300, default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "id"],
                name="outbox_pending",
                condition=models.Q(dead_at__isnull=True),
            ),
        ]


class InboxRecord(TenantModel):
    """A consumer's receipt for one event: what makes at-least-once delivery once in effect."""

    consumer = models.CharField(max_length=100)
    event_id = models.UUIDField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "consumer", "event_id"], name="inbox_once"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="inbox_by_age")]


class IdempotencyRecord(TenantModel):
    """The result of an operation that a client may send again under the same key."""

    operation = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    user_id = models.UUIDField()
    request_digest = models.CharField(max_length=64)
    result = models.JSONField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "user_id", "operation", "key"], name="idempotency_once"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="idempotency_by_expiry")]
