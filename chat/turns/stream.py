"""Frames of running turns, to any number of readers, in this process and in others.

The process that runs a turn keeps its frames in memory (`TurnLog`) and hands them to local readers
at once; a ticker gathers deltas for `stream_batch_ms` and copies all new frames of all turns to
Valkey in one pipeline. `follow` reads from whichever place has the turn: memory, the Valkey stream,
or the PostgreSQL snapshot. Valkey may vanish at any time: local readers notice nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextvars import Context
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import structlog
from django.conf import settings
from prometheus_client import Counter, Gauge
from redis.exceptions import RedisError

from chat import frames
from chat.frames import Delta, Done, Note, Snapshot
from chat.turns import store
from kernel.actor import Scope
from kernel.clock import monotonic_s
from kernel.condition import report
from kernel.db import AWAY, in_unit
from kernel.text import scrubbed
from kernel.valkey import async_client, sync_client

# A finished turn stays in memory for readers that come back at once.
LINGER_S = 30.0
STREAM_LIFE_S = 3600
# Deltas are a few dozen bytes: this holds the longest answers whole.
STREAM_MAX_FRAMES = 20_000
# How often a remote reader looks into the database when the stream says nothing.
LOOK_EVERY_S = 1.0
# A Valkey that did not take a batch is left alone for this long.
COPY_PAUSE_S = 0.5
# Frames of one turn in one pipeline: after an outage the backlog goes out in several.
COPY_FRAMES = 1_000
# With many turns at once each frame carries more: ten steps a second still read as a flow, while
# each frame costs this process, Valkey and the reader the same however little it holds.
WIDEST_BATCH_S = 0.100
BATCH_A_TURN_S = 0.00025
# Other processes follow at this pace, and a killed process loses no more of an answer than that:
# with few turns at once each batch is copied as it is made, with many they are gathered.
COPY_EVERY_S = 0.1
COPY_A_TURN_S = 0.002

# (seq, body, its encoding where there is one).
Followed = tuple[int, Delta | Note | Done | Snapshot, str | None]

log = structlog.get_logger(__name__)

_frames_total = Counter("soma_stream_frames_total", "Frames published", ["type"])
_active = Gauge("soma_turns_active", "Turns running in this process")
_unsynced = Counter("soma_stream_unsynced_batches_total", "Batches that Valkey did not take")
_counted = {kind: _frames_total.labels(kind) for kind in map(frames.TYPE_OF.get, frames.SEQUENCED)}


@dataclass(frozen=True, slots=True)
class Frame:
    """A sequenced frame and its encoding, made once for all readers."""

    seq: int
    body: Delta | Note | Done
    text: str


class TurnLog:
    """The frames of one turn in its own process."""

    def __init__(self, scope: Scope, turn_id: UUID, conversation_id: str, message_id: str) -> None:
        self.scope = scope
        self.turn_id = turn_id
        self.conversation_id = conversation_id
        self.message_id = message_id
        self.frames: list[Frame] = []
        self.finished = False
        self.degraded: list[str] = []
        self.recalled: list[frames.RecalledView] = []
        self.synced = 0
        self._text: list[str] = []
        self._pending: list[str] = []
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def seq(self) -> int:
        """Number of the newest frame."""
        return len(self.frames)

    @property
    def content(self) -> str:
        """Text of all published deltas."""
        return "".join(self._text)

    def add_text(self, text: str) -> None:
        """More of the answer; the first piece goes out at once, the rest in batches."""
        self._pending.append(text)
        if not self._text:
            self.flush()

    def flush(self) -> None:
        """Publish the gathered text as one delta."""
        if not self._pending:
            return
        # Scrubbed here, so that readers and the record have the same text.
        delta = scrubbed("".join(self._pending))
        self._pending.clear()
        self._text.append(delta)
        self._publish(
            Delta(self.conversation_id, str(self.turn_id), self.message_id, self.seq + 1, delta)
        )

    def note(self, degraded: list[str], recalled: list[frames.RecalledView]) -> None:
        """Say what the answer goes without and what it remembers."""
        self.flush()
        self.degraded, self.recalled = degraded, recalled
        self._publish(
            Note(
                self.conversation_id,
                str(self.turn_id),
                self.message_id,
                self.seq + 1,
                degraded,
                recalled,
            )
        )

    def done(self, body: Done) -> None:
        """Publish the last frame."""
        self.finished = True
        self._publish(body)

    def snapshot(self) -> Snapshot:
        """The turn after the newest frame."""
        if self.frames and isinstance(self.frames[-1].body, Done):
            return Snapshot(**frames.asdict_shallow(self.frames[-1].body))
        return Snapshot(
            self.conversation_id,
            str(self.turn_id),
            self.message_id,
            self.seq,
            "open",
            self.content,
            self.degraded,
            self.recalled,
            None,
            None,
            None,
        )

    async def wait_beyond(self, seq: int) -> None:
        """Return when there is a frame after `seq`, or the turn is over."""
        while self.seq <= seq and not self.finished:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def _publish(self, body: Delta | Note | Done) -> None:
        kind = frames.TYPE_OF[type(body)]
        text = frames.encode(body, f"{body.turn}:{body.seq}")
        self.frames.append(Frame(body.seq, body, text))
        _counted[kind].inc()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()


class Hub:
    """All turns of this process; one ticker for all of them."""

    def __init__(self) -> None:
        self._logs: dict[UUID, TurnLog] = {}
        # Of those: not finished; not yet wholly in Valkey.
        self._open: dict[UUID, TurnLog] = {}
        self._uncopied: dict[UUID, TurnLog] = {}
        self._ticker: asyncio.Task[None] | None = None
        self._copier: asyncio.Task[None] | None = None
        self._copy_not_before = 0.0

    def open(self, turn_log: TurnLog) -> None:
        """Take a turn in."""
        for logs in (self._logs, self._open, self._uncopied):
            logs[turn_log.turn_id] = turn_log
        _active.set(len(self._open))
        if self._ticker is None or self._ticker.done():
            # Not in the trace of the turn that happened to start it.
            self._ticker = asyncio.get_running_loop().create_task(
                self._tick(), name="soma-stream", context=Context()
            )

    def get(self, turn_id: UUID) -> TurnLog | None:
        """The turn, when it runs or just ran here."""
        return self._logs.get(turn_id)

    def release(self, turn_log: TurnLog) -> None:
        """The turn is over: forget it after a while."""
        self._open.pop(turn_log.turn_id, None)
        _active.set(len(self._open))
        asyncio.get_running_loop().call_later(LINGER_S, self._forget, turn_log.turn_id)

    def _forget(self, turn_id: UUID) -> None:
        # Also what Valkey never took: PostgreSQL has had it since the turn was closed.
        self._logs.pop(turn_id, None)
        self._uncopied.pop(turn_id, None)

    def batch_s(self) -> float:
        """How long text is gathered before it is published: the longer, the more turns run."""
        narrowest_s = settings.SOMA.stream_batch_ms / 1000
        return min(WIDEST_BATCH_S, narrowest_s + BATCH_A_TURN_S * len(self._open))

    def open_logs(self) -> list[TurnLog]:
        """Turns that are not finished."""
        return list(self._open.values())

    async def _tick(self) -> None:
        while self._open or self._uncopied:
            await asyncio.sleep(self.batch_s())
            for turn_log in self._open.values():
                turn_log.flush()
            self._start_copy()

    def _start_copy(self) -> None:
        # Beside the ticker, one at a time: local readers never wait for Valkey.
        if self._copier is not None and not self._copier.done():
            return
        if monotonic_s() < self._copy_not_before:
            return
        fresh = [one for one in self._uncopied.values() if one.synced < one.seq]
        if fresh:
            pause_s = min(COPY_EVERY_S, COPY_A_TURN_S * len(self._open))
            self._copy_not_before = monotonic_s() + pause_s
            self._copier = asyncio.get_running_loop().create_task(self._copy(fresh))

    async def _copy(self, logs: list[TurnLog]) -> None:
        pipeline = async_client().pipeline(transaction=False)
        sent: list[tuple[TurnLog, int]] = []
        for turn_log in logs:
            key = stream_key(turn_log.scope, turn_log.turn_id)
            batch = turn_log.frames[turn_log.synced : turn_log.synced + COPY_FRAMES]
            for frame in batch:
                pipeline.xadd(
                    key,
                    {"t": frames.TYPE_OF[type(frame.body)], "p": frames.payload(frame.body)},
                    id=f"0-{frame.seq}",
                    maxlen=STREAM_MAX_FRAMES,
                )
            if turn_log.synced == 0 or turn_log.finished:
                pipeline.expire(key, STREAM_LIFE_S)
            sent.append((turn_log, batch[-1].seq))
        try:
            results = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError):
            results = [RedisError()]
        # "ID is smaller" means that Valkey has it already; after anything else all is tried again.
        if any(isinstance(one, Exception) and "smaller" not in str(one) for one in results):
            _unsynced.inc()
            report("redis")
            self._copy_not_before = monotonic_s() + COPY_PAUSE_S
            return
        for turn_log, seq in sent:
            turn_log.synced = seq
            if turn_log.finished and seq == turn_log.seq:
                self._uncopied.pop(turn_log.turn_id, None)


HUB = Hub()


def stream_key(scope: Scope, turn_id: UUID) -> str:
    """Key of a turn's stream; the tenant is part of it."""
    return f"soma:{scope.tenant_id}:turn:{turn_id}"


def stored_frames(scope: Scope, turn_id: UUID, after: int) -> list[Delta | Note | Done]:
    """Frames that Valkey still has (for the reaper); [] when it is away."""
    try:
        rows: Any = sync_client().xrange(stream_key(scope, turn_id), min=f"0-{after + 1}")
    except RedisError:
        return []
    return [_restore(fields) for _, fields in rows]


def publish_end(scope: Scope, body: Done) -> None:
    """Tell remote readers of a turn whose runner is gone (reaper)."""
    key = stream_key(scope, UUID(body.turn))
    try:
        sync_client().xadd(key, {"t": "chat.done", "p": frames.payload(body)}, id=f"0-{body.seq}")
        sync_client().expire(key, STREAM_LIFE_S)
    except RedisError:
        log.info("stream.end_not_published")


async def follow(scope: Scope, turn_id: UUID, after: int) -> AsyncIterator[Followed]:
    """Everything after frame `after`, to the end: (seq, body, encoding or None).

    Starts with a snapshot where the frames in between are gone. Access was checked by the caller.
    """
    turn_log = HUB.get(turn_id)
    if turn_log is not None:
        async for item in _follow_local(turn_log, after):
            yield item
        return
    async for remote in _follow_remote(scope, turn_id, after):
        yield remote.seq, remote, None


async def _follow_local(turn_log: TurnLog, after: int) -> AsyncIterator[Followed]:
    if after > turn_log.seq:
        # A client that knows more than we do followed another life of this turn: start over.
        snapshot = turn_log.snapshot()
        yield snapshot.seq, snapshot, None
        after = turn_log.seq
    while True:
        for frame in turn_log.frames[after:]:
            yield frame.seq, frame.body, frame.text
            after = frame.seq
        if turn_log.finished and after >= turn_log.seq:
            return
        await turn_log.wait_beyond(after)


async def _follow_remote(
    scope: Scope, turn_id: UUID, after: int
) -> AsyncIterator[Delta | Note | Done | Snapshot]:
    known = after
    while True:
        try:
            view = await in_unit(store.read_turn, scope, turn_id)
        except AWAY:
            # The stream may go on without the database: look again later.
            log.info("stream.record_away")
        else:
            if view is None:
                return
            if view.state != "open" or view.seq > known:
                yield _snapshot_of(view)
                known = view.seq
            if view.state != "open":
                return
        async for body in _frames_for_a_while(scope, turn_id, known):
            yield body
            known = body.seq
            if isinstance(body, Done):
                return


async def _frames_for_a_while(
    scope: Scope, turn_id: UUID, known: int
) -> AsyncIterator[Delta | Note | Done]:
    """What Valkey has after frame `known`; ends when it is time to look at the record again."""
    looked_at = monotonic_s()
    while monotonic_s() - looked_at < LOOK_EVERY_S * 3:
        for body in await _read_stream(scope, turn_id, known):
            if body.seq != known + 1:
                # Valkey lost what lies between; the next snapshot of the runner will have it.
                await asyncio.sleep(LOOK_EVERY_S)
                return
            yield body
            known = body.seq


async def _read_stream(scope: Scope, turn_id: UUID, after: int) -> list[Delta | Note | Done]:
    try:
        rows: Any = await async_client().xread(
            {stream_key(scope, turn_id): f"0-{after}"},
            count=500,
            block=int(LOOK_EVERY_S * 1000),
        )
    except (RedisError, OSError):
        await asyncio.sleep(LOOK_EVERY_S)
        return []
    return [_restore(fields) for _, entries in rows for _, fields in entries]


def _restore(fields: dict[bytes, bytes]) -> Delta | Note | Done:
    body: Delta | Note | Done = frames.restore(fields[b"t"].decode(), orjson.loads(fields[b"p"]))
    return body


def _snapshot_of(view: frames.TurnView) -> Snapshot:
    return Snapshot(
        view.conversation_id,
        view.id,
        view.message_id,
        view.seq,
        view.state,
        view.content,
        view.degraded,
        view.recalled,
        view.usage,
        view.model,
        view.error,
    )
