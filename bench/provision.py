"""Fills an installation for a measurement; runs as `python -m bench.provision` beside it.

Reads one request as JSON from standard input and answers as JSON. People, sessions and
conversations are made by the product's own verbs; long conversations are inserted in bulk by the
owner role, in the exact shape that the product itself would have written.
"""

import asyncio
import json
import os
import sys
import time
from typing import Any
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import django

django.setup()

from django.db import connections, transaction  # noqa: E402

from bench.scenarios import context, routing  # noqa: E402
from chat import policy, verbs  # noqa: E402
from chat.facade import list_agents  # noqa: E402
from chat.models import Conversation  # noqa: E402
from kernel.actor import Scope  # noqa: E402
from kernel.db import in_unit, platform_unit, unit_of_work  # noqa: E402
from kernel.ids import uuid7  # noqa: E402
from saas.identity import csrf, sessions, tokens  # noqa: E402
from saas.models import Membership, Role, Tenant, User  # noqa: E402
from saas.provisioning import (  # noqa: E402
    ensure_membership,
    ensure_person,
    ensure_tenant,
    member_actor,
)

ADMIN_EMAIL = "bench-admin@localhost"
# No password has this hash: the people of a bench get their sessions from here.
NO_PASSWORD = "!"

# 2 x (12 + 80) words an exchange: what a chat message and its answer usually have.
_TEXT = (
    "case when n % 2 = 1 then 'Question ' || n || ' about part ' || (n % 97) || ': how does the '"
    " || 'pump behave when the valve of segment ' || (n % 13) || ' closes?' "
    "else 'Answer ' || n || '. ' || repeat('The valve of segment ' || (n % 13) || ' closes within "
    "' || (n % 7) || ' seconds, so the pressure in line ' || (n % 31) || ' rises slowly. ', 5) end"
)
# Ordered as uuid7 would be, and computable, so that a parent is known before it is inserted.
_ID = (
    "('0190' || lpad(to_hex({n}), 8, '0') || '7' || '{kind}' || '8' || "
    "substr(md5(%(conversation)s), 1, 15))::uuid"
)
_MESSAGES = f"""
insert into chat_message (id, tenant_id, created_at, conversation_id, branch_id, seq, parent_id,
  turn_id, role, parts, text, char_count, model, feedback, feedback_comment)
select {_ID.format(n="n", kind="001")}, %(tenant)s,
  now() - interval '1 second' * (%(until)s::int - n),
  %(conversation)s::uuid, %(branch)s, n,
  case when n = 1 then null
       when n = %(first)s::int then {_ID.format(n="%(parent)s::int", kind="001")}
       else {_ID.format(n="n - 1", kind="001")} end,
  {_ID.format(n="(n + 1) / 2", kind="002")},
  case when n %% 2 = 1 then 'user' else 'assistant' end,
  jsonb_build_array(jsonb_build_object('kind', 'text', 'text', t)), t, length(t),
  case when n %% 2 = 1 then '' else 'simulated' end, '', ''
from generate_series(%(first)s::int, %(until)s::int) n,
  lateral (select {_TEXT.replace("%", "%%")} as t) x
"""
_TURNS = f"""
insert into chat_turn (id, tenant_id, created_at, conversation_id, branch_id, user_id, kind,
  client_key, state, user_message_id, message_id, message_seq, parent_id, seq, content, degraded,
  recalled, model, usage, lease_until, finished_at)
select {_ID.format(n="n / 2", kind="002")}, %(tenant)s, now(), %(conversation)s::uuid, %(branch)s,
  %(user)s, 'message', 'bench-' || n, 'done', {_ID.format(n="n - 1", kind="001")},
  {_ID.format(n="n", kind="001")}, n, {_ID.format(n="n - 1", kind="001")}, 30, t, '[]', '[]',
  'simulated', '{{"counted": true, "input_tokens": 500, "output_tokens": 80}}', now(), now()
from generate_series(%(first)s::int, %(until)s::int) n,
  lateral (select {_TEXT.replace("%", "%%")} as t) x
where n %% 2 = 0
"""


CALLS_AT_ONCE = 500_000
# When call `n` began: evenly over the days until now.
_CALL_AT = (
    "date_trunc('day', now(), 'UTC') + interval '1 day'"
    " - interval '1 day' * %(days)s * ((%(calls)s - n)::float8 / %(calls)s)"
)
_WHO = "md5('person' || n %% %(people)s)::uuid"
_MODEL = "'model-' || (n / %(people)s) %% %(models)s"
_CALL_ID = (
    "('0190' || lpad(to_hex(n), 8, '0') || '7{kind}8' || "
    "substr(md5(%(tenant_id)s::text), 1, 15))::uuid"
)
_CALLS = f"""
insert into gateway_usage (id, tenant_id, created_at, call_id, kind, at, user_id, agent_id, key_id,
  model_id, model, input_tokens, cached_tokens, output_tokens, cost_micros, counted, state, note,
  first_token_ms, latency_ms)
select {_CALL_ID.format(kind="001")}, %(tenant_id)s::uuid,
  now(), {_CALL_ID.format(kind="002")}, 'chat',
  {_CALL_AT}, {_WHO}, %(nobody)s, %(nobody)s, md5({_MODEL})::uuid, {_MODEL}, 1000, 0, 200, 270,
  true, 'ok', '', 300, 2000
from generate_series(%(first)s::bigint, %(last)s::bigint) n
"""
_TOTALS = """
insert into gateway_usagetotal (id, tenant_id, created_at, grain, bucket, user_id, agent_id, key_id,
  model_id, model, kind, calls, failures, estimated, input_tokens, cached_tokens, output_tokens,
  cost_micros)
select gen_random_uuid(), %(tenant_id)s::uuid, now(), %(grain)s::text,
  date_trunc(%(grain)s::text, at, 'UTC'),
  user_id, agent_id, key_id, model_id, model, kind, count(*), 0, 0, sum(input_tokens), 0,
  sum(output_tokens), sum(cost_micros)
from gateway_usage where tenant_id = %(tenant_id)s::uuid
group by date_trunc(%(grain)s::text, at, 'UTC'), user_id, agent_id, key_id, model_id, model, kind
on conflict on constraint usage_total_once do update set calls = excluded.calls,
  input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
  cost_micros = excluded.cost_micros
"""


def people(request: dict[str, Any]) -> dict[str, Any]:
    """A tenant with `count` signed-in people, and a platform admin: cookies and CSRF tokens."""
    tenant_id = ensure_tenant("Bench", "bench")
    admin = ensure_person(ADMIN_EMAIL, "Bench admin", password=str(uuid7()), is_platform_admin=True)
    with platform_unit("bench: people"):
        users = [
            User(
                email=f"person{number}@bench.localhost",
                display_name=f"Person {number}",
                password_hash=NO_PASSWORD,
            )
            for number in range(request["count"])
        ]
        User.objects.using("platform").bulk_create(users)
        members = [(user.id, Role.MEMBER) for user in users] + [(admin.user_id, Role.SYSADMIN)]
        Membership.objects.using("platform").bulk_create(
            Membership(user_id=user_id, tenant_id=tenant_id, role=role) for user_id, role in members
        )
    return {
        "tenant_id": str(tenant_id),
        "admin": _session(admin.user_id, tenant_id),
        "people": [_session(user.id, tenant_id) for user in users],
    }


def conversations(request: dict[str, Any]) -> dict[str, Any]:
    """One conversation a person, with a title (so that no model is asked for one): their ids."""
    tenant_id = UUID(request["tenant_id"])
    found = []
    for user_id in request["user_ids"]:
        actor = member_actor(UUID(user_id), tenant_id)
        agent = list_agents(actor, 1, None)[0]
        found.append(str(verbs.create_conversation(actor, agent.id, "Bench", None).id))
    return {"conversation_ids": found}


def history(request: dict[str, Any]) -> dict[str, Any]:
    """A conversation of `messages` messages whose path runs over `forks` + 1 branches.

    Behind each fork lie ten messages that are not on the path, as an edit leaves them.
    """
    tenant_id, user_id = UUID(request["tenant_id"]), UUID(request["user_id"])
    made = conversations({"tenant_id": str(tenant_id), "user_ids": [str(user_id)]})
    conversation_id = made["conversation_ids"][0]
    count, forks = request["messages"], request["forks"]
    step = count // (forks + 1) // 2 * 2
    left_over = 10 if forks else 0
    lineage: list[list[Any]] = []
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("select set_config('soma.tenant_id', %s, true)", [str(tenant_id)])
        first = 1
        for number in range(forks + 1):
            is_last = number == forks
            on_path = count if is_last else step * (number + 1)
            until = on_path if is_last else on_path + left_over
            branch_id = uuid7()
            cursor.execute(
                "insert into chat_branch (id, tenant_id, created_at, conversation_id, lineage) "
                "values (%s, %s, now(), %s, %s)",
                [
                    branch_id,
                    tenant_id,
                    conversation_id,
                    json.dumps([*lineage, [str(branch_id), None]]),
                ],
            )
            values = {
                "tenant": tenant_id,
                "conversation": conversation_id,
                "branch": branch_id,
                "user": user_id,
                "first": first,
                "until": until,
                "parent": first - 1 - left_over if number else 0,
            }
            cursor.execute(_MESSAGES, values)
            cursor.execute(_TURNS, values)
            lineage.append([str(branch_id), on_path])
            first = until + 1
        cursor.execute("analyze chat_message, chat_turn")
    with unit_of_work(member_actor(user_id, tenant_id).scope):
        Conversation.objects.filter(id=conversation_id).update(
            active_branch_id=branch_id, next_seq=count + 1
        )
    return {"conversation_id": conversation_id}


def tenant(request: dict[str, Any]) -> dict[str, Any]:
    """A tenant without people: its id."""
    return {"tenant_id": str(ensure_tenant(request["name"], request["name"].lower()))}


def usage(request: dict[str, Any]) -> dict[str, Any]:
    """`calls` calls of 50 people with 10 models over the last 90 days, and their sums."""
    values = {**request, "nobody": UUID(int=0), "people": 50, "models": 10, "days": 90}
    with connections["owner"].cursor() as cursor:
        cursor.execute("select set_config('soma.tenant_id', %s, false)", [request["tenant_id"]])
        cursor.execute("set synchronous_commit = off")
        for first in range(0, request["calls"], CALLS_AT_ONCE):
            last = min(request["calls"], first + CALLS_AT_ONCE) - 1
            cursor.execute(_CALLS, {**values, "first": first, "last": last})
        for grain in ("hour", "day"):
            cursor.execute(_TOTALS, {**values, "grain": grain})
        cursor.execute("analyze gateway_usage, gateway_usagetotal")
        cursor.execute("select count(*), min(at) from gateway_usage")
        count, since = cursor.fetchone()
    return {"calls": count, "since": since.date().isoformat()}


def calls(request: dict[str, Any]) -> dict[str, Any]:
    """What the ledger knows: [[call id, state, counted, tokens in, tokens out], ...]."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("select set_config('soma.tenant_id', %s, false)", [request["tenant_id"]])
        cursor.execute(
            "select call_id::text, state, counted, input_tokens, output_tokens "
            "from gateway_usage where kind = 'chat'"
        )
        return {"calls": cursor.fetchall()}


def kept(request: dict[str, Any]) -> dict[str, Any]:
    """Builds of a prompt with and without what a process keeps: milliseconds of each."""
    scope = Scope(UUID(request["tenant_id"]))

    async def read(is_kept: bool) -> str:
        said = policy.remembered(scope.tenant_id) if is_kept else None
        if said is None:
            said = await in_unit(policy.read, scope)
        return said.instructions or context.SOURCE.policy

    return asyncio.run(context.compare(read, request["rounds"]))


def _session(user_id: UUID, tenant_id: UUID) -> dict[str, str]:
    user = User.objects.get(id=user_id)
    tenant = Tenant.objects.get(id=tenant_id)
    visitor = sessions.Visitor("127.0.0.1", "bench")
    secret = sessions.open_session(user, tenant, visitor, sessions.Proof())
    actor = sessions.authenticate(secret, "bench")
    assert actor.session_id is not None
    return {
        "user_id": str(user_id),
        "cookie": secret,
        "csrf": csrf.token_for(actor.session_id),
    }


def door(request: dict[str, Any]) -> dict[str, Any]:
    """A person with a password; milliseconds from a cookie and from a token to the actor."""
    tenant_id = ensure_tenant("Door", "door")
    email, password = "door@bench.localhost", "a quiet orchard in the rain"
    person = ensure_person(email, "Door", password=password)
    ensure_membership(person.user_id, tenant_id, Role.MEMBER)
    cookie = _session(person.user_id, tenant_id)["cookie"]
    token = tokens.acting(sessions.authenticate(cookie, "bench"), tokens.ALL)
    found: dict[str, list[float]] = {"cookie_ms": [], "token_ms": []}
    for _ in range(request["asked"]):
        started = time.perf_counter()
        sessions.authenticate(cookie, "bench")
        between = time.perf_counter()
        tokens.authenticate(token, "/api/v2/agents", "bench", is_safe=True)
        found["cookie_ms"].append((between - started) * 1000)
        found["token_ms"].append((time.perf_counter() - between) * 1000)
    return found | {"email": email, "password": password}


def main() -> None:
    """Do what standard input asks."""
    request = json.loads(sys.stdin.read())
    work = {
        "people": people,
        "conversations": conversations,
        "history": history,
        "tenant": tenant,
        "kept": kept,
        "usage": usage,
        "calls": calls,
        "door": door,
        "routing": routing.measure,
    }

    sys.stdout.write(json.dumps(work[request["do"]](request)))


if __name__ == "__main__":
    main()
