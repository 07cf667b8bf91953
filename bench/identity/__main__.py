"""`python -m bench.identity ROLE`: reads a request as JSON from standard input, answers as JSON.

Roles: `fill`, `ask` (checks and lists), `others` (the designs not taken), `networked` (SpiceDB),
`pair` (whom to take a right from), `revoke`, `watch`
(another process that says when it saw a right go).
"""

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, connections  # noqa: E402

from bench.identity import filling  # noqa: E402
from chat.access import ConversationUnknown, access_conversation  # noqa: E402
from chat.models import Conversation  # noqa: E402
from kernel.actor import Actor  # noqa: E402
from kernel.db import in_unit, unit_of_work  # noqa: E402
from kernel.rls import ensure_roles  # noqa: E402
from saas.authz.check import allowed, visible  # noqa: E402
from saas.authz.ports import AUTHORITY, Question  # noqa: E402
from saas.authz.rights import GRANTS, follow_rights, watch_rights  # noqa: E402
from saas.identity import sessions  # noqa: E402
from saas.people import members  # noqa: E402
from saas.people.members import Roles  # noqa: E402
from somaagent import settings  # noqa: E402

CHECKS, LISTS = 2_000, 300


def fill(request: dict[str, Any]) -> dict[str, Any]:
    """Tables and rows."""
    ensure_roles(settings.SOMA.effective_db_dsn("owner"), login=True)
    call_command("migrate", database="owner", verbosity=0, interactive=False)
    started = time.monotonic()
    filling.fill(**request)
    return {"took_s": time.monotonic() - started}


def ask(request: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds of each check and list; what was asked is drawn at random."""
    chance = random.Random(request["seed"])
    people = _people()
    cold, cached, listed = [], [], []
    answers = {True: 0, False: 0}
    for _ in range(CHECKS):
        tenant_id, user_id = chance.choice(people)
        object_id = _any_conversation(chance, tenant_id, user_id)
        GRANTS.forget()
        started = time.perf_counter()
        actor = _actor(user_id)
        with unit_of_work(actor.scope):
            answer = _may_read(actor, object_id)
        cold.append((time.perf_counter() - started) * 1000)
        answers[answer] += 1
        with unit_of_work(actor.scope):
            row = Conversation.objects.get(id=object_id)
            allowed(actor, "conversation.read", row)
            started = time.perf_counter()
            again = allowed(actor, "conversation.read", row)
            cached.append((time.perf_counter() - started) * 1000)
        assert again == answer
    for _ in range(LISTS):
        _, user_id = chance.choice(people)
        actor = _actor(user_id)
        started = time.perf_counter()
        with unit_of_work(actor.scope):
            seen = visible(actor, "conversation.read")
            rows = Conversation.objects.filter(seen, deleted_at=None)
            found = list(rows.order_by("-active_at", "-id")[:50])
        listed.append((time.perf_counter() - started) * 1000)
    return {
        "cold_ms": cold, "cached_ms": cached, "list_ms": listed,
        "yes": answers[True], "no": answers[False], "last_list": len(found),
    }  # fmt: skip


def others(request: dict[str, Any]) -> dict[str, Any]:
    """The same check as a walk over tuples, and as a look into a closure; and what one costs."""
    chance = random.Random(request["seed"])
    filling.fill_others()
    people = _people()
    found: dict[str, Any] = {"unfolded_ms": [], "recursive_ms": [], "closure_ms": []}
    for _ in range(CHECKS // 2):
        tenant_id, user_id = chance.choice(people)
        object_id = _any_conversation(chance, tenant_id, user_id)
        actor = _actor(user_id)
        values = {"tenant": tenant_id, "user": user_id, "object": object_id}
        with unit_of_work(actor.scope):
            wanted = Conversation.objects.filter(visible(actor, "conversation.read"), id=object_id)
            first = _timed(found["unfolded_ms"], wanted.exists)
            second = _timed(found["recursive_ms"], lambda v=values: _one(filling.RECURSIVE, v))
            third = _timed(found["closure_ms"], lambda v=values: _one(filling.CLOSURE, v))
            assert first == bool(second) == third, (first, second, third)
    with connections["owner"].cursor() as cursor:
        for table in ("bench_tuple", "bench_closure", "saas_grant"):
            cursor.execute("select count(*), pg_total_relation_size(%s) from " + table, [table])
            found[table] = cursor.fetchone()
    return found


def revoke(request: dict[str, Any]) -> dict[str, Any]:
    """Take a role away; the time of the commit, for the watchers."""
    admin = _actor(UUID(request["admin"]))
    members.change_roles(admin, UUID(request["user"]), Roles(request["role"]))
    return {"at": time.time()}


def pair(_: dict[str, Any]) -> dict[str, Any]:
    """A sysadmin and a member of one tenant."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select a.user_id, b.user_id from bench_person a join bench_person b "
            "on b.tenant_id = a.tenant_id and b.p = 11 where a.p = 0 limit 1"
        )
        admin, user = cursor.fetchone()
    return {"admin": str(admin), "user": str(user)}


def watch(request: dict[str, Any]) -> dict[str, Any]:
    """Wait until this process refuses the person; when that was."""
    return asyncio.run(_watch(UUID(request["user"])))


async def _watch(user_id: UUID) -> dict[str, Any]:
    actor = await in_unit(_actor, user_id)
    heard = asyncio.Event()
    watch_rights(lambda change: heard.set() if change.concerns(actor.tenant_id, user_id) else None)
    await follow_rights()
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    await asyncio.wait_for(heard.wait(), 30)
    now = await in_unit(_actor, user_id)
    return {"at": time.time(), "refused": not allowed(now, "tenant.use")}


def networked(request: dict[str, Any]) -> dict[str, Any]:
    """A check through SpiceDB, of a tenant that it holds."""
    chance = random.Random(request["seed"])
    people = _people()
    authority = AUTHORITY.get()
    authority.prepare()
    tenant_id = people[0][0]
    mine = [one for one in people if one[0] == tenant_id]
    actor = _actor(mine[0][1])
    with unit_of_work(actor.scope):
        authority.mirror(tenant_id, None)
    taken: list[float] = []
    for _ in range(CHECKS):
        someone = _actor(chance.choice(mine)[1])
        object_id = _any_conversation(chance, tenant_id, someone.user_id)
        questions = [
            Question("conversation", object_id, "viewer"), Question("tenant", tenant_id, "view"),
        ]  # fmt: skip
        _timed(taken, lambda a=someone, q=questions: authority.ask(a, q))
    return {"spicedb_ms": taken}


def _people() -> list[tuple[UUID, UUID]]:
    with connection.cursor() as cursor:
        cursor.execute("select tenant_id, user_id from bench_person where p < 60 order by t, p")
        return list(cursor.fetchall())


def _any_conversation(chance: random.Random, tenant_id: UUID, user_id: UUID) -> UUID:
    """One's own, one that was shared, or somebody else's, in equal parts."""
    queries = (
        "select id from chat_conversation where tenant_id = %s and user_id = %s limit 1",
        "select object_id from saas_grant where tenant_id = %s and user_id = %s limit 1",
        "select id from chat_conversation where tenant_id = %s and user_id <> %s offset {} limit 1",
    )
    with connections["owner"].cursor() as cursor:
        for number in (chance.randrange(3), 2):
            cursor.execute(queries[number].format(chance.randrange(900)), [tenant_id, user_id])
            if row := cursor.fetchone():
                return UUID(str(row[0]))
    raise LookupError("a tenant without conversations")


def _may_read(actor: Actor, object_id: UUID) -> bool:
    """As every operation of a conversation begins."""
    try:
        access_conversation(actor, object_id, "read")
    except ConversationUnknown:
        return False
    return True


def _actor(user_id: UUID) -> Actor:
    return sessions.authenticate(str(user_id), "")


def _timed(into: list[float], work: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    answer = work()
    into.append((time.perf_counter() - started) * 1000)
    return answer


def _one(statement: str, values: dict[str, Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


def main() -> None:
    """Read, do, answer."""
    roles = {
        "fill": fill, "ask": ask, "others": others, "revoke": revoke, "watch": watch, "pair": pair,
        "networked": networked,
    }  # fmt: skip
    request: dict[str, Any] = json.loads(sys.stdin.readline() or "{}")
    sys.stdout.write(json.dumps(roles[sys.argv[1]](request)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
