"""EmbeddedBrain: BrainPort on PostgreSQL.

`remember` commits the text and answers; the embedding follows in the worker, woken after the
commit.  `recall` embeds the question while its unit is being opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

import structlog
from django.db import DatabaseError, connection, models, transaction

from kernel.actor import Scope
from kernel.clock import monotonic_s, now
from kernel.ids import uuid7
from kernel.ports import Probe
from kernel.text import scrubbed
from memory import entities, metrics, prompting
from memory.brain_embedded import forgetting, indexing, links, overview, search
from memory.brain_embedded.cognitive_calls import CognitiveCalls
from memory.brain_embedded.together import Together
from memory.brain_embedded.units import is_open
from memory.brain_embedded.units import unit as _unit
from memory.embedding.embedder import TextEmbedder, Underway
from memory.embedding.errors import EmbeddingUnavailable
from memory.errors import EmptyMemory, MemoryTooLong, NoSuchMemory
from memory.models import Memory
from memory.overview import Graph, GraphQuery, Stats
from memory.ports import (
    FORGET_TIMEOUT_S,
    MAX_ITEMS,
    MAX_LOOK_UP,
    READ_TIMEOUT_S,
    WRITE_TIMEOUT_S,
    Context,
    ContextQuery,
    Forgotten,
    Matching,
    MemoryItem,
    MemoryScope,
    Pending,
    Position,
    Recalled,
    RecallQuery,
    Remembered,
    Selection,
)
from memory.ports import Memory as Kept
from memory.recall import Asked, fuse
from memory.terms import query_terms
from memory.values import (
    CAPABILITIES,
    Capability,
)

MAX_LIMIT = 200
_MAX_QUERY_CHARS = 4_000
# Share of the deadline that the embedding of the question may take.
_EMBED_SHARE = 0.5
_FIRST = UUID(int=0)
# An embedding that took longer leaves the statements less time than their unit was opened with.
_NOTICEABLE_S = 0.02

log = structlog.get_logger(__name__)


class EmbeddedBrain(CognitiveCalls):
    """BrainPort on the product's own database.

    `wake`: called after each commit that left something to index; it must not block or raise.
    """

    def __init__(self, embedder: TextEmbedder, wake: Callable[[], None]) -> None:
        self._embedder = embedder
        self._wake = wake
        self._together = Together(self._write)
        # Where to look on for memories that another model embedded; None once there are none.
        self._renewed_up_to: UUID | None = _FIRST

    def remember(
        self, scope: MemoryScope, item: MemoryItem, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> Remembered:
        """Keep one passage; see `BrainPort.remember`."""
        return self.remember_many(scope, (item,), timeout_s=timeout_s)[0]

    def remember_many(
        self,
        scope: MemoryScope,
        items: Sequence[MemoryItem],
        *,
        timeout_s: float = WRITE_TIMEOUT_S,
    ) -> tuple[Remembered, ...]:
        """Keep all passages in one statement; see `BrainPort.remember_many`.

        Writes of a tenant that come at the same time share a transaction (`together`).
        """
        if scope.agent_id is None:
            raise EmptyMemory("A memory belongs to an agent; none was named.")
        if len(items) > MAX_ITEMS:
            msg = f"At most {MAX_ITEMS} memories at once."
            raise MemoryTooLong(msg, limit=MAX_ITEMS)
        if not items:
            return ()
        rows = [(scope, item) for item in items]
        if is_open(scope):
            return tuple(self._write(rows, timeout_s))
        return tuple(self._together.write(scope.tenant_id, rows, timeout_s))

    def recall(self, scope: MemoryScope, query: RecallQuery) -> tuple[Recalled, ...]:
        """Find by words and by meaning; see `BrainPort.recall`."""
        started_s = monotonic_s()
        text = _question(query.text)
        limit = max(1, min(query.limit, MAX_LIMIT))
        if not text:
            return ()
        asked = Asked.of(text, query.asked_at or now(), only_if_sure=query.only_if_sure)
        rest = _nameless(text, asked.names)
        underway = self._embedder.begin([text, rest] if rest else [text])
        # The question is embedded while the unit is opened: both take a millisecond or three.
        with _unit(scope, timeout_s=query.timeout_s, for_recall=True) as is_own:
            vectors = self._vectors(underway, query.timeout_s * _EMBED_SHARE)
            if vectors:
                self._embedder.give(scope.tenant_id, text, vectors[0].numbers)
            if not asked.terms and not vectors:
                return ()
            took_s = monotonic_s() - started_s
            if is_own and took_s > _NOTICEABLE_S:
                search.limit_statements(query.timeout_s - took_s)
            vector = vectors[0] if vectors else None
            about = vectors[1] if len(vectors) > 1 else None
            if vector is not None and about is not None:
                vector = search.blended(vector, about)
            asked = search.dated(scope, query, asked)
            corpus, candidates = search.candidates(scope, query, asked, vector, about)
        return fuse(asked, corpus, candidates, limit)

    def expect(self, text: str) -> None:
        """Begin to embed the question; see `BrainPort.expect`."""
        question = _question(text)
        if not question:
            return
        self._embedder.expect(question)
        rest = _nameless(question, entities.names(question))
        if rest:
            self._embedder.expect(rest)

    def get(
        self, scope: MemoryScope, memory_id: UUID, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Kept:
        """Read one memory; see `BrainPort.get`."""
        with _unit(scope, timeout_s=timeout_s):
            found = links.kept(scope, [memory_id]).get(memory_id)
        if found is None:
            raise NoSuchMemory
        return found

    def recent(
        self,
        scope: MemoryScope,
        *,
        limit: int,
        before: Position | None = None,
        where: Matching | None = None,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> tuple[Recalled, ...]:
        """List the newest; see `BrainPort.recent`."""
        with _unit(scope, timeout_s=timeout_s):
            rows = _rows_of(scope).order_by("-said_at", "-id")
            if where is not None:
                rows = rows.filter(**forgetting.conditions(where))
            if before is not None:
                rows = rows.filter(
                    models.Q(said_at__lt=before.said_at)
                    | models.Q(said_at=before.said_at, id__lt=before.memory_id)
                )
            fields = ("id", "text", "said_at", "speaker", "conversation_id", "turn_id")
            found = list(rows.values(*fields)[: max(1, min(limit, MAX_LIMIT))])
        return tuple(
            Recalled(memory_id=row.pop("id"), score=0.0, reason="most recent", **row)
            for row in found
        )

    def look_up(
        self,
        scope: MemoryScope,
        memory_ids: Sequence[UUID],
        *,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> tuple[Kept, ...]:
        """Read several memories; see `BrainPort.look_up`."""
        if len(memory_ids) > MAX_LOOK_UP:
            msg = f"At most {MAX_LOOK_UP} memories at once."
            raise MemoryTooLong(msg, limit=MAX_LOOK_UP)
        with _unit(scope, timeout_s=timeout_s):
            found = links.kept(scope, list(memory_ids))
        return tuple(found[one] for one in dict.fromkeys(memory_ids) if one in found)

    def stats(self, scope: MemoryScope, *, timeout_s: float = READ_TIMEOUT_S) -> Stats:
        """Count; see `BrainPort.stats`."""
        with _unit(scope, timeout_s=timeout_s):
            return overview.stats(scope)

    def graph(
        self, scope: MemoryScope, query: GraphQuery, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Graph:
        """Draw the graph; see `BrainPort.graph`."""
        with _unit(scope, timeout_s=timeout_s):
            return overview.graph(scope, query)

    def forget(
        self, scope: MemoryScope, selection: Selection, *, timeout_s: float = FORGET_TIMEOUT_S
    ) -> Forgotten:
        """Delete rows with all that hangs on them; see `BrainPort.forget`."""
        with _unit(scope, timeout_s=timeout_s):
            return forgetting.forget(scope, selection)

    def context(
        self, scope: MemoryScope, query: ContextQuery, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Context:
        """Recall and lay out a prompt; see `BrainPort.context`."""
        asked = replace(query.recall, timeout_s=min(query.recall.timeout_s, timeout_s))
        return prompting.lay_out(asked.text, self.recall(scope, asked), query.token_allowance)

    def people(
        self, tenant: Scope, *, timeout_s: float = READ_TIMEOUT_S
    ) -> tuple[tuple[UUID, str], ...]:
        """Name the owners; see `BrainPort.people`."""
        with _unit(_whole(tenant), timeout_s=timeout_s):
            rows = Memory.objects.order_by("user_id", "namespace").distinct()
            return tuple(rows.values_list("user_id", "namespace"))

    def retry(self, tenant: Scope, *, timeout_s: float = WRITE_TIMEOUT_S) -> int:
        """Try again what failed; see `BrainPort.retry`."""
        with _unit(_whole(tenant), timeout_s=timeout_s):
            again = Memory.objects.filter(state=Memory.State.STORED, index_attempts__gt=0)
            count = again.update(index_attempts=0)
            if count:
                self._wake_after_commit()
        return count

    def settle(self) -> int:
        """Give pending memories their embeddings; see `BrainPort.settle`."""
        done = indexing.index_pending(self._embedder)
        if not done and self._renewed_up_to is not None:
            self._renewed_up_to = indexing.renew(self._embedder, self._renewed_up_to)
        return done

    def pending(
        self, scope: MemoryScope | Scope | None = None, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Pending:
        """Count memories without embedding; see `BrainPort.pending`."""
        if scope is None:
            return indexing.measure_pending()
        if isinstance(scope, Scope):
            with _unit(_whole(scope), timeout_s=timeout_s):
                return indexing.pending_of(Memory.objects.all())
        with _unit(scope, timeout_s=timeout_s):
            return indexing.pending_of(_rows_of(scope))

    def capabilities(self) -> frozenset[Capability]:
        """Return what this engine can do; see `BrainPort.capabilities`."""
        return CAPABILITIES

    def probe(self) -> Probe:
        """Say whether the embedding model opens and the table answers."""
        started_s = monotonic_s()
        try:
            self._embedder.warm_up()
        except EmbeddingUnavailable as exc:
            return Probe(
                ok=False,
                is_limited=True,
                detail=f"Recall works by words only. {exc}",
                advice="Run `python -m memory.embedding.prepare` in the product's environment.",
            )
        try:
            with connection.cursor() as cursor:
                cursor.execute("select 1 from memory_memory limit 0")
        except DatabaseError as exc:
            return Probe(
                ok=False,
                detail=f"The table of memories does not answer ({type(exc).__name__}).",
                advice="Check the database and that the migrations have run.",
            )
        latency_ms = (monotonic_s() - started_s) * 1000
        return Probe(ok=True, latency_ms=round(latency_ms, 1), detail=self._embedder.model)

    def _vectors(self, underway: Underway, timeout_s: float) -> list[search.QueryVector]:
        """Return a vector a text; none when the model is missing, too busy or fails."""
        try:
            found = underway.result(timeout_s)
        except (TimeoutError, RuntimeError, ValueError) as exc:
            metrics.PARTIAL_RECALLS.inc()
            log.warning("memory.recall_by_words_only", error=type(exc).__name__)
            return []
        return [search.QueryVector(self._embedder.model, numbers) for numbers in found]

    def _write(
        self, rows: Sequence[tuple[MemoryScope, MemoryItem]], timeout_s: float
    ) -> list[Remembered]:
        """Keep the rows of one tenant; one acknowledgement a row."""
        own = [uuid7() for _ in rows]
        keys = [item.idempotency_key for _, item in rows]
        with _unit(rows[0][0], timeout_s=timeout_s):
            created = search.insert([(key, *row) for key, row in zip(own, rows, strict=True)])
            if created:
                self._wake_after_commit()
            if len(created) == len(rows):
                return [Remembered(memory_id, created=True) for memory_id in own]
            known = search.ids_by_key(keys)
        return [
            Remembered(known[key], created=known[key] == memory_id)
            for memory_id, key in zip(own, keys, strict=True)
        ]

    def _wake_after_commit(self) -> None:
        # One wake a transaction is enough: the relay remembers whole batches in one.
        planned = (entry[1] for entry in connection.run_on_commit)
        if self._wake not in planned:
            transaction.on_commit(self._wake, robust=True)


def _question(text: str) -> str:
    """Return the part of a text that is searched for."""
    return scrubbed(text[:_MAX_QUERY_CHARS]).replace("\x00", " ").strip()


def _nameless(text: str, names: Sequence[str]) -> str:
    """Return the question without its `names`; empty when it has none, or nothing else."""
    rest = entities.without_names(text) if names else ""
    return rest if query_terms(rest) else ""


def _whole(tenant: Scope) -> MemoryScope:
    """Return a scope for a unit of the tenant; the person in it does not matter."""
    return MemoryScope(tenant.tenant_id, tenant.tenant_id)


def _rows_of(scope: MemoryScope) -> models.QuerySet[Memory]:
    rows: models.QuerySet[Memory] = Memory.objects.filter(
        user_id=scope.user_id, namespace=scope.namespace
    )
    return rows if scope.agent_id is None else rows.filter(agent_id=scope.agent_id)
