"""The SQL of the embedded brain: inserting, and one statement that gathers all evidence.

Owns every raw query on `memory_memory` for requests.  Runs inside a unit that the engine opened;
row-level security filters the tenant, these queries add user, agent and namespace themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from kernel.clock import now
from kernel.scope import require_scope
from memory.ports import MemoryItem, MemoryScope, RecallQuery
from memory.recall import PRIOR_SIZE, Candidate, Corpus
from memory.terms import Term

# Up to here one user's vectors are scanned exactly (about 4 ms); beyond, HNSW takes over.
EXACT_ROWS = 10_000
# How many candidates each search contributes.
DEPTH = 40
_EF_SEARCH = 100
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
    numbers: Sequence[float]


def vector_literal(numbers: Iterable[float]) -> str:
    """Return the text form of a pgvector."""
    return "[" + ",".join(f"{number:.7g}" for number in numbers) + "]"


def limit_time(timeout_s: float) -> None:
    """Set the transaction's statement timeout, and how its one statement is to be run.

    Filtered HNSW scans go on until they have enough rows; neither parallel workers nor compiled
    plans, whose start costs more than the statement.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select set_config('statement_timeout', %s, true), "
            "set_config('hnsw.iterative_scan', 'strict_order', true), "
            "set_config('hnsw.ef_search', %s, true), "
            "set_config('max_parallel_workers_per_gather', '0', true), "
            "set_config('jit', 'off', true)",
            [str(max(1, int(timeout_s * 1000))), str(_EF_SEARCH)],
        )


def insert(scope: MemoryScope, items: Sequence[tuple[UUID, MemoryItem]]) -> set[UUID]:
    """Insert what is not there yet; return the ids that were inserted.

    Two writers with one key: the second waits for the first and then inserts nothing.
    """
    ordered = sorted(items, key=lambda pair: pair[1].idempotency_key)
    owner = (
        require_scope().tenant_id,
        now(),
        scope.user_id,
        scope.agent_id,
        scope.namespace,
    )
    columns: list[Any] = [
        [memory_id for memory_id, _ in ordered],
        *([getattr(item, name) for _, item in ordered] for name in _ITEM_COLUMNS),
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into memory_memory (tenant_id, created_at, user_id, agent_id, namespace, "
            "state, index_attempts, id, kind, speaker, text, said_at, conversation_id, turn_id, "
            "message_id, span_start, idempotency_key) "
            "select %s, %s, %s, %s, %s, 'stored', 0, * from unnest(%s::uuid[], %s::text[], "
            "%s::text[], %s::text[], %s::timestamptz[], %s::uuid[], %s::uuid[], %s::uuid[], "
            "%s::int[], %s::text[]) "
            "on conflict (tenant_id, idempotency_key) do nothing returning id",
            [*owner, *columns],
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
    scope: MemoryScope, query: RecallQuery, terms: Sequence[Term], vector: QueryVector | None
) -> tuple[Corpus, list[Candidate]]:
    """Return the best of both searches with their evidence, and the corpus for word rarity."""
    values: dict[str, Any] = {
        "tenant_id": require_scope().tenant_id,
        "user_id": scope.user_id,
        "agent_id": scope.agent_id,
        "namespace": scope.namespace,
        "conversation_id": query.exclude_conversation_id,
        "turn_ids": list(query.exclude_turn_ids),
        "model": vector.model if vector else None,
        "vector": vector_literal(vector.numbers) if vector else None,
        **{f"term{place}": term.word for place, term in enumerate(terms)},
    }
    with connection.cursor() as cursor:
        cursor.execute(_statement(scope, query, terms, with_vector=vector is not None), values)
        rows = cursor.fetchall()
    if not rows:
        return Corpus(0, (0,) * len(terms)), []
    return Corpus(rows[0][-2], tuple(rows[0][-1])), [_candidate(row) for row in rows]


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
        density=float(row[7]),
        cosine=None if row[8] is None else float(row[8]),
    )


def _statement(
    scope: MemoryScope, query: RecallQuery, terms: Sequence[Term], *, with_vector: bool
) -> str:
    """Build the statement from constant pieces; every value goes in as a parameter."""
    owned = "tenant_id = %(tenant_id)s and user_id = %(user_id)s and namespace = %(namespace)s"
    if scope.agent_id is not None:
        owned += " and agent_id = %(agent_id)s"
    wanted = owned
    if query.exclude_conversation_id is not None:
        wanted += " and conversation_id is distinct from %(conversation_id)s"
    if query.exclude_turn_ids:
        wanted += " and (turn_id is null or turn_id <> all(%(turn_ids)s))"
    places = range(len(terms))
    mask = " | ".join(f"((search @@ q.t{n})::int::bigint << {n})" for n in places) or "0::bigint"
    density = "ts_rank_cd(search, q.whole, 1)" if terms else "0::real"
    cosine = "1 - (embedding <=> %(vector)s::vector)" if with_vector else "null::float8"
    counts = ", ".join(f"coalesce(sum(mask >> {n} & 1), 0)::bigint" for n in places)
    # The statement is one snapshot and one round trip.  `mine` decides, before either of the two
    # dense scans starts, which of them runs: the other one's filter is false from the outset.
    # Adding 0 keeps the planner from using HNSW for the scan that has to be exact.
    return f"""
with q as materialized (select {_tsqueries(terms)}),
mine as materialized (
  select count(*) as n from (
    select 1 from memory_memory where {owned} limit {EXACT_ROWS + 1}) as counted),
hits as materialized (
  select id, said_at, {mask} as mask
  from memory_memory, q where {wanted} and {"search @@ q.whole" if terms else "false"}),
seen as materialized (
  select array[{counts}]::bigint[] as counts from hits),
rarity as materialized (select {_rarities(len(terms))} from mine, seen),
lexical as (
  select id from hits, rarity order by {_rarity_sum(len(terms))} desc, said_at desc limit {DEPTH}),
near as (
  {_dense(wanted, "<=", "+ 0") if with_vector else "select id from hits where false"}
  union all
  {_dense(wanted, ">", "") if with_vector else "select id from hits where false"}),
found as (select id from lexical union select id from near)
select m.id, m.text, m.said_at, m.speaker, m.conversation_id, m.turn_id,
  {mask}, {density}, case when m.embedding_model = %(model)s then {cosine} end,
  mine.n, seen.counts
from found join memory_memory m on m.id = found.id, q, mine, seen"""  # noqa: S608


def _tsqueries(terms: Sequence[Term]) -> str:
    """Return one tsquery column a term (as written, or by its stem), and one for any of them."""
    columns = []
    for place, term in enumerate(terms):
        query = f"plainto_tsquery('simple', %(term{place})s)"
        if not term.exact:
            query += f" || plainto_tsquery('english', %(term{place})s)"
        columns.append(f"({query})")
    if not columns:
        return "null::tsquery as whole"
    named = [f"{query} as t{place}" for place, query in enumerate(columns)]
    return ", ".join([*named, f"({' || '.join(columns)}) as whole"])


def _rarities(terms: int) -> str:
    """Return one column a word with its rarity (see `recall.Corpus.rarity`), computed once."""
    pieces = [
        f"ln(1 + (greatest(mine.n - seen.counts[{n + 1}], 0) + {PRIOR_SIZE - 0.5}) "
        f"/ (seen.counts[{n + 1}] + 1.5))::float8 as r{n}"
        for n in range(terms)
    ]
    return ", ".join(pieces) or "0 as none"


def _rarity_sum(terms: int) -> str:
    """Return the summed rarity of the words that a hit holds."""
    return " + ".join(f"(mask >> {n} & 1) * rarity.r{n}" for n in range(terms)) or "0::float8"


def _dense(wanted: str, comparison: str, no_index: str) -> str:
    """Return the scan by cosine distance for users with few (<=) or many (>) memories."""
    return f"""(select id from memory_memory
    where {wanted} and embedding_model = %(model)s and embedding is not null
      and (select n from mine) {comparison} {EXACT_ROWS}
    order by (embedding <=> %(vector)s::vector) {no_index} limit {DEPTH})"""  # noqa: S608
