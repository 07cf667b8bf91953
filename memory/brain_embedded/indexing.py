"""What the worker does after a write: give stored memories their embeddings.

Crosses tenants, so it runs as the platform role; it reads text and writes vectors, nothing else.
A worker that dies in the middle lets its rows go with its transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from django.db import connections
from django.db.models import Count, Q, QuerySet

from kernel.db import platform_unit
from kernel.holding import held_tenants
from kernel.ids import uuid7
from memory import metrics
from memory.brain_embedded import focusing
from memory.brain_embedded.focusing import Fresh, columns
from memory.brain_embedded.search import vector_literal
from memory.embedding.embedder import TextEmbedder
from memory.embedding.errors import EmbeddingUnavailable
from memory.entities import mentions
from memory.models import MAX_INDEX_ATTEMPTS, Memory
from memory.ports import Pending

# Rows a transaction: at 2 to 18 ms each the locks are held for well under a second.
BATCH_ROWS = 32
# Which rows wait: for their first embedding, or for one by the present model.
_WAITING = "state = 'stored' and index_attempts < %s and tenant_id <> all(%s)"
_OUTDATED = (
    "state = 'indexed' and embedding_model <> %s and id > %s "
    f"and index_attempts < {MAX_INDEX_ATTEMPTS} and tenant_id <> all(%s)"
)

log = structlog.get_logger(__name__)


def index_pending(embedder: TextEmbedder, most_batches: int = 100) -> int:
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
    waiting_for_their_tenant = held_tenants()
    with platform_unit("memory metrics"):
        pending = pending_of(Memory.objects.exclude(tenant_id__in=waiting_for_their_tenant))
    metrics.PENDING.set(pending.waiting)
    return pending


def pending_of(rows: QuerySet[Memory]) -> Pending:
    """Count those of `rows` that wait for their embedding, and those that cannot get one."""
    is_given_up = Q(index_attempts__gte=MAX_INDEX_ATTEMPTS)
    found = rows.filter(state="stored").aggregate(
        waiting=Count("id", filter=~is_given_up), failed=Count("id", filter=is_given_up)
    )
    return Pending(**found)


def renew(embedder: TextEmbedder, after: UUID, most_batches: int = 10) -> UUID | None:
    """Embed again what another model embedded, a batch a transaction, from the id `after` on.

    Returns where to go on; None when nothing is left there.  Until then such a memory is found by
    its words alone.  Which are left stands in the rows, so whoever is interrupted may begin anew.
    Raises: EmbeddingUnavailable.
    """
    for _ in range(most_batches):
        claimed, count = _batch(embedder, _OUTDATED, [embedder.model, after, held_tenants()])
        if not claimed:
            return None
        after = claimed[-1]
        log.info("memory.renewed", memories=count, model=embedder.model)
    return after


def _index_batch(embedder: TextEmbedder) -> tuple[int, int]:
    """Embed one batch of what waits; return (rows claimed, rows indexed)."""
    claimed, indexed = _batch(embedder, _WAITING, [MAX_INDEX_ATTEMPTS, held_tenants()])
    return len(claimed), indexed


def _batch(embedder: TextEmbedder, which: str, values: list[Any]) -> tuple[list[UUID], int]:
    """Embed one batch of the rows that meet `which`; return (ids claimed, rows indexed)."""
    ahead: dict[UUID, str | None] = {}
    if embedder.is_remote:
        # Nothing is locked while a network is waited for; who embeds the same meanwhile, loses.
        ahead = _ahead(embedder, which, values)
        if not ahead:
            return [], 0
        which, values = f"{which} and id = any(%s)", [*values, list(ahead)]
    else:
        # Before the transaction, so that a missing model keeps no locks and costs no attempts.
        embedder.warm_up()
    with platform_unit("memory indexing") as alias, connections[alias].cursor() as cursor:
        cursor.execute(
            "select id, text, tenant_id, user_id, namespace, agent_id, said_at, "  # noqa: S608  # constants
            "state = 'stored' and kind = 'episodic' from memory_memory "
            f"where {which} order by id limit %s for update skip locked",
            [*values, BATCH_ROWS],
        )
        rows = cursor.fetchall()
        if not rows:
            return [], 0
        if ahead:
            vectors = [ahead[row[0]] for row in rows]
        else:
            vectors = _vectors(embedder, [(row[2], row[1]) for row in rows])
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
            [embedder.model, *columns(indexed, 2)],
        )
        named = [
            (uuid7(), tenant_id, user_id, namespace, memory_id, name)
            for memory_id, text, tenant_id, user_id, namespace, *_ in rows
            if memory_id not in failed
            for name in mentions(text)
        ]
        cursor.execute(
            "insert into memory_memoryname (created_at, id, tenant_id, user_id, namespace, "
            "memory_id, name) select now(), * from unnest(%s::uuid[], %s::uuid[], %s::uuid[], "
            "%s::text[], %s::uuid[], %s::text[]) on conflict do nothing",
            columns(named, 6),
        )
        focusing.admit(
            cursor,
            [
                Fresh(tenant_id, user_id, agent_id, namespace, memory_id, said_at, vector)
                for (
                    memory_id,
                    _,
                    tenant_id,
                    user_id,
                    namespace,
                    agent_id,
                    said_at,
                    is_new,
                ), vector in zip(rows, vectors, strict=True)
                if is_new and vector is not None
            ],
        )
        if failed:
            cursor.execute(
                "update memory_memory set index_attempts = index_attempts + 1 where id = any(%s)",
                [failed],
            )
            metrics.INDEX_FAILURES.inc(len(failed))
    metrics.INDEXED.inc(len(rows) - len(failed))
    return [row[0] for row in rows], len(rows) - len(failed)


def _ahead(embedder: TextEmbedder, which: str, values: list[Any]) -> dict[UUID, str | None]:
    """Return the vectors of the next batch, by id, without keeping it locked."""
    with platform_unit("memory indexing") as alias, connections[alias].cursor() as cursor:
        cursor.execute(
            f"select id, tenant_id, text from memory_memory where {which} order by id limit %s",  # noqa: S608  # constants
            [*values, BATCH_ROWS],
        )
        rows = cursor.fetchall()
    vectors = _vectors(embedder, [(tenant_id, text) for _, tenant_id, text in rows])
    return dict(zip([row[0] for row in rows], vectors, strict=True))


def _vectors(embedder: TextEmbedder, texts: Sequence[tuple[UUID, str]]) -> list[str | None]:
    """Return one vector literal a text (tenant, text); None for what the model cannot take."""
    given = embedder.take(texts)
    fresh = iter(
        _embedded(
            embedder, [text for (_, text), known in zip(texts, given, strict=True) if known is None]
        )
    )
    return [next(fresh) if known is None else vector_literal(known) for known in given]


def _embedded(embedder: TextEmbedder, texts: Sequence[str]) -> list[str | None]:
    """Return one vector literal a text; None for a text that the model cannot take.

    Such a text must not hold up its batch: after a failure each text is tried alone.
    """
    if not texts:
        return []
    try:
        return [vector_literal(vector) for vector in embedder.embed(texts)]
    except EmbeddingUnavailable:
        raise
    except (RuntimeError, ValueError) as exc:
        if len(texts) == 1:
            log.warning("memory.index_failed", error=type(exc).__name__)
            return [None]
    return [literal for text in texts for literal in _embedded(embedder, [text])]
