"""Table of how long memories are kept: a line for the tenant, and one for each person who wants."""

from typing import ClassVar

from django.db import models

from kernel.tenancy import TenantModel

MAX_DAYS = 36_500


class MemoryRetention(TenantModel):
    """For how many days after it was said a memory is kept.

    `user_id` null: the tenant's own line, which binds everyone in it.
    """

    user_id = models.UUIDField(null=True)
    days = models.PositiveIntegerField()

    class Meta:
        """One line a person, one for the tenant."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "user_id"], name="retention_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=models.Q(days__gte=1, days__lte=MAX_DAYS), name="retention_days_sane"
            ),
        ]


class MemoryForgetting(TenantModel):
    """What a person forgot in bulk, and when: turns said before, told to memory after, stay out.

    Null: no such condition.  Holds no text and no id of a memory.
    """

    user_id = models.UUIDField()
    agent_id = models.UUIDField(null=True)
    conversation_id = models.UUIDField(null=True)
    turn_id = models.UUIDField(null=True)
    said_from = models.DateTimeField(null=True)
    said_before = models.DateTimeField(null=True)

    class Meta:
        """Looked up for each turn that is remembered."""

        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "user_id", "created_at"], name="forgetting_of_a_user"
            ),
        ]
