"""Fills the table of memories in bulk, in the shape that the product itself would have written.

A thousand and a half memories are remembered and indexed by the product; the bulk multiplies these
rows inside the database: every column is taken over but identity, owner, time and text (two
sentences that were really said), and the vector is that of the first sentence with noise (cosine
to the real one about 0.8). Indexes that hold no promise are dropped and made again, since a million
insertions into HNSW would take hours; they end up as the migrations made them.
"""

import time
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings

from bench.brain.facts import crowd, fact
from kernel.clock import now
from kernel.ids import uuid7
from memory.ports import BRAIN, MemoryItem, MemoryScope

SEEDS = 1_500
SEED_AGENT = UUID("00000000-0000-7000-8000-00000000bec4")
TABLE = "memory_memory"
TRACES = "memory_memorytrace"
TABLES = (TABLE, "memory_memoryname", TRACES)
AGENTS = 3
# What one bulk statement inserts at most, so that progress survives an interruption.
CHUNK = 50_000
_SEEDED = "select count(*) from memory_memory where agent_id = %s and state = 'indexed'"
# The columns of a bulk row that are not those of the first sentence.
_OWN = {
    "id": "o.id",
    "tenant_id": "TENANT",
    "created_at": "o.said_at",
    "user_id": "o.user_id",
    "agent_id": "o.agent_id",
    "namespace": "'chat'",
    "said_at": "o.said_at",
    "text": "b.text || ' ' || t.text",
    "conversation_id": "md5(o.user_id::text || (o.n / 20))::uuid",
    "turn_id": "md5(o.user_id::text || 't' || (o.n / 2))::uuid",
    "message_id": "md5(o.user_id::text || 'm' || o.n)::uuid",
    "idempotency_key": "'bulk:' || o.user_id || ':' || o.agent_id || ':' || o.n",
    "speaker": "case when o.n % 2 = 0 then 'user' else 'assistant' end",
    "embedding": "l2_normalize(b.embedding + x.v + y.v)",
}
_NAMES = {
    "id": "uuidv7()",
    "tenant_id": "TENANT",
    "user_id": "o.user_id",
    "namespace": "'chat'",
    "memory_id": "o.id",
}
# HNSW serves those alone who have more than a recall compares.
_WARM = r"""
select sum(pg_prewarm(oid::regclass))::bigint from pg_class
where relname like 'memory\_%' and relkind in ('r', 'i') and relname <> 'memory_by_meaning'
"""
# Who talked for two years has slept: nothing is left to replay or to draw facts from.
_TRACES = f"""
insert into {TRACES} (id, tenant_id, created_at, memory_id, salience, strength, replays,
  replayed_at, is_drawn)
select uuidv7(), %s, o.said_at, o.id, 0.5, 0.5, 1, now(), true from bulk o
"""
# Two years of talk, twenty passages a conversation; on the disk everybody's are mixed.
_BULK = """
insert into bulk (id, user_id, agent_id, n, said_at, b, t, x, y)
select uuidv7(said_at - now()), user_id, agent_id, n, said_at, h %% (select count(*) from base),
  (h / 7) %% (select count(*) from base), h %% 997, (h / 1009) %% 997
from (
  select user_id, agent_id, n, now() - interval '730 days' * (1 - (n - n %% 20)::float8 / size)
      - interval '1 hour' + interval '1 minute' * (n %% 20 + random()) as said_at,
    hashtext(user_id::text || agent_id::text || n)::bigint + 2147483648 as h
  from unnest(%(users)s::uuid[], %(agents)s::uuid[], %(sizes)s::int[])
    as owner(user_id, agent_id, size), generate_series(1, size) n
) o order by said_at
"""


def fill(tenant_id: str, size: int, people: int) -> dict[str, Any]:
    """`size` memories of one tenant, over `people` people with up to three agents each.

    Few people have much (see `facts.crowd`). Answers {people: [{user_id, agent_id, size}], facts,
    took_s, index_s}.
    """
    _remember_seeds(tenant_id)
    owners = _owners(size, people)
    began = time.perf_counter()
    dsn = settings.SOMA.effective_db_dsn("owner")
    with psycopg.connect(dsn, autocommit=True) as connection:
        # The rows fit together as they are made; looking each of them up again takes minutes.
        connection.execute("set session_replication_role = replica")
        _tables(connection)
        dropped = _drop_indexes(connection) if size > CHUNK else []
        try:
            for start in range(0, len(owners), 100):
                _insert(connection, tenant_id, owners[start : start + 100])
        finally:
            indexing = time.perf_counter()
            connection.execute("set session_replication_role = origin")
            connection.execute("set maintenance_work_mem = '3GB'")
            connection.execute("set max_parallel_maintenance_workers = 2")
            for definition in dropped:
                connection.execute(definition)
        index_s = time.perf_counter() - indexing
        connection.execute(f"vacuum (analyze) {', '.join(TABLES)}")
        connection.execute("checkpoint")
    return {
        "people": [{"user_id": u, "agent_id": a, "size": n} for u, a, n in owners],
        "facts": SEEDS,
        "took_s": time.perf_counter() - began,
        "index_s": index_s,
    }


def warm() -> dict[str, Any]:
    """Read what recall reads into PostgreSQL's buffers, as in an installation that ran for a while.

    What does not fit stays on the disk. Answers {took_s, blocks}.
    """
    began = time.perf_counter()
    dsn = settings.SOMA.effective_db_dsn("owner")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create extension if not exists pg_prewarm")
        read = connection.execute(_WARM).fetchone()
    return {"took_s": time.perf_counter() - began, "blocks": read[0] if read else 0}


def _remember_seeds(tenant_id: str) -> None:
    """The sentences that the bulk is made of, remembered and indexed by the product."""
    dsn = settings.SOMA.effective_db_dsn("owner")
    brain = BRAIN.get()
    with psycopg.connect(dsn, autocommit=True) as connection:
        seeded = connection.execute(_SEEDED, [SEED_AGENT]).fetchone()
        if seeded is not None and seeded[0] >= SEEDS:
            return
        scope = MemoryScope(UUID(tenant_id), uuid7(), SEED_AGENT, "seed")
        items = [
            MemoryItem(fact(number).said, "user", now(), f"seed:{number}")
            for number in range(SEEDS)
        ]
        for start in range(0, SEEDS, 500):
            brain.remember_many(scope, items[start : start + 500])
        deadline = time.monotonic() + 300
        while connection.execute(_SEEDED, [SEED_AGENT]).fetchone() != (SEEDS,):
            brain.settle()
            if time.monotonic() > deadline:
                raise RuntimeError("the seeds of the bulk were never indexed")


def _owners(size: int, people: int) -> list[tuple[str, str, int]]:
    """(user, agent, how many): the first agent of everybody gets most."""
    agents = [str(uuid7()) for _ in range(AGENTS)]
    found: list[tuple[str, str, int]] = []
    for share in crowd(people):
        user, whole = str(uuid7()), max(AGENTS, round(size * share))
        parts = [round(whole * part) for part in (0.6, 0.3)]
        for agent, count in zip(agents, [*parts, whole - sum(parts)], strict=True):
            found.append((user, agent, count))
    return found


def _tables(connection: psycopg.Connection) -> None:
    connection.execute(
        f"create temp table base as select row_number() over (order by id) - 1 as place, m.* "
        f"from {TABLE} m where agent_id = '{SEED_AGENT}' and state = 'indexed'"
    )
    # Each noise vector is half as long as a sentence's.
    connection.execute(
        "create temp table noise as select n as place, (select array_agg("
        "random_normal(0, 0.5 / sqrt(384)) + 0 * (n + d)) from generate_series(1, 384) d)"
        "::vector as v from generate_series(0, 996) n"
    )
    connection.execute(
        "create temp table bulk (id uuid, user_id uuid, agent_id uuid, n bigint, "
        "said_at timestamptz, b bigint, t bigint, x bigint, y bigint)"
    )
    for table in ("base", "noise"):
        connection.execute(f"create index on {table} (place)")
        connection.execute(f"analyze {table}")


def _insert(
    connection: psycopg.Connection, tenant_id: str, owners: list[tuple[str, str, int]]
) -> None:
    users, agents, sizes = (list(column) for column in zip(*owners, strict=True))
    connection.execute("truncate bulk")
    connection.execute(_BULK, {"users": users, "agents": agents, "sizes": sizes})
    connection.execute("analyze bulk")
    sources = "bulk o join base b on b.place = o.b join base t on t.place = o.t"
    noise = "join noise x on x.place = o.x join noise y on y.place = o.y"
    for table, own, source in (
        ("memory_memory", _OWN, f"{sources} {noise}"),
        # What the worker would have found in either sentence.
        (
            "memory_memoryname",
            _NAMES,
            f"{sources} join lateral (select distinct on (name) n.* from memory_memoryname n "
            "where n.memory_id in (b.id, t.id) order by name) b_names on true",
        ),
    ):
        copied = "b_names" if table != TABLE else "b"
        columns = _columns(connection, table)
        values = ", ".join(own.get(name, f"{copied}.{name}") for name in columns)
        statement = f"insert into {table} ({', '.join(columns)}) select {values} from {source}"
        connection.execute(statement.replace("TENANT", f"'{UUID(tenant_id)}'::uuid"))
    connection.execute(_TRACES, [tenant_id])


def _columns(connection: psycopg.Connection, table: str) -> list[str]:
    rows = connection.execute(
        "select column_name from information_schema.columns where table_name = %s "
        "and is_generated = 'NEVER' order by ordinal_position",
        [table],
    )
    return [row[0] for row in rows]


def _drop_indexes(connection: psycopg.Connection) -> list[str]:
    """Drop what is neither a key nor a constraint; return how to make it again."""
    rows = connection.execute(
        "select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) from pg_index i "
        "where i.indrelid::regclass::text = any(%s) and not i.indisunique",
        [list(TABLES)],
    ).fetchall()
    for name, _ in rows:
        connection.execute(f"drop index {name}")
    return [definition for _, definition in rows]
