"""Tables of the kernel: outbox, inbox and idempotency records per tenant; the embedded backbone's.

The backbone's tables hold every tenant's events in one order, so only the platform role sees them.
"""

from typing import ClassVar

from django.db import models

from kernel.clock import now
from kernel.tenancy import TenantModel


class OutboxEvent(TenantModel):
    """An event that committed with its cause and is not yet delivered. Delivered rows are gone.

    Two ways lead out: the relay publishes it on the backbone and deletes it; or a consumer could
    not take it and parked it here, from where it is delivered directly, with growing waits.
    """

    type = models.CharField(max_length=100)
    version = models.PositiveSmallIntegerField()
    # Events of one key are delivered in order (a conversation, for instance).
    key = models.CharField(max_length=100)
    payload = models.JSONField()
    headers = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    available_at = models.DateTimeField(default=now)
    # Came back from a consumer: it has been on the backbone and is not published again.
    parked = models.BooleanField(default=False, db_default=False)
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
            models.Index(
                fields=["id"],
                name="outbox_to_publish",
                condition=models.Q(dead_at__isnull=True, parked=False),
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


class BusRecord(models.Model):
    """One event on the embedded backbone. The id is its place in the order of its partition."""

    topic = models.CharField(max_length=100)
    partition = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=100)
    value = models.BinaryField()
    # {name: text}, as the headers of a Kafka record.
    headers = models.JSONField()
    created_at = models.DateTimeField(default=now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["topic", "partition", "id"], name="bus_by_place"),
        ]

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.pk}"


class BusPosition(models.Model):
    """How far a group of readers has come in one partition. Its row lock is the right to read."""

    reader_group = models.CharField(max_length=100)
    topic = models.CharField(max_length=100)
    partition = models.PositiveSmallIntegerField()
    # Id of the last record that was taken.
    position = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["reader_group", "topic", "partition"], name="bus_position_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reader_group}: {self.topic}/{self.partition}@{self.position}"
