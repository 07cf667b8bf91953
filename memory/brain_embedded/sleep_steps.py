"""What a sleep cycle does, a few episodes at a time: replay, strengthen, draw, prune.

light  replay: salience of what is new, and which of it repeats what is known.
       strengthen: known episodes fade with age and gain by being replayed.
deep   draw: facts from what people said, by rules.
freeze prune: facts whose every source is gone.

Nothing here deletes, changes or hides an episode; a dry run writes the record of the cycle and
nothing else.  Each function joins the unit that `sleep` opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from kernel.clock import now
from kernel.ids import uuid7
from kernel.scope import require_scope
from memory.brain_embedded import cognition, facts
from memory.cognition.drawing import drawn
from memory.cognition.neuromodulators import Levels, effects
from memory.cognition.salience import importance_of, retention, salience
from memory.cognition.sleep import DEPTH, Stage, parameters
from memory.models import Memory
from memory.models_cognition import SleepCycleRecord
from memory.ports import MemoryScope

FIRST = "replay"
MAX_CHANGES = 200
REPETITION_COSINE = 0.97
# Traces are small rows: many more of them fit a step than episodes.
TRACES_A_STEP = 500
_ORDER: tuple[tuple[str, Stage], ...] = (
    ("replay", Stage.LIGHT),
    ("strengthen", Stage.LIGHT),
    ("draw", Stage.DEEP),
    ("prune", Stage.FREEZE),
)
# The scope of a cycle below its tenant, which row-level security adds.
# How many of the nearest by their sketches are compared exactly.
_NEAR = 24
# At 3 to 8 µs each.
_COMPARED_A_STEP = 100_000
_EPISODES = (
    "m.tenant_id = %(tenant)s and m.user_id = %(user)s and m.agent_id = %(agent)s "
    "and m.namespace = %(namespace)s and m.kind = 'episodic'"
)
_UNTRACED = (
    "not exists (select 1 from memory_memorytrace t "
    "where t.tenant_id = m.tenant_id and t.memory_id = m.id)"
)
_UNDRAWN = (
    "m.speaker = 'user' and not exists (select 1 from memory_memorytrace t "
    "where t.tenant_id = m.tenant_id and t.memory_id = m.id and t.is_drawn)"
)


@dataclass(frozen=True, slots=True)
class _Episode:
    memory_id: UUID
    text: str
    said_at: datetime


def work_ahead(scope: MemoryScope, depth: str) -> int:
    """Return how many rows a cycle of this depth has to look at."""
    values = _values_of(scope)
    with connection.cursor() as cursor:
        cursor.execute(
            f"select count(*) filter (where {_UNTRACED}), count(*), "  # noqa: S608  # constants
            f"count(*) filter (where {_UNDRAWN}) from memory_memory m where {_EPISODES}",
            values,
        )
        untraced, episodes, undrawn = cursor.fetchone()
    is_deep = DEPTH[Stage(depth)] >= DEPTH[Stage.DEEP]
    return int(untraced + (episodes - untraced) + (undrawn if is_deep else 0))


def do(record: SleepCycleRecord) -> bool:
    """Do the next few rows of the record's step and note how far it came; whether all is done."""
    steps: dict[str, Callable[[SleepCycleRecord], int]] = {
        "replay": _replay,
        "strengthen": _strengthen,
        "draw": _draw,
        "prune": _prune,
    }
    record.stage = dict(_ORDER)[record.step]
    looked_at = steps[record.step](record)
    record.done += looked_at
    # What came in since the start is done too; a share above one would be no share.
    record.total = max(record.total, record.done)
    if looked_at:
        return False
    record.cursor = None
    following = [name for name, stage in _ORDER if DEPTH[stage] <= DEPTH[Stage(record.depth)]]
    place = following.index(record.step) + 1
    if place == len(following):
        return True
    record.step = following[place]
    return False


def _replay(record: SleepCycleRecord) -> int:
    """Judge new episodes: salience from novelty and form, and whether each repeats an older one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select m.id, m.text, m.said_at, n.id, n.cosine from memory_memory m "  # noqa: S608  # constants
            # The nearest by their sketches, which an index holds; equal texts have equal sketches.
            "left join lateral (select o.id, case when lower(btrim(o.text)) = lower(btrim(m.text)) "
            "then 1.0 else 1 - (o.embedding <=> m.embedding) end as cosine "
            "from (select id from memory_memory c where c.tenant_id = m.tenant_id "
            "and c.user_id = m.user_id and c.namespace = m.namespace and c.agent_id = m.agent_id "
            "and c.id < m.id and c.state = 'indexed' and c.embedding_model = m.embedding_model "
            f"order by c.sketch <~> m.sketch limit {_NEAR}) c "
            "join memory_memory o on o.tenant_id = m.tenant_id and o.id = c.id "
            "where o.kind = 'episodic' and o.speaker = m.speaker "
            "order by lower(btrim(o.text)) = lower(btrim(m.text)) desc, "
            "o.embedding <=> m.embedding "
            "limit 1) n on true "
            f"where {_EPISODES} and {_UNTRACED} "
            "and (%(cursor)s::uuid is null or m.id > %(cursor)s::uuid) "
            "order by m.id limit %(most)s",
            {**_values(record), "most": _most_compared(record)},
        )
        rows = cursor.fetchall()
    if not rows:
        return 0
    levels = _levels(record)
    threshold = effects(levels).write_threshold
    traces = []
    for memory_id, text, said_at, nearest_id, cosine in rows:
        novelty = 1.0 if cosine is None else max(0.0, 1.0 - float(cosine))
        value = salience(novelty, importance_of(text), levels)
        repeats = nearest_id if cosine is not None and cosine >= REPETITION_COSINE else None
        strength = retention(value, (now() - said_at).total_seconds(), 0)
        traces.append((uuid7(), memory_id, value, strength, repeats))
        _count(record, "replayed")
        if repeats is not None:
            _note(record, "merge", text, memory_id, repeats)
        elif value >= threshold:
            _note(record, "strengthen", text, memory_id)
    if not record.is_dry_run:
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into memory_memorytrace (id, tenant_id, created_at, memory_id, salience, "
                "strength, repeats_id, replays, replayed_at, is_drawn) "
                "values (%s, %s, %s, %s, %s, %s, %s, 1, %s, false) on conflict do nothing",
                [
                    (trace_id, record.tenant_id, now(), memory_id, value, strength, repeats, now())
                    for trace_id, memory_id, value, strength, repeats in traces
                ],
            )
    record.cursor = rows[-1][0]
    return len(rows)


def _strengthen(record: SleepCycleRecord) -> int:
    """Let known episodes fade by age; a salient one is replayed and so fades more slowly."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select m.id, t.id, t.salience, t.replays, m.said_at "  # noqa: S608  # constants
            "from memory_memorytrace t "
            "join memory_memory m on m.tenant_id = t.tenant_id and m.id = t.memory_id "
            f"where {_EPISODES} and t.replayed_at < %(began)s "
            "and (%(cursor)s::uuid is null or m.id > %(cursor)s::uuid) "
            "order by m.id limit %(most)s",
            {**_values(record), "began": record.created_at, "most": TRACES_A_STEP},
        )
        rows = cursor.fetchall()
    threshold = effects(_levels(record)).write_threshold
    changed = []
    for _, trace_id, value, replays, said_at in rows:
        replayed = replays + 1 if value >= threshold else replays
        strength = retention(value, (now() - said_at).total_seconds(), replayed)
        changed.append((replayed, strength, now(), record.tenant_id, trace_id))
        _count(record, "strengthened" if replayed > replays else "faded")
    if rows:
        if not record.is_dry_run:
            with connection.cursor() as cursor:
                cursor.executemany(
                    "update memory_memorytrace set replays = %s, strength = %s, replayed_at = %s "
                    "where tenant_id = %s and id = %s",
                    changed,
                )
        record.cursor = rows[-1][0]
    return len(rows)


def _draw(record: SleepCycleRecord) -> int:
    """Draw facts from what was said since the last time, oldest first."""
    episodes = list(_undrawn(record))
    for episode in episodes:
        for fact in drawn(episode.text):
            if record.is_dry_run:
                _note(record, "extract", fact.text, episode.memory_id)
                continue
            source = facts.Source(episode.memory_id, episode.said_at)
            memory_id, is_new = facts.keep(_scope_of(record), fact, source)
            if is_new:
                _note(record, "extract", fact.text, memory_id, episode.memory_id)
            else:
                _count(record, "confirmed")
    if episodes:
        ids = [episode.memory_id for episode in episodes]
        if not record.is_dry_run:
            with connection.cursor() as cursor:
                cursor.execute(
                    "update memory_memorytrace set is_drawn = true "
                    "where tenant_id = %s and memory_id = any(%s)",
                    [record.tenant_id, ids],
                )
        record.cursor = ids[-1]
    return len(episodes)


def _undrawn(record: SleepCycleRecord) -> Iterator[_Episode]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select m.id, m.text, m.said_at from memory_memory m where {_EPISODES} "  # noqa: S608  # constants
            f"and {_UNDRAWN} and (%(cursor)s::uuid is null or m.id > %(cursor)s::uuid) "
            "order by m.id limit %(most)s",
            {**_values(record), "most": _most(record)},
        )
        for row in cursor.fetchall():
            yield _Episode(*row)


def _prune(record: SleepCycleRecord) -> int:
    """Delete facts that nothing said supports any more; never anything that was said."""
    orphans = facts.without_source(_scope_of(record))
    texts = Memory.objects.filter(id__in=orphans, kind="semantic").values_list("id", "text")
    for memory_id, text in texts:
        _note(record, "prune", text, memory_id)
    if record.is_dry_run:
        return 0
    Memory.objects.filter(id__in=orphans, kind="semantic").delete()
    return 0


def _scope_of(record: SleepCycleRecord) -> MemoryScope:
    return MemoryScope(record.tenant_id, record.user_id, record.agent_id, record.namespace)


def _most(record: SleepCycleRecord) -> int:
    """How many episodes one step takes: the K of the stage, 60 in light and 19 in deep sleep."""
    return parameters(Stage(record.stage)).candidates


def _most_compared(record: SleepCycleRecord) -> int:
    """The same where each is compared with all before it: fewer of a large memory, for a second."""
    return max(1, min(_most(record), _COMPARED_A_STEP // max(1, record.total)))


def _levels(record: SleepCycleRecord) -> Levels:
    levels = cognition.state_of(record.agent_id).neuromodulators
    return Levels(levels.dopamine, levels.serotonin, levels.noradrenaline, levels.acetylcholine)


_COUNT_OF = {
    "merge": "merged",
    "strengthen": "salient",
    "extract": "extracted",
    "prune": "pruned",
}


def _note(record: SleepCycleRecord, act: str, text: str, *memory_ids: UUID) -> None:
    """Count an act and, up to the limit, tell it."""
    _count(record, _COUNT_OF[act])
    if len(record.changes) < MAX_CHANGES:
        ids = [str(one) for one in memory_ids]
        record.changes.append({"act": act, "detail": text[:200], "memory_ids": ids})


def _count(record: SleepCycleRecord, name: str) -> None:
    record.counts[name] = record.counts.get(name, 0) + 1


def _values(record: SleepCycleRecord) -> dict[str, Any]:
    return {
        "tenant": record.tenant_id,
        "user": record.user_id,
        "agent": record.agent_id,
        "namespace": record.namespace,
        "cursor": record.cursor,
    }


def _values_of(scope: MemoryScope) -> dict[str, Any]:
    return {
        "tenant": require_scope().tenant_id,
        "user": scope.user_id,
        "agent": scope.agent_id,
        "namespace": scope.namespace,
    }
