"""Tables of cognition: levels and weights with their history, links, traces, facts, sleep cycles.

Whatever hangs on a memory has a cascading composite key to it, so that forgetting a memory leaves
nothing of it here.  Owner columns repeat the memory's scope where a query needs them.
"""

from typing import ClassVar

from django.db import models

from kernel.clock import now
from kernel.tenancy import TenantModel


def _to_memory() -> "models.ForeignKey[models.Model, models.Model]":
    return models.ForeignKey(
        "memory.Memory", db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )


class Mind(TenantModel):
    """Levels, weights and depth of sleep of one agent, as they were at `levels_at`.

    `levels`: {name: float} of the four neuromodulators; the decay since `levels_at` is computed
    when they are read.  `weights`: {name: float} of adaptation.
    """

    agent_id = models.UUIDField()
    levels = models.JSONField()
    levels_at = models.DateTimeField(default=now)
    weights = models.JSONField()
    feedback_count = models.PositiveIntegerField(default=0)

    class Meta:
        """One mind an agent."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "agent_id"], name="mind_once_an_agent"),
        ]


class MindChange(TenantModel):
    """One change of a mind: how it was before, and what changed it.

    `is_undone`: rolled back, or itself a roll-back: it is skipped when stepping back further.
    """

    agent_id = models.UUIDField()
    cause = models.CharField(max_length=20)
    reason = models.CharField(max_length=500, default="")
    levels = models.JSONField()
    weights = models.JSONField()
    is_undone = models.BooleanField(default=False)
    idempotency_key = models.CharField(max_length=200, null=True)  # noqa: DJ001 - only feedback has one

    class Meta:
        """Newest first within an agent; feedback once a key."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "idempotency_key"], name="mind_change_once_a_key"
            ),
            models.CheckConstraint(
                condition=models.Q(cause__in=["feedback", "adjust", "reset", "rollback"]),
                name="mind_change_cause_known",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "agent_id", "-id"], name="mind_change_by_time"),
        ]


class MemoryLink(TenantModel):
    """A directed, typed edge between two memories of one person; `weight` 0..1."""

    source = _to_memory()
    target = _to_memory()
    relation = models.CharField(max_length=16)
    weight = models.FloatField(default=1.0)

    class Meta:
        """One edge a relation; no edge to itself."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "source", "target", "relation"], name="memory_link_once"
            ),
            models.CheckConstraint(
                condition=models.Q(weight__gte=0, weight__lte=1), name="memory_link_weight_share"
            ),
            models.CheckConstraint(
                condition=~models.Q(source=models.F("target")), name="memory_link_not_to_itself"
            ),
        ]
        indexes: ClassVar = [
            # With the source: else the planner prefers the key above, whose order is wrong.
            models.Index(
                fields=["tenant_id", "target", "relation"],
                include=["source"],
                name="memory_link_backwards",
            ),
        ]


class MemoryFocus(TenantModel):
    """Working memory: what a person and an agent are concerned with now (`cognition.focus`).

    At most 128 memories of a person with one agent in one namespace.
    """

    memory = _to_memory()
    user_id = models.UUIDField()
    agent_id = models.UUIDField()
    namespace = models.CharField(max_length=32)
    touched_at = models.DateTimeField(default=now)

    class Meta:
        """A memory is in focus once."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "memory"], name="memory_focus_once"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "user_id", "agent_id", "namespace"],
                name="memory_focus_of_a_pair",
            ),
        ]


class MemoryTrace(TenantModel):
    """What sleep knows of one episode: how salient, how often replayed, of which one a repetition.

    `strength` 0..1 as of `replayed_at`.  `repeats`: the oldest memory that says the same, kept too.
    """

    memory = _to_memory()
    salience = models.FloatField()
    strength = models.FloatField()
    replays = models.PositiveIntegerField(default=1)
    replayed_at = models.DateTimeField(default=now)
    repeats = models.ForeignKey(
        "memory.Memory",
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
        null=True,
    )
    is_drawn = models.BooleanField(default=False)

    class Meta:
        """One trace a memory."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "memory"], name="memory_trace_once"),
        ]


class MemoryFact(TenantModel):
    """What a semantic memory states: a slot, its value, and when it was last said.

    Of the facts of one slot the one said last is current; it is linked `supersedes` to the others.
    """

    memory = _to_memory()
    user_id = models.UUIDField()
    agent_id = models.UUIDField()
    namespace = models.CharField(max_length=32)
    slot = models.CharField(max_length=200)
    value = models.CharField(max_length=100)
    said_at = models.DateTimeField()

    class Meta:
        """One row a semantic memory; looked up by slot."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "memory"], name="memory_fact_once"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "user_id", "agent_id", "namespace", "slot"],
                name="memory_fact_by_slot",
            ),
        ]


class SleepCycleRecord(TenantModel):
    """One sleep cycle: what was asked, where it stands, what it did.

    `step` and `cursor` say where to go on; they commit together with the work of the step.
    `changes`: [{act, detail, memory_ids: [str]}], oldest first, at most 200.
    """

    user_id = models.UUIDField()
    agent_id = models.UUIDField()
    namespace = models.CharField(max_length=32)
    state = models.CharField(max_length=12, default="waiting")
    stage = models.CharField(max_length=8, default="active")
    depth = models.CharField(max_length=8)
    trigger = models.CharField(max_length=10)
    is_dry_run = models.BooleanField(default=False)
    max_seconds = models.FloatField(default=300.0)
    worked_ms = models.FloatField(default=0.0)
    step = models.CharField(max_length=10, default="")
    cursor = models.UUIDField(null=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    changes = models.JSONField(default=list)
    failures = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=200, default="")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        """One open cycle a scope; open cycles are found at once."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "user_id", "agent_id", "namespace"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="sleep_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=["waiting", "running", "finished", "interrupted", "failed"]
                ),
                name="sleep_state_known",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["id"],
                name="sleep_open",
                condition=models.Q(state__in=["waiting", "running"]),
            ),
            models.Index(fields=["tenant_id", "user_id", "agent_id", "-id"], name="sleep_by_time"),
        ]
