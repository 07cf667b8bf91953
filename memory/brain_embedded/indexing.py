"""What the worker does after a write: give stored memories their embeddings.

Crosses tenants, so it runs as the platform role; it reads text and writes vectors, nothing else.
A worker that dies in the middle lets its rows go with its transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from django.db import connections
from django.db.models import Count, Q, QuerySet

from kernel.db import platform_unit
from kernel.ids import uuid7
from memory import metrics
from memory.brain_embedded.search import vector_literal
from memory.embedding.minilm import Embedder
from memory.entities import mentions
from memory.models import MAX_INDEX_ATTEMPTS, Memory
from memory.ports import Pending

# Rows a transaction: at 2 to 18 ms each the locks are held for well under a second.
BATCH_ROWS = 32

log = structlog.get_logger(__name__)


def index_pending(embedder: Embedder, most_batches: int = 100) -> int:
    """Embed what waits, oldest first, until nothing does or `most_batches` are done.

    Safe to run many times at once: SKIP LOCKED gives every row to one worker.
    Raises: EmbeddingUnavailable (nothing is counted against the rows then).
    """
    done = 0
    for _ in range(most_batches):
        claimed, indexed = _index_batch(embedder)
        done += indexed
        if claimed < BATCH_ROWS:
            break
    return done


def measure_pending() -> Pending:
    """Refresh the pending gauge; return how many memories have no embedding yet."""
    with platform_unit("memory metrics"):
        pending = pending_of(Memory.objects.all())
    metrics.PENDING.set(pending.waiting)
    return pending


def pending_of(rows: QuerySet[Memory]) -> Pending:
    """Count those of `rows` that wait for their embedding, and those that cannot get one."""
    is_given_up = Q(index_attempts__gte=MAX_INDEX_ATTEMPTS)
    found = rows.filter(state="stored").aggregate(
        waiting=Count("id", filter=~is_given_up), failed=Count("id", filter=is_given_up)
    )
    return Pending(**found)


def _index_batch(embedder: Embedder) -> tuple[int, int]:
    """Embed one batch; return (rows claimed, rows indexed)."""
    # Before the transaction, so that a missing model keeps no locks and costs no attempts.
    embedder.warm_up()
    with platform_unit("memory indexing") as alias, connections[alias].cursor() as cursor:
        cursor.execute(
            "select id, text, tenant_id, user_id, namespace from memory_memory "
            "where state = 'stored' and index_attempts < %s "
            "order by id limit %s for update skip locked",
            [MAX_INDEX_ATTEMPTS, BATCH_ROWS],
        )
        rows = cursor.fetchall()
        if not rows:
            return 0, 0
        vectors = _vectors(embedder, [row[1] for row in rows])
        failed = [row[0] for row, vector in zip(rows, vectors, strict=True) if vector is None]
        indexed = [
            (row[0], vector)
            for row, vector in zip(rows, vectors, strict=True)
            if vector is not None
        ]
        cursor.execute(
            "update memory_memory m set state = 'indexed', embedding_model = %s, "
            "embedding = given.vector::vector "
            "from unnest(%s::uuid[], %s::text[]) as given(id, vector) where m.id = given.id",
            [embedder.model, *_columns(indexed, 2)],
        )
        named = [
            (uuid7(), tenant_id, user_id, namespace, memory_id, name)
            for memory_id, text, tenant_id, user_id, namespace in rows
            if memory_id not in failed
            for name in mentions(text)
        ]
        cursor.execute(
            "insert into memory_memoryname (created_at, id, tenant_id, user_id, namespace, "
            "memory_id, name) select now(), * from unnest(%s::uuid[], %s::uuid[], %s::uuid[], "
            "%s::text[], %s::uuid[], %s::text[]) on conflict do nothing",
            _columns(named, 6),
        )
        if failed:
            cursor.execute(
                "update memory_memory set index_attempts = index_attempts + 1 where id = any(%s)",
                [failed],
            )
            metrics.INDEX_FAILURES.inc(len(failed))
    metrics.INDEXED.inc(len(rows) - len(failed))
    return len(rows), len(rows) - len(failed)


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """Return the columns of `rows`, as `unnest` takes them."""
    return [[row[place] for row in rows] for place in range(count)]


def _vectors(embedder: Embedder, texts: Sequence[str]) -> list[str | None]:
    """Return one vector literal a text; None for a text that the model cannot take.

    Such a text must not hold up its batch: after a failure each text is tried alone.
    """
    try:
        return [vector_literal(vector) for vector in embedder.embed(texts)]
    except (RuntimeError, ValueError) as exc:
        if len(texts) == 1:
            log.warning("memory.index_failed", error=type(exc).__name__)
            return [None]
    return [literal for text in texts for literal in _vectors(embedder, [text])]
