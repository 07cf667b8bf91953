"""Queries of the embedded brain for requests: inserting, and gathering the evidence for recall.

Runs inside a unit that the engine opened; row-level security filters the tenant, these queries
add user, agent and namespace themselves.  The text of the recall statements is in `statements`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from django.db import connection

from kernel.clock import now
from kernel.scope import require_scope
from memory.brain_embedded import statements
from memory.ports import WORKING, MemoryItem, MemoryScope, RecallQuery
from memory.recall import Asked, Candidate, Corpus
from memory.terms import Term, is_question
from memory.times import Span, event_day, offsets, spans

if TYPE_CHECKING:
    from memory.embedding.embedder import Vector

_EF_SEARCH = 100
ABOUT_SHARE = 0.7
_SCOPE_COLUMNS = ("user_id", "agent_id", "namespace")
_ITEM_COLUMNS = (
    "kind",
    "speaker",
    "text",
    "said_at",
    "conversation_id",
    "turn_id",
    "message_id",
    "span_start",
    "idempotency_key",
)


@dataclass(frozen=True, slots=True)
class QueryVector:
    """The question's embedding and the model that made it; only its own kind is compared."""

    model: str
    numbers: Vector


def blended(whole: QueryVector, about: QueryVector | None) -> QueryVector:
    """Return what meaning is compared with: mostly the question without its names.

    Every passage of "Nadia: ..." is near to every question about Nadia; whom it is about, the
    words, the links and the persons tell better than a vector does.
    """
    if about is None or about.model != whole.model:
        return whole
    numbers = (1 - ABOUT_SHARE) * whole.numbers + ABOUT_SHARE * about.numbers
    return QueryVector(whole.model, numbers)


def vector_literal(vector: Vector) -> str:
    """Return the text form of a pgvector, which is that of a JSON list."""
    return orjson.dumps(vector, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def limit_time(timeout_s: float) -> None:
    """Set the transaction's statement timeout, and how its one statement is to be run.

    Filtered HNSW scans go on until they have enough rows; neither parallel workers nor compiled
    plans, whose start costs more than the statement; one plan for all questions, since planning
    takes as long as answering.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select set_config('statement_timeout', %s, true), "
            "set_config('hnsw.iterative_scan', 'strict_order', true), "
            "set_config('hnsw.ef_search', %s, true), "
            "set_config('max_parallel_workers_per_gather', '0', true), "
            "set_config('plan_cache_mode', 'force_generic_plan', true), "
            "set_config('jit', 'off', true)",
            [str(max(1, int(timeout_s * 1000))), str(_EF_SEARCH)],
        )


def limit_statements(timeout_s: float) -> None:
    """Set the transaction's statement timeout."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select set_config('statement_timeout', %s, true)", [str(max(1, int(timeout_s * 1000)))]
        )


def insert(rows: Sequence[tuple[UUID, MemoryScope, MemoryItem]]) -> set[UUID]:
    """Insert what is not there yet, all of the unit's tenant; return the ids that were inserted.

    Two writers with one key: the second waits for the first and then inserts nothing.
    """
    ordered = sorted(rows, key=lambda row: row[2].idempotency_key)
    columns: list[Any] = [
        [memory_id for memory_id, _, _ in ordered],
        *([getattr(scope, name) for _, scope, _ in ordered] for name in _SCOPE_COLUMNS),
        *([getattr(item, name) for _, _, item in ordered] for name in _ITEM_COLUMNS),
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into memory_memory (tenant_id, created_at, state, index_attempts, "
            "id, user_id, agent_id, namespace, kind, speaker, text, said_at, conversation_id, "
            "turn_id, message_id, span_start, idempotency_key) "
            "select %s, %s, 'stored', 0, * from unnest(%s::uuid[], %s::uuid[], %s::uuid[], "
            "%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::uuid[], "
            "%s::uuid[], %s::uuid[], %s::int[], %s::text[]) "
            "on conflict (tenant_id, idempotency_key) do nothing returning id",
            [require_scope().tenant_id, now(), *columns],
        )
        return {row[0] for row in cursor.fetchall()}


def ids_by_key(keys: Sequence[str]) -> dict[str, UUID]:
    """Return the ids of the tenant's memories with these idempotency keys."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select idempotency_key, id from memory_memory "
            "where tenant_id = %s and idempotency_key = any(%s)",
            [require_scope().tenant_id, list(keys)],
        )
        return dict(cursor.fetchall())


def candidates(
    scope: MemoryScope,
    query: RecallQuery,
    asked: Asked,
    vector: QueryVector | None,
    about: QueryVector | None = None,
) -> tuple[Corpus, list[Candidate]]:
    """Return the best of all searches with their evidence, and the corpus for word rarity.

    `about`: the question without its names, when it has any.
    """
    wanted, values = asking(scope, query, asked, vector, about)
    with connection.cursor() as cursor:
        cursor.execute(statements.for_scope(wanted), values)
        rows = cursor.fetchall()
        if rows[0][0] > statements.COMPARED:
            cursor.execute(statements.for_large(wanted), values)
            rows = cursor.fetchall()
    corpus = Corpus(rows[0][0], tuple(count or 0 for count in rows[0][1][: wanted.terms]))
    return corpus, [_candidate(row[2:]) for row in rows if row[2] is not None]


def asking(
    scope: MemoryScope,
    query: RecallQuery,
    asked: Asked,
    vector: QueryVector | None,
    about: QueryVector | None = None,
) -> tuple[statements.Wanted, dict[str, Any]]:
    """Return the shape of a recall's statement and the values that go into it.

    Each value always has the same type, so that the statement is prepared once.
    """
    where = {} if query.where is None else query.where.given()
    in_focus = where.get("kind") == WORKING
    if in_focus:
        del where["kind"]
    times = [*asked.times, *(span for year in asked.earlier for span in year)]
    values: dict[str, Any] = {
        "tenant_id": require_scope().tenant_id,
        "user_id": scope.user_id,
        "agent_id": scope.agent_id,
        "namespace": scope.namespace,
        "conversation_id": query.exclude_conversation_id,
        "turn_ids": list(query.exclude_turn_ids),
        # Never empty: a list without elements has no type of its own.
        "names": [*asked.names, ""],
        **{f"from{place}": span.start for place, span in enumerate(times)},
        **{f"until{place}": span.end for place, span in enumerate(times)},
        **{f"where_{name}": value for name, value in where.items()},
    }
    wanted = statements.Wanted(
        one_agent=scope.agent_id is not None,
        not_conversation=query.exclude_conversation_id is not None,
        not_turns=bool(query.exclude_turn_ids),
        terms=len(asked.terms),
        with_vector=vector is not None,
        spans=len(times),
        where=tuple(where),
        in_focus=in_focus,
    )
    values["terms"] = len(asked.terms)
    for place in range(wanted.room):
        term = asked.terms[place] if place < len(asked.terms) else Term("", exact=True)
        values[f"term{place}"] = term.word
        values[f"stem{place}"] = "" if term.exact else term.word
    if vector is not None:
        values["model"] = vector.model
        values["vector"] = vector_literal(vector.numbers)
        values["about"] = vector_literal((about or vector).numbers)
    return wanted, values


def dated(scope: MemoryScope, query: RecallQuery, asked: Asked) -> Asked:
    """Return the question with the times that hang on an event ("a week before my birthday").

    The event is looked for by its words; the memory that holds most of them, one with a date
    before others, tells the day.  An event that nobody mentioned leaves the question as it is.
    """
    found: list[Span] = []
    for offset in offsets(asked.text):
        event = Asked.of(offset.anchor, asked.at)
        if not event.terms:
            continue
        # The filter narrows what is found, not what tells the day.
        corpus, told = candidates(scope, replace(query, where=None), event, None)
        best = max(told, key=lambda one: _dating(corpus, one), default=None)
        if best is not None and best.matched:
            found.append(offset.around(event_day(best.text, best.said_at, asked.at)))
    return replace(asked, times=(*asked.times, *found)) if found else asked


def _dating(corpus: Corpus, one: Candidate) -> tuple[float, bool, datetime]:
    """Return how well a memory dates an event: its words, then a date, then the newest."""
    weight = sum(corpus.rarity(place) for place in one.matched)
    names_it = 0.0 if is_question(one.text) else weight
    has_date = any(span.words.lower() != "today" for span in spans(one.text, one.said_at))
    return names_it + 0.5 * has_date, has_date, one.said_at


def _candidate(row: tuple[Any, ...]) -> Candidate:
    mask = int(row[6])
    return Candidate(
        memory_id=row[0],
        text=row[1],
        said_at=row[2],
        speaker=row[3],
        conversation_id=row[4],
        turn_id=row[5],
        matched=frozenset(place for place in range(mask.bit_length()) if mask >> place & 1),
        cosine=None if row[7] is None else float(row[7]),
        about=None if row[8] is None else float(row[8]),
        beside=dict(zip(row[9] or (), row[10] or (), strict=True)),
        names=tuple(row[11] or ()),
        superseded_by=row[12],
    )
