"""Kills processes at named points of remembering, delivering, indexing and forgetting.

A process forks one child after the other; each child does one thing with the product's own code and
is ended by SIGKILL before or after one of its statements or commits (the name of the point says
which), or, one time in six, at any moment. What a child was told is done, it tells its parent
through a pipe before anything else; what it could not tell is done again, as a caller of BrainPort
may. In the end everything is delivered and indexed, and the table is held against the journal.

`python -m tests.support.memory_kills`: {kills, seed} as JSON on standard input, the account as JSON
on standard output. Needs PostgreSQL and Valkey with the product's tables (SA01_VAR_DIR), and no
worker.
"""

import json
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import django

django.setup()

# Loaded before the fork, or each child would pay for it; none of them starts a thread.
import ctranslate2  # noqa: F401
import psycopg
import tokenizers  # noqa: F401
from django.conf import settings
from django.db import connections

import somaagent.celery  # noqa: F401
from kernel import outbox
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.events import Envelope, event, subscribe
from kernel.ids import uuid7
from memory.facade import FinishedTurn, Said, remember_turns
from memory.ports import BRAIN, MemoryItem, MemoryScope, These

ALIASES = ("default", "platform")
_STATEMENT = re.compile(r"\b(insert into|update|delete from|from)\s+\"?([a-z_]+)", re.IGNORECASE)
DEADLINE_S = 60.0


@event("test.turn_told", version=1)
@dataclass(frozen=True)
class TurnTold:
    """A finished turn, complete: chat's own event names rows of chat, of which there are none."""

    user_id: UUID
    agent_id: UUID
    conversation_id: UUID
    turn_id: UUID
    user_text: str
    assistant_text: str


@subscribe(TurnTold, name="test.remember_turn")
def _remember_told(told: TurnTold, envelope: Envelope) -> None:
    at = now()
    turn = FinishedTurn(
        tenant_id=envelope.tenant_id,
        user_id=told.user_id,
        agent_id=told.agent_id,
        conversation_id=told.conversation_id,
        turn_id=told.turn_id,
        user=Said(told.user_text, at),
        assistant=Said(told.assistant_text, at),
    )
    remember_turns([(turn, envelope)], "test.remember_turn")


@dataclass
class Journal:
    """What was asked for and what was acknowledged; texts are unique, so they name memories."""

    # key -> text of single memories; of batches each item has its own key.
    wanted: dict[str, str] = field(default_factory=dict)
    acknowledged: dict[str, str] = field(default_factory=dict)
    # text of each side of every turn.
    told: set[str] = field(default_factory=set)
    # keys whose forgetting was begun; those that were told to be gone.
    forgetting: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Job:
    """One thing for a child: `keys` of memories or the turn that it is about."""

    kind: str
    work: Callable[[], Any]
    keys: tuple[str, ...] = ()
    told: TurnTold | None = None


class Child:
    """Runs in the forked process: counts the points that it passes and dies at one of them."""

    def __init__(self, kind: str, pipe: int, die_at: int) -> None:
        self.kind, self.pipe, self.die_at, self.passed = kind, pipe, die_at, 0

    def run(self, work: Callable[[], Any]) -> None:
        """Do it, tell what came of it, and leave without a word to anybody else."""
        code = 0
        try:
            for alias in ALIASES:
                connection = connections[alias]
                connection.ensure_connection()
                connection.execute_wrappers.append(self._around)
                self._around_commit(connection)
            answer = work()
            self._pass("told to the caller")
            self.tell("done", answer)
            self._pass("after the acknowledgement")
        except BaseException as exc:
            self.tell("failed", f"{type(exc).__name__}: {exc}"[:300])
            code = 1
        os._exit(code)

    def tell(self, what: str, value: Any) -> None:
        """One line into the pipe; smaller than its buffer, so it arrives whole or not at all."""
        os.write(self.pipe, (json.dumps([what, value, self.passed]) + "\n").encode())

    def _around(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = _STATEMENT.search(sql)
        name = " ".join(found.groups()).lower() if found else sql.split(None, 1)[0].lower()
        if "set_config" in sql:
            name = "the scope is set"
        self._pass(f"before {name}")
        result = execute(sql, params, many, context)
        self._pass(f"after {name}")
        return result

    def _around_commit(self, connection: Any) -> None:
        commit = connection._commit  # there is no other place between

        def watched() -> None:
            self._pass(f"before the commit ({connection.alias})")
            commit()
            self._pass(f"after the commit ({connection.alias})")

        connection._commit = watched

    def _pass(self, point: str) -> None:
        self.passed += 1
        if self.passed == self.die_at:
            self.tell("killed", f"{self.kind}: {point}")
            os.kill(os.getpid(), signal.SIGKILL)


class Sweep:
    """The parent: never touches the product's connections, reads the tables as their owner."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.journal = Journal()
        self.points: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.steps: dict[str, int] = {}
        self.kills = 0
        self.children = 0
        tenants = [uuid7() for _ in range(2)]
        self.scopes = [MemoryScope(tenant, uuid7(), uuid7()) for tenant in tenants for _ in "ab"]
        self._number = 0
        # What was begun and not acknowledged: to be done again.
        self.owed: list[Job] = []
        self.ids: dict[str, tuple[MemoryScope, UUID]] = {}

    def run(self, kills: int) -> None:
        """Kill that often, then finish everything that is owed."""
        while self.kills < kills:
            again = self.owed and self.dice.random() < 0.6
            job = self.owed.pop(self.dice.randrange(len(self.owed))) if again else self._new()
            self._do(job, die_at=self._somewhere(job.kind))
        end = time.monotonic() + DEADLINE_S
        while self.owed and time.monotonic() < end:
            self._do(self.owed.pop(), die_at=0)
        while self._left() and time.monotonic() < end:
            self._do(Job("deliver", outbox.drain), die_at=0)
            self._do(Job("index", _settle), die_at=0)

    def account(self) -> dict[str, Any]:
        """The table against the journal."""
        rows = self._rows("select idempotency_key, text, state from memory_memory")
        kept = Counter(text for _, text, _ in rows)
        journal = self.journal
        must = set(journal.told) | {
            text for key, text in journal.acknowledged.items() if key not in journal.forgetting
        }
        return {
            "kills": self.kills,
            "children": self.children,
            "points": dict(sorted(self.points.items())),
            "acknowledged": len(journal.acknowledged) + len(journal.told),
            "memories": len(rows),
            "lost": sorted(must - kept.keys()),
            "doubled": sorted(text for text, count in kept.items() if count > 1),
            "strange": sorted(kept.keys() - must),
            "not_indexed": sum(state == "stored" for *_, state in rows),
            "forgotten": len(journal.gone),
            "undelivered": self._number_of("select count(*) from kernel_outboxevent"),
            "owed": len(self.owed),
            "failures": dict(self.failures),
        }

    # --- what children do -------------------------------------------------------------------

    def _new(self) -> Job:
        # Twice as much is written as delivered or indexed, so that there is always something to do.
        kind = self.dice.choices(
            ("remember", "batch", "tell", "deliver", "index", "forget"), (4, 2, 3, 3, 3, 1)
        )[0]
        if kind in ("remember", "batch"):
            return self._remember(kind, 1 if kind == "remember" else 5)
        if kind == "tell":
            return self._tell()
        if kind == "forget":
            known = [key for key in self.ids if key not in self.journal.forgetting]
            return self._forget(self.dice.choice(known)) if known else self._tell()
        return Job(kind, outbox.drain if kind == "deliver" else _settle)

    def _remember(self, kind: str, count: int) -> Job:
        scope = self.dice.choice(self.scopes)
        items = []
        for _ in range(count):
            self._number += 1
            text = f"Fact {self._number}: the code of locker {self._number} is {uuid7().hex}."
            items.append(MemoryItem(text, "user", now(), f"kill:{self._number}"))
            self.journal.wanted[items[-1].idempotency_key] = text
        keys = tuple(one.idempotency_key for one in items)

        def work() -> list[list[str]]:
            if len(items) == 1:
                kept = (BRAIN.get().remember(scope, items[0]),)
            else:
                kept = BRAIN.get().remember_many(scope, items)
            return [
                [str(scope.tenant_id), str(scope.user_id), str(scope.agent_id), str(one.memory_id)]
                for one in kept
            ]

        return Job(kind, work, keys)

    def _tell(self) -> Job:
        self._number += 1
        scope = self.dice.choice(self.scopes)
        told = TurnTold(
            user_id=scope.user_id,
            agent_id=scope.agent_id or uuid7(),
            conversation_id=uuid7(),
            turn_id=uuid7(),
            user_text=f"Turn {self._number} asks for {uuid7().hex}.",
            assistant_text=f"Turn {self._number} is answered with {uuid7().hex}.",
        )

        def work() -> None:
            with unit_of_work(scope.tenant):
                outbox.emit(told, key=str(told.conversation_id))

        return Job("tell", work, told=told)

    def _forget(self, key: str) -> Job:
        scope, memory_id = self.ids[key]
        self.journal.forgetting.add(key)
        return Job(
            "forget", lambda: BRAIN.get().forget(scope, These((memory_id,))).memories, (key,)
        )

    # --- how they end -----------------------------------------------------------------------

    def _somewhere(self, kind: str) -> int:
        """A point of this kind of work, counted from 1; -1 any moment, 0 none (work gets done)."""
        fate = self.dice.random()
        if fate < 0.4:
            return 0 if fate < 0.25 else -1
        return self.dice.randint(1, self.steps.get(kind, 6) + 1)

    def _do(self, job: Job, die_at: int) -> None:
        reader, writer = os.pipe()
        self.children += 1
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            Child(job.kind, writer, die_at).run(job.work)
        os.close(writer)
        if die_at < 0:
            time.sleep(self.dice.random() * (0.25 if job.kind == "index" else 0.04))
            os.kill(pid, signal.SIGKILL)
        with os.fdopen(reader) as lines:
            said = [json.loads(line) for line in lines if line.endswith("\n")]
        status = os.waitpid(pid, 0)[1]
        was_killed = os.WIFSIGNALED(status)
        self.kills += was_killed
        acknowledged = False
        for what, value, passed in said:
            self.steps[job.kind] = max(passed, self.steps.get(job.kind, 0) - 1)
            if what == "killed":
                self.points[value] += 1
            elif what == "failed":
                self.failures[f"{job.kind}: {value}"] += 1
            elif what == "done":
                acknowledged = True
                self._note(job, value)
        if was_killed and not any(what == "killed" for what, *_ in said):
            self.points[f"{job.kind}: any moment"] += 1
        if not acknowledged and (job.keys or job.told):
            self.owed.append(job)

    def _note(self, job: Job, value: Any) -> None:
        """The child was told that it is done."""
        if job.told is not None:
            self.journal.told |= {job.told.user_text, job.told.assistant_text}
        elif job.kind == "forget":
            self.journal.gone |= set(job.keys)
        elif job.keys:
            for key, owner in zip(job.keys, value, strict=True):
                self.journal.acknowledged[key] = self.journal.wanted[key]
                tenant, user, agent, memory_id = map(UUID, owner)
                self.ids[key] = (MemoryScope(tenant, user, agent), memory_id)

    # --- what the tables say ----------------------------------------------------------------

    def _left(self) -> int:
        return self._number_of(
            "select (select count(*) from kernel_outboxevent where dead_at is null) + "
            "(select count(*) from memory_memory where state = 'stored')"
        )

    def _number_of(self, query: str) -> int:
        return int(self._rows(query)[0][0])

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        # Opened and closed each time: a child must not inherit it.
        with psycopg.connect(settings.SOMA.effective_db_dsn("owner"), autocommit=True) as owner:
            return owner.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]


def _settle() -> int:
    return BRAIN.get().settle()


def main() -> None:
    """Sweep and account."""
    job = json.loads(sys.stdin.readline())
    began = time.monotonic()
    sweep = Sweep(job["seed"])
    sweep.run(job["kills"])
    sys.stdout.write(json.dumps(sweep.account() | {"took_s": time.monotonic() - began}) + "\n")


if __name__ == "__main__":
    main()
