"""The ledger: what may be spent, what is held and spent of it, and one row a call.

Amounts are integer micro-units of a metric (`gateway.ledger.metrics`). Only `gateway.ledger.store`
writes accounts, holds, usage and totals.
"""

from typing import ClassVar

from django.db import models

from kernel.clock import now
from kernel.tenancy import TenantModel

NOBODY = "00000000-0000-0000-0000-000000000000"


class Budget(TenantModel):
    """A rule: so much of `metric` for a subject in each period. `limit_micros` -1: no limit."""

    class Subject(models.TextChoices):
        """Whom a budget binds."""

        TENANT = "tenant"
        USER = "user"
        AGENT = "agent"
        KEY = "key"
        MODEL = "model"

    class Period(models.TextChoices):
        """When it starts anew."""

        TURN = "turn"
        DAY = "day"
        MONTH = "month"
        EVER = "ever"

    metric = models.CharField(max_length=20)
    subject = models.CharField(max_length=10, choices=Subject)
    # Null: each subject of that kind has the limit for itself.
    subject_id = models.UUIDField(null=True)
    period = models.CharField(max_length=10, choices=Period)
    limit_micros = models.BigIntegerField()
    is_hard = models.BooleanField(default=True)
    # Per cent of the limit, rising; each is told once a period.
    alerts = models.JSONField(default=list)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "metric", "subject", "subject_id", "period"],
                nulls_distinct=False,
                name="budget_once",
            ),
            models.CheckConstraint(
                condition=models.Q(limit_micros__gte=-1), name="budget_limit_sane"
            ),
        ]


class Account(TenantModel):
    """What a budget came to in one place: a subject in a period ("<subject>|2026-11")."""

    budget = models.ForeignKey(
        Budget, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    place = models.CharField(max_length=100)
    spent_micros = models.BigIntegerField(default=0)
    # The sum of this account's holds: lent to processes, not spent yet.
    held_micros = models.BigIntegerField(default=0)
    # What the last `take` got, so that its statement can return it.
    lent_micros = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "budget", "place"], name="account_once"),
            models.CheckConstraint(
                condition=models.Q(spent_micros__gte=0, held_micros__gte=0),
                name="account_not_negative",
            ),
        ]


class Hold(TenantModel):
    """What one process holds of one account until `expires_at`."""

    process_id = models.UUIDField()
    budget_id = models.UUIDField()
    place = models.CharField(max_length=100)
    micros = models.BigIntegerField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "process_id", "budget_id", "place"], name="hold_once"
            ),
            models.CheckConstraint(condition=models.Q(micros__gte=0), name="hold_not_negative"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], name="hold_expiry"),
            models.Index(fields=["process_id"], name="hold_process"),
        ]


class Usage(TenantModel):
    """One call of a model: unique on (call, kind), written once, never changed."""

    class State(models.TextChoices):
        """How the call ended."""

        OK = "ok"
        FAILED = "failed"
        CANCELLED = "cancelled"
        INTERRUPTED = "interrupted"
        # Nothing was asked: the tenant's own earlier answer served.
        CACHED = "cached"

    call_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    user_id = models.UUIDField(default=NOBODY)
    agent_id = models.UUIDField(default=NOBODY)
    key_id = models.UUIDField(default=NOBODY)
    model_id = models.UUIDField(default=NOBODY)
    model = models.CharField(max_length=200)
    input_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField()
    # Of recordings that were written down, and of texts that were spoken. With a default in the
    # database: a process of the release before goes on writing rows without them.
    audio_seconds = models.BigIntegerField(default=0, db_default=0)
    characters = models.BigIntegerField(default=0, db_default=0)
    cost_micros = models.BigIntegerField()
    # Told by the provider; false: estimated by us.
    counted = models.BooleanField()
    state = models.CharField(max_length=12, choices=State)
    # Why it failed, or which models were tried before this one.
    note = models.CharField(max_length=200, default="")
    first_token_ms = models.IntegerField(null=True)
    latency_ms = models.IntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "call_id", "kind"], name="usage_once"),
            models.CheckConstraint(
                condition=models.Q(
                    input_tokens__gte=0, cached_tokens__gte=0, output_tokens__gte=0,
                    cost_micros__gte=0,
                ),
                name="usage_not_negative",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "-at", "-id"], name="usage_by_time"),
        ]


class UsageTotal(TenantModel):
    """Usage summed by hour (UTC) and by day (of the tenant's zone), kept with each settling."""

    class Grain(models.TextChoices):
        """Width of the bucket."""

        HOUR = "hour"
        DAY = "day"

    grain = models.CharField(max_length=4, choices=Grain)
    bucket = models.DateTimeField()
    user_id = models.UUIDField()
    agent_id = models.UUIDField()
    key_id = models.UUIDField()
    model_id = models.UUIDField()
    model = models.CharField(max_length=200)
    kind = models.CharField(max_length=20)
    calls = models.BigIntegerField()
    failures = models.BigIntegerField()
    estimated = models.BigIntegerField()
    input_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    audio_seconds = models.BigIntegerField(default=0, db_default=0)
    characters = models.BigIntegerField(default=0, db_default=0)
    cost_micros = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=[
                    *("tenant_id", "grain", "bucket", "user_id", "agent_id", "key_id"),
                    *("model_id", "model", "kind"),
                ],
                name="usage_total_once",
            ),
        ]
