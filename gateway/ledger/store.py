"""The statements of the ledger: take, settle, release, renew, expire. One each, inside a unit.

Law, for every account: `held_micros` is the sum of its holds, and `spent + held <= limit` whenever
something is lent. Locks, in this order: holds, accounts (by budget and place).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, connections

from kernel.db import platform_unit
from kernel.ids import uuid7
from kernel.scope import require_scope

LEASE_S = 30
# Of what is free, one process takes at most this part beyond what its call needs.
SHARE = 8

_TAKE = """
with wanted as (
  select b.id as budget_id, w.place, w.least, w.most, b.limit_micros, w.account_id, w.hold_id
  from unnest(%(account_ids)s::uuid[], %(hold_ids)s::uuid[], %(budget_ids)s::uuid[],
              %(places)s::text[], %(least)s::bigint[], %(most)s::bigint[])
    as w(account_id, hold_id, budget_id, place, least, most)
  join gateway_budget b on b.tenant_id = %(tenant)s and b.id = w.budget_id
  order by b.id, w.place
), lent as (
  insert into gateway_account as a
    (id, tenant_id, created_at, budget_id, place, spent_micros, held_micros, lent_micros)
  select account_id, %(tenant)s, now(), budget_id, place, 0, grant_of, grant_of
  from (select w.*, greatest(least, least(most, limit_micros / %(share)s)) as grant_of
        from wanted w where limit_micros >= least) w
  order by budget_id, place
  on conflict (tenant_id, budget_id, place) do update set (held_micros, lent_micros) = (
    select a.held_micros + f.lent, f.lent from (
      select case when w.free < w.least then 0
        else greatest(w.least, least(w.most, w.free / %(share)s)) end as lent
      from (select least, most, limit_micros - a.spent_micros - a.held_micros as free
        from wanted where budget_id = a.budget_id and place = a.place) w
    ) f)
  returning a.budget_id, a.place, a.lent_micros, a.spent_micros, a.held_micros
), holds as (
  insert into gateway_hold as h
    (id, tenant_id, created_at, process_id, budget_id, place, micros, expires_at)
  select w.hold_id, %(tenant)s, now(), %(process)s, l.budget_id, l.place, l.lent_micros,
    now() + make_interval(secs => %(lease)s)
  from lent l join wanted w using (budget_id, place) where l.lent_micros > 0
  on conflict (tenant_id, process_id, budget_id, place) do update set
    micros = h.micros + excluded.micros, expires_at = excluded.expires_at
  returning 1
)
select w.budget_id, w.place, coalesce(l.lent_micros, 0),
  coalesce(l.spent_micros, a.spent_micros, 0), coalesce(l.held_micros, a.held_micros, 0)
from wanted w left join lent l using (budget_id, place)
  left join gateway_account a on a.tenant_id = %(tenant)s and a.budget_id = w.budget_id
    and a.place = w.place,
  (select count(*) from holds) done
"""

_SETTLE = """
with given as (
  select * from jsonb_to_recordset(%(usage)s::jsonb) as u(
    id uuid, call_id uuid, kind text, at timestamptz, day timestamptz, user_id uuid,
    agent_id uuid, key_id uuid, model_id uuid, model text, input_tokens bigint,
    cached_tokens bigint, output_tokens bigint, audio_seconds bigint, characters bigint,
    cost_micros bigint, counted boolean, state text, note text, first_token_ms int, latency_ms int)
), fresh as (
  insert into gateway_usage (tenant_id, created_at, id, call_id, kind, at, user_id, agent_id,
    key_id, model_id, model, input_tokens, cached_tokens, output_tokens, audio_seconds, characters,
    cost_micros, counted, state, note, first_token_ms, latency_ms)
  select %(tenant)s, now(), id, call_id, kind, at, user_id, agent_id, key_id, model_id, model,
    input_tokens, cached_tokens, output_tokens, coalesce(audio_seconds, 0),
    coalesce(characters, 0), cost_micros, counted, state, note, first_token_ms, latency_ms
  from given
  on conflict (tenant_id, call_id, kind) do nothing
  returning id
), summed as (
  select g.grain, g.bucket, u.user_id, u.agent_id, u.key_id, u.model_id, u.model, u.kind,
    count(*) as calls, count(*) filter (where u.state = 'failed') as failures,
    count(*) filter (where not u.counted) as estimated, sum(u.input_tokens) as input_tokens,
    sum(u.cached_tokens) as cached_tokens, sum(u.output_tokens) as output_tokens,
    sum(coalesce(u.audio_seconds, 0)) as audio_seconds,
    sum(coalesce(u.characters, 0)) as characters, sum(u.cost_micros) as cost_micros
  from given u join fresh using (id),
    lateral (values ('hour', date_trunc('hour', u.at, 'UTC')), ('day', u.day)) as g(grain, bucket)
  group by g.grain, g.bucket, u.user_id, u.agent_id, u.key_id, u.model_id, u.model, u.kind
  order by 1, 2, 3, 4, 5, 6, 7, 8
), totals as (
  insert into gateway_usagetotal as t (id, tenant_id, created_at, grain, bucket, user_id, agent_id,
    key_id, model_id, model, kind, calls, failures, estimated, input_tokens, cached_tokens,
    output_tokens, audio_seconds, characters, cost_micros)
  select gen_random_uuid(), %(tenant)s, now(), grain, bucket, user_id, agent_id, key_id, model_id,
    model, kind, calls, failures, estimated, input_tokens, cached_tokens, output_tokens,
    audio_seconds, characters, cost_micros
  from summed
  on conflict (tenant_id, grain, bucket, user_id, agent_id, key_id, model_id, model, kind)
  do update set calls = t.calls + excluded.calls, failures = t.failures + excluded.failures,
    estimated = t.estimated + excluded.estimated,
    input_tokens = t.input_tokens + excluded.input_tokens,
    cached_tokens = t.cached_tokens + excluded.cached_tokens,
    output_tokens = t.output_tokens + excluded.output_tokens,
    audio_seconds = t.audio_seconds + excluded.audio_seconds,
    characters = t.characters + excluded.characters,
    cost_micros = t.cost_micros + excluded.cost_micros
  returning 1
), charged as (
  select c.budget_id, c.place, sum(c.micros)::bigint as micros
  from jsonb_to_recordset(%(charges)s::jsonb) as c(
    usage_id uuid, budget_id uuid, place text, micros bigint)
  join fresh on fresh.id = c.usage_id
  join gateway_budget b on b.tenant_id = %(tenant)s and b.id = c.budget_id
  group by c.budget_id, c.place
), mine as (
  select h.id, h.budget_id, h.place, least(h.micros, c.micros) as drawn
  from gateway_hold h join charged c using (budget_id, place)
  where h.tenant_id = %(tenant)s and h.process_id = %(process)s
  order by h.budget_id, h.place for update of h
), drawn as (
  update gateway_hold h set micros = h.micros - m.drawn from mine m where h.id = m.id
  returning h.id
), paid as (
  insert into gateway_account as a
    (id, tenant_id, created_at, budget_id, place, spent_micros, held_micros, lent_micros)
  select gen_random_uuid(), %(tenant)s, now(), budget_id, place, micros, 0, 0
  from charged order by budget_id, place
  on conflict (tenant_id, budget_id, place) do update set
    spent_micros = a.spent_micros + excluded.spent_micros,
    held_micros = a.held_micros - coalesce((select m.drawn from mine m
      where m.budget_id = a.budget_id and m.place = a.place), 0)
  returning a.budget_id, a.place, a.spent_micros
)
select p.budget_id, p.place, p.spent_micros, c.micros, coalesce(m.drawn, 0)
from paid p join charged c using (budget_id, place) left join mine m using (budget_id, place),
  (select count(*) from totals) done, (select count(*) from drawn) done_too
"""

_RELEASE = """
with given as (
  select * from unnest(%(budget_ids)s::uuid[], %(places)s::text[], %(micros)s::bigint[])
    as g(budget_id, place, micros)
), mine as (
  select h.id, h.budget_id, h.place, least(h.micros, g.micros) as micros
  from gateway_hold h join given g using (budget_id, place)
  where h.tenant_id = %(tenant)s and h.process_id = %(process)s
  order by h.budget_id, h.place for update of h
), less as (
  update gateway_hold h set micros = h.micros - m.micros from mine m where h.id = m.id
)
update gateway_account a set held_micros = a.held_micros - m.micros
from mine m where a.tenant_id = %(tenant)s and a.budget_id = m.budget_id and a.place = m.place
"""

_RENEW = """
update gateway_hold set expires_at = now() + make_interval(secs => %s)
where process_id = %s returning tenant_id, budget_id, place
"""

_EXPIRE = """
with gone as (
  delete from gateway_hold where id in (
    select id from gateway_hold where {which} order by budget_id, place for update skip locked
  ) returning tenant_id, budget_id, place, micros
), summed as (
  select tenant_id, budget_id, place, sum(micros) as micros from gone group by 1, 2, 3
)
update gateway_account a set held_micros = a.held_micros - s.micros from summed s
where a.tenant_id = s.tenant_id and a.budget_id = s.budget_id and a.place = s.place
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """To be taken of an account: at least what a call lacks, at most what comes in handy."""

    budget_id: UUID
    place: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Lent:
    """What was taken (0: not even the least was free), and how the account stands now."""

    budget_id: UUID
    place: str
    micros: int
    spent: int
    held: int


@dataclass(frozen=True, slots=True)
class Paid:
    """What settling did to an account. `drawn`: of `charged`, what came out of our hold."""

    budget_id: UUID
    place: str
    spent: int
    charged: int
    drawn: int


def take(process_id: UUID, wanted: Sequence[Wanted]) -> list[Lent]:
    """Lend to a process what is free, in the open unit. A budget that is gone is left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE,
            {
                "tenant": require_scope().tenant_id,
                "process": process_id,
                "lease": LEASE_S,
                "share": SHARE,
                "account_ids": [uuid7() for _ in wanted],
                "hold_ids": [uuid7() for _ in wanted],
                "budget_ids": [one.budget_id for one in wanted],
                "places": [one.place for one in wanted],
                "least": [one.least for one in wanted],
                "most": [one.most for one in wanted],
            },
        )
        return [Lent(*row) for row in cursor.fetchall()]


def settle(
    process_id: UUID, usage: Sequence[dict[str, Any]], charges: Sequence[dict[str, Any]]
) -> list[Paid]:
    """Record calls that ended, charge their accounts, draw on our holds; in the open unit.

    `usage`: rows as of `book.Ended.row`. `charges`: [{usage_id, budget_id, place, micros}]. Calls
    that are recorded already change nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _SETTLE,
            {
                "tenant": require_scope().tenant_id,
                "process": process_id,
                "usage": orjson.dumps(list(usage)).decode(),
                "charges": orjson.dumps(list(charges)).decode(),
            },
        )
        return [Paid(*row) for row in cursor.fetchall()]


def release(process_id: UUID, free: Sequence[tuple[UUID, str, int]]) -> None:
    """Give back (budget, place, amount) that no call needs, in the open unit."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RELEASE,
            {
                "tenant": require_scope().tenant_id,
                "process": process_id,
                "budget_ids": [budget_id for budget_id, _, _ in free],
                "places": [place for _, place, _ in free],
                "micros": [micros for _, _, micros in free],
            },
        )


def renew(process_id: UUID) -> set[tuple[UUID, UUID, str]]:
    """Keep a process's holds for another while. Returns (tenant, budget, place) of each."""
    with platform_unit("ledger: renew") as alias, connections[alias].cursor() as cursor:
        cursor.execute(_RENEW, [LEASE_S, process_id])
        return {(row[0], row[1], row[2]) for row in cursor.fetchall()}


def expire() -> int:
    """Free what processes held that are gone. Returns how many accounts got something back."""
    return _expire("expires_at < now()")


def forget_process(process_id: UUID) -> int:
    """Free all that a process holds that ended."""
    return _expire("process_id = %s", process_id)


def _expire(which: str, *values: UUID) -> int:
    with platform_unit("ledger: expire") as alias, connections[alias].cursor() as cursor:
        cursor.execute(_EXPIRE.format(which=which), list(values))
        return int(cursor.rowcount)
