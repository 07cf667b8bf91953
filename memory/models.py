"""Table of memories.

Owns the columns and indexes; the queries are in `memory.brain_embedded`.

Recall compares every memory of a person, by `words` and `sketch`, which `memory_to_compare` covers:
a scan of a person's part of that index, under the row-level security of the table.  There is no GIN
index on `search`: `@@` is not leakproof, so row-level security never lets the planner use it, and
it would only make writing slower.
"""

from typing import ClassVar

from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Case, When
from pgvector.django import BitField, HnswIndex, VectorField

from kernel.tenancy import TenantModel

DIMENSIONS = 384
SKETCH_BITS = 2 * DIMENSIONS
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
    # Of what is indexed: the words without their places (null: too many for an index, see the
    # migration), and two bits of each dimension.
    words = models.GeneratedField(
        expression=Case(
            When(embedding__isnull=False, then=models.Func("text", function="memory_words"))
        ),
        output_field=SearchVectorField(null=True),
        db_persist=True,
    )
    sketch = models.GeneratedField(
        expression=models.Func(
            "embedding",
            function="memory_sketch",
            template=f"%(function)s(%(expressions)s)::bit({SKETCH_BITS})",
        ),
        output_field=BitField(length=SKETCH_BITS, null=True),
        db_persist=True,
    )

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
            # What recall compares: the indexed by this index alone, the others one by one.
            models.Index(
                fields=["tenant_id", "user_id", "namespace", "agent_id", "id"],
                include=[
                    "said_at",
                    "conversation_id",
                    "turn_id",
                    "embedding_model",
                    "words",
                    "sketch",
                ],
                name="memory_to_compare",
                condition=models.Q(state="indexed"),
            ),
            models.Index(
                fields=["tenant_id", "user_id", "namespace"],
                name="memory_not_indexed",
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


from memory import (  # noqa: E402  # tables of this app
    models_cognition,  # noqa: F401
    models_given,  # noqa: F401
    models_retention,  # noqa: F401
)
