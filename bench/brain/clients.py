"""Who writes to the brain and who asks it, on threads, each with a connection of its own.

Every answer has `faults`: what went wrong, in words, one entry a failed call.
"""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connections

from bench.brain.facts import fact
from kernel.clock import now
from kernel.ids import uuid7
from memory.passages import PASSAGE_CHARS
from memory.ports import BRAIN, BrainPort, MemoryItem, MemoryScope, RecallQuery

WARM_CALLS = 30
# Nobody waits for a measurement: what is late is measured, not cut off.
PATIENT_S = 30.0
POLL_S = 0.02
# Sentences that fill a passage.
LONGEST = 14
_FLOOR = """
insert into memory_memory (tenant_id, created_at, user_id, agent_id, namespace, state,
  index_attempts, id, kind, speaker, text, said_at, span_start, idempotency_key)
values (%s, now(), %s, %s, 'floor', 'stored', 99, %s, 'episodic', 'user', %s, now(), 0, %s)
"""


def write(
    tenant_id: str,
    people: list[list[str]],
    threads: int,
    *,
    seconds: float = 0.0,
    per_second: float = 0.0,
    longest: bool = False,
    is_removed: bool = False,
    told: threading.Event | None = None,
) -> dict[str, Any]:
    """`threads` clients remember one passage after the other.

    people: [[user id, agent id], …], by turns. `per_second`: how many all clients together write,
    evenly spaced; 0 as many as they can. `longest`: texts of one sentence up to a whole passage,
    else one or two. For `seconds`, or until `told`. samples: [[when the call
    was due or began, ms that it took], …], the warm-up left out; `late`: calls that could not begin
    within 20 ms of their time. `is_removed`: what was written is deleted afterwards, since the
    worker needs minutes to index what is written in seconds.
    """
    brain, tenant = BRAIN.get(), UUID(tenant_id)
    scopes = [MemoryScope(tenant, UUID(user), UUID(agent)) for user, agent in people]
    samples: list[list[float]] = []
    faults: list[str] = []
    late = 0
    ready = threading.Barrier(threads)

    def remember(number: int) -> float:
        scope = scopes[number % len(scopes)]
        text = " ".join(
            fact(number * 7 + sentence).said
            for sentence in range(1 + number % (LONGEST if longest else 2))
        )
        item = MemoryItem(text[:PASSAGE_CHARS], "user", now(), f"bench:{scope.user_id}:{uuid7()}")
        began = time.perf_counter()
        brain.remember(scope, item)
        return (time.perf_counter() - began) * 1000

    def client(place: int) -> None:
        nonlocal late
        number = place
        for _ in range(WARM_CALLS if seconds else 1):
            remember(number)
            number += threads
        ready.wait()
        began = time.perf_counter()
        step = threads / per_second if per_second else 0.0
        due = began + step * place / threads
        mine: list[list[float]] = []
        while not (told.is_set() if told else time.perf_counter() - began >= seconds):
            if step:
                time.sleep(max(0.0, due - time.perf_counter()))
                late += time.perf_counter() - due > 0.02
            at = time.perf_counter() - began
            try:
                mine.append([round(at, 4), round(remember(number), 3)])
            except Exception as exc:
                faults.append(f"remember: {type(exc).__name__}")
            number += threads
            due += step
        samples.extend(mine)
        connections.close_all()

    _together(threads, client)
    if is_removed:
        with psycopg.connect(settings.SOMA.effective_db_dsn("owner"), autocommit=True) as owner:
            owner.execute("delete from memory_memory where idempotency_key like 'bench:%'")
    return {"samples": samples, "faults": faults, "late": late}


def floor(threads: int, seconds: float) -> dict[str, Any]:
    """The same rows into the same table by the bare driver: one prepared insert, one commit a call.

    As the owner of the table, so without row-level security. What this costs, no way of
    remembering on this database can be below. The rows are removed afterwards.
    """
    samples: list[list[float]] = []
    ready = threading.Barrier(threads)
    tenant, user, agent = uuid7(), uuid7(), uuid7()
    dsn = settings.SOMA.effective_db_dsn("owner")

    def client(place: int) -> None:
        with psycopg.connect(dsn, autocommit=True, prepare_threshold=1) as connection:
            number, mine = place, []
            ready.wait()
            began = time.perf_counter()
            while time.perf_counter() - began < seconds:
                text = f"{fact(number).said} {fact(number * 7 + 1).said}"
                at = time.perf_counter()
                key = uuid7()
                connection.execute(_FLOOR, (tenant, user, agent, key, text, f"floor:{key}"))
                mine.append([round(at - began, 4), round((time.perf_counter() - at) * 1000, 3)])
                number += threads
        samples.extend(mine)

    _together(threads, client)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("delete from memory_memory where namespace = 'floor'")
    return {"samples": samples, "faults": []}


def found(tenant_id: str, per_second: float, seconds: float, probe_every: int) -> dict[str, Any]:
    """Write at an even rate; ask for every `probe_every`th memory until it is found by its meaning.

    Each probed memory belongs to a person with twelve others. `by_words`: ms from the
    acknowledgement to the answer of the first question in its own words that finds it, and how many
    questions that took. `by_meaning`: ms from the acknowledgement until a question in other words
    finds it and says that its meaning was close.
    """
    brain, tenant, agent = BRAIN.get(), UUID(tenant_id), uuid7()
    brain.probe()
    probes = _Probes(brain)
    probers = ThreadPoolExecutor(8)
    began, count = time.perf_counter(), int(per_second * seconds)
    scope = MemoryScope(tenant, uuid7(), agent)
    for number in range(count):
        if number % 13 == 0:
            scope = MemoryScope(tenant, uuid7(), agent)
        time.sleep(max(0.0, began + number / per_second - time.perf_counter()))
        item = MemoryItem(fact(number).said, "user", now(), f"found:{uuid7()}")
        memory_id = brain.remember(scope, item).memory_id
        if number % probe_every == 0:
            probers.submit(probes.probe, scope, memory_id, number, time.perf_counter())
    took_s = time.perf_counter() - began
    probers.shutdown()
    return {
        "by_words": probes.by_words,
        "by_meaning": probes.by_meaning,
        "written": count,
        "written_per_second": count / took_s,
        "faults": probes.faults,
    }


class _Probes:
    """Asks for memories that were just acknowledged, on any thread."""

    def __init__(self, brain: BrainPort) -> None:
        self._brain = brain
        self.by_words: list[dict[str, float]] = []
        self.by_meaning: list[float] = []
        self.faults: list[str] = []

    def probe(self, scope: MemoryScope, memory_id: UUID, number: int, since: float) -> None:
        """Ask in the memory's own words, then in others until its embedding is there."""
        try:
            asks, found = 0, False
            while not found and not self._is_hopeless(since):
                asks += 1
                found = self._cosine(scope, fact(number).said, memory_id) is not None
            self.by_words.append({"ms": (time.perf_counter() - since) * 1000, "asks": asks})
            while not self._is_hopeless(since):
                if self._cosine(scope, fact(number).asked, memory_id):
                    self.by_meaning.append((time.perf_counter() - since) * 1000)
                    return
                time.sleep(POLL_S)
            self.faults.append(f"never found by meaning: {fact(number).asked}")
        except Exception as exc:
            self.faults.append(f"probe: {type(exc).__name__}")
        finally:
            connections.close_all()

    def _is_hopeless(self, since: float) -> bool:
        return time.perf_counter() - since > PATIENT_S

    def _cosine(self, scope: MemoryScope, question: str, memory_id: UUID) -> float | None:
        """Closeness in meaning, 0 while there is no embedding; None when it was not found."""
        query = RecallQuery(question, limit=20, timeout_s=PATIENT_S)
        for one in self._brain.recall(scope, query):
            if one.memory_id == memory_id:
                return one.parts.cosine or 0.0
        return None


def recall(
    tenant_id: str, people: list[dict[str, Any]], facts: int, count: int, seed: int = 11
) -> dict[str, Any]:
    """One client asks `count` questions, embedding included: samples of {ms, size, found}.

    people: {user_id, agent_id, size}; who says much asks much: drawn in proportion to `size`. Two
    of three questions are about one of the first `facts` facts, one about what nobody said.
    """
    brain, tenant, dice = BRAIN.get(), UUID(tenant_id), random.Random(seed)
    brain.probe()
    asking = dice.choices(people, [one["size"] for one in people], k=count + WARM_CALLS)
    samples: list[dict[str, Any]] = []
    faults: list[str] = []
    for place, one in enumerate(asking):
        number = dice.randrange(facts) if place % 3 else 10_000_000 + dice.randrange(100_000)
        scope = MemoryScope(tenant, UUID(one["user_id"]), UUID(one["agent_id"]))
        began = time.perf_counter()
        try:
            items = brain.recall(scope, RecallQuery(fact(number).asked, timeout_s=PATIENT_S))
        except Exception as exc:
            faults.append(f"recall: {type(exc).__name__}")
            continue
        took_ms = (time.perf_counter() - began) * 1000
        if place >= WARM_CALLS:
            samples.append({"ms": took_ms, "size": one["size"], "found": len(items)})
    return {"samples": samples, "faults": faults}


def explain(tenant_id: str, person: dict[str, Any], question: str) -> dict[str, Any]:
    """The statements of one recall with their plans and times, and what the embedding took."""
    from django.db import connection

    brain = BRAIN.get()
    brain.probe()
    scope = MemoryScope(UUID(tenant_id), UUID(person["user_id"]), UUID(person["agent_id"]))
    query = RecallQuery(question, timeout_s=PATIENT_S)
    brain.recall(scope, query)
    statements: list[dict[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        result = execute(sql, params, many, context)
        took = (time.perf_counter() - began) * 1000
        statements.append({"ms": round(took, 2), "sql": sql, "params": params})
        return result

    began = time.perf_counter()
    with connection.execute_wrapper(note):
        brain.recall(scope, query)
    took_ms = (time.perf_counter() - began) * 1000
    plans = []
    from kernel.db import unit_of_work
    from memory.brain_embedded import search

    for one in statements:
        if "set_config" in one["sql"]:
            continue
        with unit_of_work(scope.tenant), connection.cursor() as cursor:
            search.limit_time(PATIENT_S)
            cursor.execute(f"explain (analyze, buffers) {one['sql']}", one["params"])
            plans.append("\n".join(row[0] for row in cursor.fetchall()))
    return {
        "ms": took_ms,
        "statements": [{"ms": one["ms"], "sql": one["sql"][:200]} for one in statements],
        "plans": plans,
    }


def _together(threads: int, client: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(client, place) for place in range(threads)]:
            done.result()
