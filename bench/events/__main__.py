"""`python -m bench.events ROLE`: reads one request as JSON from standard input, answers as JSON.

Roles: `prepare` (tables and tenants), `emit`, `deliver` (until standard input closes), `judge`.
Events and effects are real ones: the product's own outbox, relay, backbone, receipts; the effect is
a row a consumer writes in the unit of its receipts.
"""

import json
import os
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from kernel import events, outbox  # noqa: E402
from kernel.actor import Scope  # noqa: E402
from kernel.bus.backbone import BACKBONE  # noqa: E402
from kernel.db import unit_of_work  # noqa: E402
from kernel.rls import APP_ROLE, ensure_roles  # noqa: E402
from saas.provisioning import ensure_tenant  # noqa: E402
from somaagent import settings  # noqa: E402
from somaagent.consumer import EventConsumer  # noqa: E402

IDLE_S = 0.005


@events.event("chat.benched", version=1)
@dataclass(frozen=True, slots=True)
class Benched:
    """An event of the size of those that a turn emits."""

    conversation_id: UUID
    number: int
    emitted_s: float
    turn_id: UUID
    state: str


@events.subscribe_many(Benched, name="bench.note")
def note(arrivals: events.Arrivals) -> None:
    """One row an event, in the order of arrival."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "insert into bench_effect (conversation_id, number, emitted_s) "
            "select c, n, e from unnest(%s::uuid[], %s::int[], %s::float8[]) "
            "with ordinality as t (c, n, e, place) order by place",
            [
                [event.conversation_id for event, _ in arrivals],
                [event.number for event, _ in arrivals],
                [event.emitted_s for event, _ in arrivals],
            ],
        )


def prepare(request: dict[str, Any]) -> dict[str, Any]:
    """Tables, tenants."""
    ensure_roles(settings.SOMA.effective_db_dsn("owner"), login=True)
    call_command("migrate", database="owner", verbosity=0, interactive=False)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "create table bench_effect (id bigserial primary key, conversation_id uuid, "
            "number int, emitted_s float8, effect_at timestamptz default clock_timestamp())"
        )
        cursor.execute(f"grant insert on bench_effect to {APP_ROLE}")
        cursor.execute(f"grant usage on sequence bench_effect_id_seq to {APP_ROLE}")
    names = [f"bench-{number}" for number in range(request["tenants"])]
    return {"tenants": [str(ensure_tenant(name, name)) for name in names]}


def emit(request: dict[str, Any]) -> dict[str, Any]:
    """`seconds` of events at `rate` a second, `unit` of them a transaction."""
    tenants = [Scope(UUID(one)) for one in request["tenants"]]
    conversations = [
        (tenants[number % len(tenants)], UUID(int=number + 1))
        for number in range(request["conversations"])
    ]
    numbers = dict.fromkeys((one for _, one in conversations), 0)
    began, sent, turn = time.monotonic(), 0, 0
    total = int(request["rate"] * request["seconds"])
    while sent < total:
        ahead_s = sent / request["rate"] - (time.monotonic() - began)
        if ahead_s > 0:
            time.sleep(ahead_s)
        scope, conversation = conversations[turn % len(conversations)]
        turn += 1
        first = numbers[conversation]
        numbers[conversation] += request["unit"]
        with unit_of_work(scope):
            outbox.emit_all(
                [
                    (
                        Benched(conversation, number, time.time(), conversation, "done"),
                        str(conversation),
                    )
                    for number in range(first, first + request["unit"])
                ]
            )
        sent += request["unit"]
    return {"sent": sent, "took_s": time.monotonic() - began}


def deliver(request: dict[str, Any]) -> dict[str, Any]:
    """Relay and consume until standard input closes and nothing is left."""
    del request
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    consumer = None if BACKBONE.get().is_inline else EventConsumer()
    if consumer is not None:
        consumer.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    most = 0.0
    while True:
        last = over.is_set()
        outbox.drain()
        left = outbox.measure()["pending"] if last else 1
        most = max(most, left)
        if last and not left:
            break
        time.sleep(IDLE_S)
    if consumer is not None:
        consumer.stop()
    return {}


def judge(request: dict[str, Any]) -> dict[str, Any]:
    """What took effect: counts, doubles, order, and seconds from emission to effect.

    Seconds: the middle, 99 of 100 and the longest of what was emitted after the first `warm_s`.
    """
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "select count(*), count(distinct (conversation_id, number)), "
            "extract(epoch from max(effect_at)) - min(emitted_s) from bench_effect"
        )
        effects, distinct, span_s = cursor.fetchone()
        cursor.execute(
            "select count(*) from (select number, lag(number) over "
            "(partition by conversation_id order by id) as before from bench_effect) e "
            "where number <= before"
        )
        (disordered,) = cursor.fetchone()
        cursor.execute(
            "select percentile_cont(array[0.5, 0.99, 1]) within group "
            "(order by extract(epoch from effect_at) - emitted_s) from bench_effect "
            "where emitted_s >= (select min(emitted_s) from bench_effect) + %s",
            [request["warm_s"]],
        )
        (lags,) = cursor.fetchone()
        cursor.execute("select count(*) from kernel_outboxevent")
        (left,) = cursor.fetchone()
        cursor.execute(
            "truncate bench_effect, kernel_inboxrecord, kernel_busrecord, kernel_busposition"
        )
    return {
        "effects": effects,
        "doubled": effects - distinct,
        "disordered": disordered,
        "span_s": float(span_s or 0),
        "lag_s": [float(one) for one in lags or (0, 0, 0)],
        "left": left,
    }


def main() -> None:
    """Do what the command line and standard input ask."""
    request = json.loads(sys.stdin.readline())
    roles = {"prepare": prepare, "emit": emit, "deliver": deliver, "judge": judge}
    sys.stdout.write(json.dumps(roles[sys.argv[1]](request)) + "\n")


if __name__ == "__main__":
    main()
