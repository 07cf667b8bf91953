"""Agents, conversations, branches, messages, turns: one row each, tenant-secured.

A conversation is a list of messages with rising `seq`. A branch is a path through them: its
`lineage` [[branch_id, max_seq], ...] names the ranges that make the path, so that any page of any
branch is one keyset query, however long the conversation and however often it was edited.
"""

from decimal import Decimal
from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from kernel.clock import now
from kernel.tenancy import TenantModel


class Agent(TenantModel):
    """An assistant of a tenant: a name, instructions, and the model that speaks for it."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60)
    instructions = models.TextField(default="")
    # A row of the platform's catalogue; null means the platform's default model.
    model_id = models.UUIDField(null=True)
    # See `chat.turns.knobs`.
    intelligence = models.PositiveSmallIntegerField(default=5, db_default=5)
    autonomy = models.PositiveSmallIntegerField(default=5, db_default=5)
    resource_usd = models.DecimalField(
        max_digits=6, decimal_places=2, default=Decimal("0.50"), db_default=Decimal("0.50")
    )
    updated_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "slug"], name="agent_slug_once"),
            models.CheckConstraint(
                condition=models.Q(
                    intelligence__range=(1, 10), autonomy__range=(1, 10), resource_usd__gte=0
                ),
                name="agent_knobs_in_range",
            ),
        ]


class TurnPolicy(TenantModel):
    """What a tenant says about every turn: see `chat.policy`. At most one a tenant."""

    instructions = models.TextField(default="")
    # {lane: per cent}; null: the platform's table.
    shares = models.JSONField(null=True)
    turn_tokens = models.PositiveIntegerField(null=True)
    output_tokens = models.PositiveIntegerField(null=True)
    recall_items = models.PositiveSmallIntegerField(null=True)
    tool_limit = models.PositiveSmallIntegerField(default=10)
    redacts = models.BooleanField(default=False)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id"], name="turn_policy_once"),
        ]


class Conversation(TenantModel):
    """A person's thread with one agent."""

    user_id = models.UUIDField()
    agent = models.ForeignKey(
        Agent, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    title = models.CharField(max_length=200, null=True)  # noqa: DJ001  # null: not yet titled
    archived_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    active_at = models.DateTimeField(default=now)
    active_branch_id = models.UUIDField(null=True)
    last_turn_id = models.UUIDField(null=True)
    next_seq = models.PositiveIntegerField(default=1)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "user_id", "-active_at", "-id"],
                name="conversation_by_activity",
                condition=models.Q(deleted_at__isnull=True),
            ),
            models.Index(
                fields=["deleted_at"],
                name="conversation_deleted",
                condition=models.Q(deleted_at__isnull=False),
            ),
        ]


class Branch(TenantModel):
    """A path through a conversation's messages."""

    conversation = models.ForeignKey(
        Conversation, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    # [[branch_id, max_seq], ...] from the root to this branch; max_seq null on the last.
    lineage = models.JSONField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "conversation"], name="branch_by_conversation"),
        ]


class Turn(TenantModel):
    """One request for an answer. Owned by the server: sockets come and go."""

    class State(models.TextChoices):
        """`open` until exactly one of the others."""

        OPEN = "open"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"
        INTERRUPTED = "interrupted"

    class Kind(models.TextChoices):
        """What the turn was asked for."""

        MESSAGE = "message"
        RETRY = "retry"
        CONTINUE = "continue"

    conversation = models.ForeignKey(
        Conversation, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    branch = models.ForeignKey(
        Branch, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    user_id = models.UUIDField()
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.MESSAGE)
    client_key = models.CharField(max_length=100)
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    user_message_id = models.UUIDField(null=True)
    # The answer's id and place are fixed at the start; its row appears when the turn ends.
    message_id = models.UUIDField()
    message_seq = models.PositiveIntegerField()
    parent_id = models.UUIDField(null=True)
    # Snapshot: what had been streamed after frame `seq`.
    seq = models.PositiveIntegerField(default=0)
    content = models.TextField(default="")
    degraded = models.JSONField(default=list)
    recalled = models.JSONField(default=list)
    error = models.JSONField(null=True)
    model = models.CharField(max_length=200, default="")
    usage = models.JSONField(null=True)
    context_report = models.JSONField(null=True)
    lease_until = models.DateTimeField()
    cancel_asked_at = models.DateTimeField(null=True)
    first_token_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "conversation", "user_id", "client_key"], name="turn_once"
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "conversation"],
                condition=models.Q(state="open"),
                name="turn_one_open",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["lease_until"], name="turn_lease", condition=models.Q(state="open")
            ),
        ]


class Summary(TenantModel):
    """What a conversation's prompt has no room for: everything up to a message, in few words.

    `version` counts the summaries that this one continues, itself included.
    """

    conversation = models.ForeignKey(
        Conversation, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    branch = models.ForeignKey(
        Branch, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    upto_seq = models.PositiveIntegerField()
    version = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "conversation", "branch", "upto_seq"], name="summary_once"
            ),
        ]


class Message(TenantModel):
    """What one side said. `parts`: [{kind: "text", text: str}, ...]; `text` joins the texts."""

    class Speaker(models.TextChoices):
        """Who said it."""

        USER = "user"
        ASSISTANT = "assistant"

    conversation = models.ForeignKey(
        Conversation, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    branch = models.ForeignKey(
        Branch, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    seq = models.PositiveIntegerField()
    parent_id = models.UUIDField(null=True)
    turn_id = models.UUIDField(null=True)
    role = models.CharField(max_length=10, choices=Speaker)
    parts = models.JSONField()
    text = models.TextField()
    char_count = models.PositiveIntegerField()
    model = models.CharField(max_length=200, default="")
    feedback = models.CharField(max_length=8, default="")
    feedback_comment = models.CharField(max_length=2000, default="")
    # Filled by a trigger from the first 100,000 characters (a tsvector is limited to 1 MB).
    search = SearchVectorField(null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "conversation", "seq"], name="message_place_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "conversation", "branch", "seq"], name="message_by_branch"
            ),
            models.Index(
                fields=["tenant_id", "conversation", "parent_id"], name="message_by_parent"
            ),
            GinIndex(fields=["search"], name="message_search"),
        ]
