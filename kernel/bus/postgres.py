"""The embedded backbone: a log in the product's own database.

A record's place is its id. Publishers take one advisory lock until they commit, so places become
visible in their order and no reader passes one by. A group's place in a partition is a row; its
lock is the right to read that partition, and goes with the connection of a reader that dies.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import Error as DatabaseError
from django.db import connections

from kernel.bus.backbone import BackboneAway, Lag, Reader, Record
from kernel.clock import monotonic_s, now
from kernel.db import AWAY, PLATFORM_ALIAS, platform_unit
from kernel.ports import Probe
from kernel.scope import is_platform

# How many readers of one topic can work side by side; a power of two.
PARTITIONS = 4
RETENTION = timedelta(days=3)
LOCK = 738
FORGET_AT_ONCE = 50_000

_INSERT = """
insert into kernel_busrecord (topic, partition, key, value, headers, created_at)
select topic, partition, key, value, headers::jsonb, %s
from unnest(%s::text[], %s::int[], %s::text[], %s::bytea[], %s::text[])
  with ordinality as r (topic, partition, key, value, headers, place)
order by place
"""
# The same partition as `partition_of`, the same headers as a record of the relay has.
_MOVE = """
with moved as (
  delete from kernel_outboxevent where id in (
    select id from kernel_outboxevent where dead_at is null and not parked
    order by id limit %(limit)s for update skip locked)
  returning id, tenant_id, created_at, type, version, key, payload, headers)
insert into kernel_busrecord (topic, partition, key, value, headers, created_at)
select coalesce(%(topics)s::jsonb ->> type, split_part(type, '.', 1)),
  ('x' || substr(md5(key), 1, 8))::bit(32)::int & %(mask)s,
  key, convert_to(payload::text, 'UTF8'),
  headers || jsonb_build_object('event_id', id, 'tenant_id', tenant_id, 'type', type,
    'version', version::text, 'emitted_at', created_at),
  %(now)s
from moved order by id
"""
# The partition whose readers are furthest behind, unless another reader has it.
_CLAIM = """
select p.id, p.topic, p.partition, p.position from kernel_busposition p
where p.reader_group = %s and p.topic = any(%s) and exists (
  select 1 from kernel_busrecord r
  where r.topic = p.topic and r.partition = p.partition and r.id > p.position)
order by p.position limit 1 for update of p skip locked
"""
_READ = """
select id, topic, key, value, headers::text from kernel_busrecord
where topic = %s and partition = %s and id > %s order by id limit %s
"""
# By partition, so that the index leads past what was read: records stay for days. A group that
# never read has no places yet.
_UNREAD = """
from unnest(%(topics)s::text[]) as t (topic)
cross join generate_series(0, %(partitions)s::int - 1) as n (partition)
left join kernel_busposition p
  on p.reader_group = %(group)s and p.topic = t.topic and p.partition = n.partition
join kernel_busrecord r
  on r.topic = t.topic and r.partition = n.partition and r.id > coalesce(p.position, 0)
"""
_LAG = f"select count(*), min(r.created_at) {_UNREAD}"
_UNREAD_OF_TENANT = f"""
select count(*) {_UNREAD}
where r.headers->>'tenant_id' = %(tenant)s and r.headers->>'type' = any(%(types)s)
  and (%(user)s::text is null
       or convert_from(r.value, 'UTF8')::jsonb->>'user_id' = %(user)s::text)
"""
_FORGET = """
delete from kernel_busrecord where id in (
  select r.id from kernel_busrecord r
  where r.created_at < %s and not exists (
    select 1 from kernel_busposition p
    where p.topic = r.topic and p.partition = r.partition and p.position < r.id)
  limit %s)
"""


class PostgresBackbone:
    """The embedded adapter."""

    is_inline = True

    def publish(self, records: Sequence[Record]) -> Mapping[int, str]:
        """See the port. Joins the relay's open unit: the move from the outbox is one commit."""
        columns = (
            [record.topic for record in records],
            [partition_of(record.key) for record in records],
            [record.key for record in records],
            [record.value for record in records],
            [orjson.dumps(dict(record.headers)).decode() for record in records],
        )
        unit = nullcontext() if is_platform() else platform_unit("backbone")
        try:
            with unit, connections[PLATFORM_ALIAS].cursor() as cursor:
                cursor.execute("select pg_advisory_xact_lock(%s, 1)", [LOCK])
                cursor.execute(_INSERT, [now(), *columns])
        except AWAY as exc:
            raise BackboneAway from exc
        return {}

    def move(self, limit: int, topics: Mapping[str, str]) -> int | None:
        """See the port."""
        with connections[PLATFORM_ALIAS].cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s, 1)", [LOCK])
            cursor.execute(
                _MOVE,
                {
                    "limit": limit,
                    "topics": orjson.dumps(dict(topics)).decode(),
                    "mask": PARTITIONS - 1,
                    "now": now(),
                },
            )
            return int(cursor.rowcount)

    def reader(self, group: str, topics: Sequence[str]) -> Reader:
        """See the port."""
        return PostgresReader(group, topics)

    def lag(self, group: str, topics: Sequence[str]) -> Lag:
        """See the port."""
        with platform_unit("backbone lag"), connections[PLATFORM_ALIAS].cursor() as cursor:
            cursor.execute(_LAG, _places(group, topics))
            count, oldest = cursor.fetchone()
        return Lag(count, (now() - oldest).total_seconds() if oldest else 0.0)

    def unread(
        self,
        group: str,
        topics: Sequence[str],
        tenant_id: UUID,
        types: Sequence[str],
        user_id: UUID | None = None,
    ) -> int:
        """See the port."""
        values = {
            **_places(group, topics),
            "tenant": str(tenant_id),
            "types": list(types),
            "user": str(user_id) if user_id else None,
        }
        with platform_unit("backbone unread"), connections[PLATFORM_ALIAS].cursor() as cursor:
            cursor.execute(_UNREAD_OF_TENANT, values)
            return int(cursor.fetchone()[0])

    def probe(self) -> Probe:
        """One read."""
        started = monotonic_s()
        try:
            with connections[PLATFORM_ALIAS].cursor() as cursor:
                cursor.execute("select 1 from kernel_busposition limit 1")
        except DatabaseError as exc:
            return Probe(ok=False, detail=type(exc).__name__, advice="Start PostgreSQL again.")
        return Probe(ok=True, latency_ms=(monotonic_s() - started) * 1000)

    def forget(self) -> int:
        """See the port."""
        with platform_unit("backbone retention"), connections[PLATFORM_ALIAS].cursor() as cursor:
            cursor.execute(_FORGET, [now() - RETENTION, FORGET_AT_ONCE])
            return int(cursor.rowcount)

    def close(self) -> None:
        """Nothing is held between calls."""


class PostgresReader:
    """A member of a group; holds nothing between batches."""

    def __init__(self, group: str, topics: Sequence[str]) -> None:
        self._group, self._topics = group, list(topics)

    @contextmanager
    def batch(self, limit: int, wait_s: float) -> Iterator[Sequence[Record]]:
        """See the port; `wait_s` is not needed here, commits wake the relay."""
        del wait_s
        with platform_unit("events"), connections[PLATFORM_ALIAS].cursor() as cursor:
            cursor.execute("set local lock_timeout = '2s'")
            cursor.execute(_CLAIM, [self._group, self._topics])
            found = cursor.fetchone()
            if found is None and self._join(cursor):
                cursor.execute(_CLAIM, [self._group, self._topics])
                found = cursor.fetchone()
            if found is None:
                yield ()
                return
            place_id, topic, partition, position = found
            cursor.execute(_READ, [topic, partition, position, limit])
            rows = cursor.fetchall()
            yield [
                Record(topic, key, bytes(value), orjson.loads(headers))
                for _, topic, key, value, headers in rows
            ]
            cursor.execute(
                "update kernel_busposition set position = %s where id = %s",
                [rows[-1][0], place_id],
            )

    def close(self) -> None:
        """Nothing to give up."""

    def _join(self, cursor: "object") -> bool:
        """Make the group's places when they are missing; whether any was."""
        cursor.execute(  # type: ignore[attr-defined]  # a cursor wrapper, untyped in the stubs
            "insert into kernel_busposition (reader_group, topic, partition, position) "
            "select %s, t, p, 0 from unnest(%s::text[]) t, generate_series(0, %s - 1) p "
            "where not exists (select 1 from kernel_busposition k "
            "where k.reader_group = %s and k.topic = t and k.partition = p) "
            "on conflict do nothing",
            [self._group, self._topics, PARTITIONS, self._group],
        )
        return bool(cursor.rowcount)  # type: ignore[attr-defined]


def _places(group: str, topics: Sequence[str]) -> dict[str, Any]:
    """The values of `_UNREAD`."""
    return {"group": group, "topics": list(topics), "partitions": PARTITIONS}


def partition_of(key: str) -> int:
    """Where records of `key` go, for ever the same."""
    digest = hashlib.md5(key.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:4]) & (PARTITIONS - 1)
