"""Table of memories.

Owns the columns and indexes; the queries are in `memory.brain_embedded`.

Both searches of recall read `search` and `embedding` of every row of a user, so both are kept in
the row: out of line, a scan for words took 2 µs a row instead of 0.55 (PostgreSQL 18).  There is no
GIN index on `search`: `@@` is not leakproof, so row-level security never lets the planner use it,
and it would only make writing slower.
"""

from typing import ClassVar

from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from pgvector.django import HnswIndex, VectorField

from kernel.tenancy import TenantModel

DIMENSIONS = 384
MAX_INDEX_ATTEMPTS = 5


class Memory(TenantModel):
    """One passage that somebody said, word for word, and where it comes from.

    Provenance ids point at tables of an upper app, so they are plain columns: a memory outlives
    its conversation until it is forgotten itself.
    """

    class State(models.TextChoices):
        """How far the enrichment has come."""

        STORED = "stored", "Found by its words"
        INDEXED = "indexed", "Found by its meaning too"

    user_id = models.UUIDField()
    agent_id = models.UUIDField()
    namespace = models.CharField(max_length=32)
    kind = models.CharField(max_length=16, default="episodic")
    speaker = models.CharField(max_length=16)
    text = models.TextField()
    said_at = models.DateTimeField()
    conversation_id = models.UUIDField(null=True)
    turn_id = models.UUIDField(null=True)
    message_id = models.UUIDField(null=True)
    span_start = models.PositiveIntegerField(default=0)
    idempotency_key = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.STORED)
    index_attempts = models.PositiveSmallIntegerField(default=0)
    # Words as written (names, numbers) weigh more than words by their stem.
    search = models.GeneratedField(
        expression=SearchVector("text", config="simple", weight="A")
        + SearchVector("text", config="english", weight="B"),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    embedding = VectorField(dimensions=DIMENSIONS, null=True)
    embedding_model = models.CharField(max_length=64, null=True)  # noqa: DJ001 - null until indexed

    class Meta:
        """Keys, checks and indexes, in the database before they are in Python."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "idempotency_key"], name="memory_once_a_key"
            ),
            models.CheckConstraint(
                condition=models.Q(speaker__in=["user", "assistant"]), name="memory_speaker_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state="stored", embedding__isnull=True)
                | models.Q(state="indexed", embedding__isnull=False),
                name="memory_indexed_has_embedding",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "user_id", "namespace", "said_at", "id"],
                include=["agent_id"],
                name="memory_of_a_user",
            ),
            # The turns beside a hit.
            models.Index(
                fields=["tenant_id", "conversation_id", "said_at", "id"],
                name="memory_of_a_conversation",
            ),
            models.Index(
                fields=["id"],
                name="memory_pending",
                condition=models.Q(state="stored"),
            ),
            HnswIndex(
                fields=["embedding"],
                name="memory_by_meaning",
                m=16,
                ef_construction=64,
                opclasses=["vector_cosine_ops"],
            ),
        ]


class MemoryName(TenantModel):
    """A name that a memory mentions: the link over which recall walks from one to another.

    Written by the worker with the embedding; goes with its memory.
    """

    user_id = models.UUIDField()
    namespace = models.CharField(max_length=32)
    memory_id = models.UUIDField()
    name = models.CharField(max_length=60)

    class Meta:
        """Both directions are looked up."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "memory_id", "name"], name="memory_name_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "user_id", "namespace", "name", "memory_id"],
                name="memory_name_holders",
            ),
        ]


from memory import models_cognition  # noqa: E402, F401  # its tables belong to this app
