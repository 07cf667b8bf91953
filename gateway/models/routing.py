"""Which model is asked: what tenant and platform want, and every decision that was made."""

from typing import ClassVar

from django.db import models

from kernel.clock import now
from kernel.tenancy import TenantModel


class RoutingPolicy(TenantModel):
    """One row a tenant; the platform's own is the default of all others."""

    # As `gateway.routing.rules.Rules.as_json` writes it.
    rules = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id"], name="routing_policy_once"),
        ]


class Decision(TenantModel):
    """Which model a call was given, out of which, why, and what became of it.

    Its cost stands in the ledger, under the same call.
    """

    call_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    user_id = models.UUIDField()
    agent_id = models.UUIDField()
    key_id = models.UUIDField()
    # What was asked for by name; "auto": whatever the policy says.
    asked = models.CharField(max_length=200)
    # {capabilities: [str], input_tokens, output_tokens: int}
    need = models.JSONField()
    model_id = models.UUIDField()
    model = models.CharField(max_length=300)
    reason = models.CharField(max_length=200)
    # [{model, score: float | null, left_out: str}], the best first.
    candidates = models.JSONField()
    from_cache = models.BooleanField()
    # [{model, code, ms}] of those that failed before one answered.
    attempts = models.JSONField(default=list)
    # "ok", "cancelled", "cached" (an earlier answer) or the code of the problem.
    outcome = models.CharField(max_length=60)
    answered = models.CharField(max_length=300)
    first_token_ms = models.IntegerField(null=True)
    # The model that was asked the same beside it, unseen; empty: none.
    shadow = models.CharField(max_length=300, default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "-id"], name="decision_by_time"),
            models.Index(fields=["at"], name="decision_expiry"),
        ]
