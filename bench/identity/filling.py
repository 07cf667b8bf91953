"""Tenants, people, agents, conversations and grants in bulk, and the two designs not taken."""

from datetime import timedelta

from django.db import connections

from kernel.clock import now
from saas.identity.sessions import digest
from saas.models import Session

FILL = """
insert into saas_tenant (id, name, slug, status, created_at)
select gen_random_uuid(), 'T' || n, 't' || n, 'active', now() from generate_series(1, {tenants}) n;
insert into saas_user (id, email, display_name, password_hash, must_change_password,
  is_platform_admin, is_active, created_at)
select gen_random_uuid(), 'p' || n || '@bench.example', 'P', 'x', false, false, true, now()
from generate_series(1, {tenants} * {people}) n;
create table bench_person as
select t.id as tenant_id, u.id as user_id, t.n as t, (u.n - 1) / {tenants} as p
from (select id, row_number() over () as n from saas_tenant) t
join (select id, row_number() over () as n from saas_user) u on (u.n - 1) % {tenants} = t.n - 1;
insert into saas_membership (id, tenant_id, user_id, role, created_at, has_grants)
select gen_random_uuid(), tenant_id, user_id,
  case when p < 2 then 'sysadmin' when p < 10 then 'admin' when p % 5 = 0 then 'viewer'
  else 'member' end, now(), p < 40
from bench_person;
insert into chat_agent (id, tenant_id, created_at, name, slug, instructions, updated_at)
select gen_random_uuid(), t.id, now(), 'A' || n, 'a' || n, '', now()
from saas_tenant t, generate_series(1, {agents}) n;
create table bench_agent as
select id, tenant_id, row_number() over (partition by tenant_id) - 1 as a from chat_agent;
create index on bench_person (tenant_id, p);
create index on bench_agent (tenant_id, a);
-- The first 20 people of a tenant have 50 conversations each, when there are a thousand a tenant.
insert into chat_conversation (id, tenant_id, created_at, user_id, agent_id, active_at, next_seq)
select gen_random_uuid(), q.tenant_id, now(), q.user_id, g.id, now() - make_interval(secs => n), 1
from generate_series(0, {conversations} / {tenants} - 1) n
join bench_person q on q.p = n % 20
join bench_agent g on g.tenant_id = q.tenant_id and g.a = n % {agents};
insert into saas_grant (id, tenant_id, created_at, object_type, object_id, relation, user_id,
  granted_by, reason)
select gen_random_uuid(), c.tenant_id, now(), 'conversation', c.id, 'viewer', q.user_id,
  q.user_id, 'bench'
from (
  select tenant_id, id, row_number() over (partition by tenant_id) as n from chat_conversation) c
join bench_person q on q.tenant_id = c.tenant_id and q.p = 20 + c.n % 20 where c.n <= 400;
"""

# Every fact as a tuple, walked by a recursive query; and every answer as a row, kept by triggers.
OTHERS = """
create table bench_tuple as
select tenant_id, 'tenant' as kind, tenant_id as object_id, role as relation, 'user' as to_kind,
  user_id as to_id from saas_membership
union all select tenant_id, 'conversation', id, 'owner', 'user', user_id from chat_conversation
union all select tenant_id, 'conversation', id, 'tenant', 'tenant', tenant_id from chat_conversation
union all select tenant_id, 'conversation', id, 'agent', 'agent', agent_id from chat_conversation
union all select tenant_id, 'agent', id, 'tenant', 'tenant', tenant_id from chat_agent
union all select tenant_id, object_type, object_id, relation, 'user', user_id from saas_grant;
create index on bench_tuple (tenant_id, kind, object_id);
create table bench_closure as
select c.tenant_id, c.user_id, p.permission, c.id as object_id
from chat_conversation c join saas_membership m using (tenant_id, user_id),
  (values ('read'), ('write'), ('delete')) p (permission)
where p.permission = 'read' or m.role <> 'viewer'
union all select tenant_id, user_id, 'read', object_id from saas_grant
  where object_type = 'conversation'
union all
select m.tenant_id, m.user_id, p.permission, a.id
from saas_membership m join chat_agent a on a.tenant_id = m.tenant_id,
  (values ('view'), ('use'), ('train'), ('configure')) p (permission)
where p.permission = 'view' or (p.permission = 'use' and m.role <> 'viewer')
  or m.role in ('sysadmin', 'admin');
create index on bench_closure (tenant_id, user_id, permission, object_id);
"""
RECURSIVE = """
with recursive reached (kind, object_id, relation, to_kind, to_id, depth) as (
  select kind, object_id, relation, to_kind, to_id, 1 from bench_tuple
  where tenant_id = %(tenant)s and kind = 'conversation' and object_id = %(object)s
  union all
  select n.kind, n.object_id, n.relation, n.to_kind, n.to_id, r.depth + 1
  from reached r join bench_tuple n on n.tenant_id = %(tenant)s and n.kind = r.to_kind
    and n.object_id = r.to_id and (n.to_kind <> 'user' or n.to_id = %(user)s)
  where r.to_kind <> 'user' and r.depth < 4)
select bool_or(kind = 'conversation' and relation in ('owner', 'viewer') and to_id = %(user)s)
  and bool_or(kind = 'tenant' and to_id = %(user)s) from reached
"""
CLOSURE = """
select exists (select 1 from bench_closure where tenant_id = %(tenant)s and user_id = %(user)s
  and permission = 'read' and object_id = %(object)s)
"""


def fill(tenants: int, people: int, agents: int, conversations: int) -> None:
    """Fill the tables as their owner, and gather statistics."""
    sizes = {
        "tenants": tenants, "people": people, "agents": agents, "conversations": conversations,
    }  # fmt: skip
    with connections["owner"].cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        cursor.execute(FILL.format(**sizes))
        cursor.execute("set session_replication_role = default")
        cursor.execute("select user_id, tenant_id from bench_person where p < 60")
        people = cursor.fetchall()
    ends = now() + timedelta(days=1)
    Session.objects.using("owner").bulk_create(
        (
            Session(
                user_id=user_id,
                tenant_id=tenant_id,
                secret_hash=digest(str(user_id)),
                expires_at=ends,
            )
            for user_id, tenant_id in people
        ),
        batch_size=5_000,
    )
    with connections["owner"].cursor() as cursor:
        cursor.execute("analyze")
        cursor.execute("grant select on bench_person, bench_agent to soma_app")


def fill_others() -> None:
    """The two designs that are compared."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(OTHERS)
        cursor.execute("analyze bench_tuple, bench_closure")
        cursor.execute("grant select on bench_tuple, bench_closure to soma_app")
