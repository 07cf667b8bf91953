"""HttpBrain: BrainPort over contract A.

Against our own service everything is asked for and answered by it.  Against the original: writes
go as a batch, because only a batch tells the truth; answers are filtered and ranked here; what its
routes do not have, or answer with a constant, is absent.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import structlog

from kernel.actor import Scope
from kernel.clock import monotonic_s
from kernel.ports import Probe
from kernel.scope import current_scope
from kernel.text import scrubbed
from memory import metrics, prompting, wire
from memory.brain_http import original
from memory.brain_http.fractal import FractalMemory
from memory.brain_http.transport import Answer, Transport, failure_of, header_of
from memory.errors import (
    BadMemory,
    CapabilityAbsent,
    EmptyMemory,
    MemoryLate,
    MemoryRefused,
    MemoryTooLong,
    MemoryUnavailable,
    NotAcknowledged,
)
from memory.overview import Graph, GraphQuery, Stats
from memory.ports import (
    FORGET_TIMEOUT_S,
    MAX_ITEMS,
    MAX_LOOK_UP,
    READ_TIMEOUT_S,
    WRITE_TIMEOUT_S,
    Context,
    ContextQuery,
    Everything,
    Forgotten,
    Link,
    Matching,
    Memory,
    MemoryItem,
    MemoryScope,
    Neighbour,
    Pending,
    Position,
    Recalled,
    RecallQuery,
    Remembered,
    Selection,
    These,
)
from memory.values import (
    CAPABILITIES,
    Adjustment,
    Capability,
    CognitiveState,
    Feedback,
    FeedbackResult,
    SleepCycle,
    SleepRequest,
)

Kind = Literal["ours", "original"]
OURS = "somaagent-brain"
# The original's server refuses bodies beyond 2.5 MB.
MAX_BODY_BYTES = 2_000_000
MAX_LIMIT = 200
PROBE_TIMEOUT_S = 2.0
# How long an absence is believed before it is tried again.
ABSENT_FOR_S = 600.0
_MAX_QUERY_CHARS = 4_000
_MAX_KNOWN = 50_000
# The original lists its whole working memory (128) before the store's hits.
_ORIGINAL_DEPTH = 250
_ABSENT_STATUS = frozenset({404, 405, 422, 500, 501})
# How the original is asked for each capability without changing anything.
_LOOKS: Mapping[Capability, tuple[str, str]] = {
    "recent": ("GET", "/memory/recent"),
    "pending": ("GET", "/memory/pending"),
    "links": ("POST", "/memory/links"),
    "feedback": ("POST", "/context/feedback"),
    "state": ("GET", "/cognitive/state"),
    "adjust": ("POST", "/cognitive/adjust"),
    "sleep": ("GET", "/sleep/cycles"),
    "stats": ("GET", "/memory/stats"),
    "graph": ("GET", "/memory/graph"),
}

log = structlog.get_logger(__name__)


class HttpBrain:
    """A brain at `base_url`; `fallback` keeps and finds while an original brain is down."""

    def __init__(self, base_url: str, key: str, fallback: FractalMemory | None = None) -> None:
        self.transport = Transport("brain", base_url, key, is_ready=self._look)
        self.fallback = fallback
        self._kind: Kind | None = None
        self._absent: dict[Capability, float] = {}
        self._acknowledged: OrderedDict[UUID, None] = OrderedDict()
        self._lock = threading.Lock()

    # --- keeping ----------------------------------------------------------------------------

    def remember(
        self, scope: MemoryScope, item: MemoryItem, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> Remembered:
        """Keep one passage; see `BrainPort.remember`."""
        return self.remember_many(scope, (item,), timeout_s=timeout_s)[0]

    def remember_many(
        self,
        scope: MemoryScope,
        items: Sequence[MemoryItem],
        *,
        timeout_s: float = WRITE_TIMEOUT_S,
    ) -> tuple[Remembered, ...]:
        """Keep all passages; see `BrainPort.remember_many`.

        Several requests when they exceed MAX_BODY_BYTES: after an error some may be kept, and
        the repetition completes them.
        """
        if scope.agent_id is None:
            raise EmptyMemory("A memory belongs to an agent; none was named.")
        if len(items) > MAX_ITEMS:
            msg = f"At most {MAX_ITEMS} memories at once."
            raise MemoryTooLong(msg, limit=MAX_ITEMS)
        _refuse_other_unit(scope)
        first: dict[str, MemoryItem] = {}
        for item in items:
            first.setdefault(item.idempotency_key, item)
        until_s = monotonic_s() + timeout_s
        kept: dict[str, Remembered] = {}
        for bodies in _requests(scope, list(first.values())):
            kept.update(self._keep(scope, bodies, until_s))
        seen: set[str] = set()
        answers: list[Remembered] = []
        for item in items:
            one = kept[item.idempotency_key]
            is_first = item.idempotency_key not in seen
            seen.add(item.idempotency_key)
            answers.append(one if is_first else replace(one, created=False))
        return tuple(answers)

    def _keep(
        self, scope: MemoryScope, values: list[dict[str, Any]], until_s: float
    ) -> dict[str, Remembered]:
        """Send one batch; return the acknowledgements by idempotency key."""
        known = {value["idempotency_key"] for value in values if self._knows(value["memory_id"])}
        wanted = [value for value in values if value["idempotency_key"] not in known]
        kept = {
            value["idempotency_key"]: Remembered(value["memory_id"], created=False)
            for value in values
            if value["idempotency_key"] in known
        }
        if not wanted:
            return kept
        try:
            kept |= self._send(scope, wanted, until_s)
        except (MemoryUnavailable, MemoryLate) as exc:
            if self.fallback is None or self._kind != "original":
                raise
            log.warning("memory.kept_in_fallback", error=type(exc).__name__, count=len(wanted))
            self.fallback.store(scope, wanted, max(1.0, until_s - monotonic_s()))
            kept |= self._acknowledge(wanted)
        return kept

    def _send(
        self, scope: MemoryScope, values: list[dict[str, Any]], until_s: float
    ) -> dict[str, Remembered]:
        universe = original.universe_of(scope)
        body = {
            "tenant": scope.tenant_id,
            "namespace": scope.namespace,
            "universe": universe,
            "items": [
                {
                    "key": original.key_of(scope, value["memory_id"]),
                    "value": value,
                    "universe": universe,
                }
                for value in values
            ],
        }
        keys = "\n".join(value["idempotency_key"] for value in values)
        batch_key = hashlib.blake2b(keys.encode(), digest_size=16).hexdigest()
        answer = self._ask(
            scope,
            "POST",
            "/memory/remember/batch",
            until_s - monotonic_s(),
            body=body,
            headers={"X-Idempotency-Key": batch_key},
        )
        if not answer.is_ok:
            raise failure_of(answer)
        results = answer.data.get("results")
        if not isinstance(results, list) or len(results) != len(values):
            raise NotAcknowledged
        if not all(result.get("persisted_to_ltm") is True for result in results):
            raise NotAcknowledged
        if self._kind != "ours":
            return self._acknowledge(values)
        return {
            value["idempotency_key"]: wire.parse(Remembered, result)
            for value, result in zip(values, results, strict=True)
        }

    def _acknowledge(self, values: Sequence[Mapping[str, Any]]) -> dict[str, Remembered]:
        """Note what an original brain has proven to keep: it would overwrite it another time."""
        with self._lock:
            for value in values:
                self._acknowledged[value["memory_id"]] = None
            while len(self._acknowledged) > _MAX_KNOWN:
                self._acknowledged.popitem(last=False)
        return {
            value["idempotency_key"]: Remembered(value["memory_id"], created=True)
            for value in values
        }

    def _knows(self, memory_id: UUID) -> bool:
        with self._lock:
            return memory_id in self._acknowledged

    # --- finding ----------------------------------------------------------------------------

    def recall(self, scope: MemoryScope, query: RecallQuery) -> tuple[Recalled, ...]:
        """Ask the brain; see `BrainPort.recall`."""
        text = scrubbed(query.text[:_MAX_QUERY_CHARS]).replace("\x00", " ").strip()
        if not text:
            return ()
        until_s = monotonic_s() + query.timeout_s
        asked = replace(query, text=text, limit=max(1, min(query.limit, MAX_LIMIT)))
        try:
            return self._recall(scope, asked, until_s)
        except (MemoryUnavailable, MemoryLate) as exc:
            left_s = until_s - monotonic_s()
            if self.fallback is None or self._kind == "ours" or left_s <= 0:
                raise
            log.warning("memory.recall_from_fallback", error=type(exc).__name__)
            return self.fallback.search(scope, asked, left_s)

    def _recall(
        self, scope: MemoryScope, query: RecallQuery, until_s: float
    ) -> tuple[Recalled, ...]:
        is_original = self._is_original(until_s - monotonic_s())
        body = {
            "query": query.text,
            "top_k": _ORIGINAL_DEPTH if is_original else query.limit,
            "layer": "both",
            "namespace": scope.namespace,
            "universe": original.universe_of(scope),
            "user_id": scope.user_id,
            "agent_id": scope.agent_id,
            "ask": query,
        }
        answer = self._ask(
            scope, "POST", "/memory/recall", until_s - monotonic_s(), body=body,
            headers={"X-Namespace": scope.namespace},
        )  # fmt: skip
        if not answer.is_ok:
            raise failure_of(answer)
        results = answer.data.get("results")
        if not isinstance(results, list):
            raise MemoryRefused("The brain answered without results.")
        if not is_original:
            found = tuple(wire.parse(Recalled, result["recalled"]) for result in results)
            return found[: query.limit]
        return original.ranked(scope, query, (result.get("content") or {} for result in results))

    def expect(self, text: str) -> None:
        """Do nothing: the embedding is made where the brain is, within its own recall."""

    def get(
        self, scope: MemoryScope, memory_id: UUID, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Memory:
        """Read one memory; see `BrainPort.get`."""
        if self._is_original(timeout_s):
            return self._store("get").get(scope, memory_id, timeout_s)
        path = f"/memory/items/{memory_id}"
        answer = self._optional("get", scope, "GET", path, timeout_s, query=_scoped(scope))
        return wire.parse(Memory, answer)

    def recent(
        self,
        scope: MemoryScope,
        *,
        limit: int,
        before: Position | None = None,
        where: Matching | None = None,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> tuple[Recalled, ...]:
        """List the newest; see `BrainPort.recent`."""
        query = {
            **_scoped(scope),
            **(_asked_for(where.given()) if where is not None else {}),
            "limit": max(1, min(limit, MAX_LIMIT)),
            "before_at": None if before is None else before.said_at.isoformat(),
            "before_id": None if before is None else before.memory_id,
        }
        answer = self._optional("recent", scope, "GET", "/memory/recent", timeout_s, query=query)
        return tuple(wire.parse(Recalled, one) for one in answer["memories"])

    def look_up(
        self,
        scope: MemoryScope,
        memory_ids: Sequence[UUID],
        *,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> tuple[Memory, ...]:
        """Read several memories; see `BrainPort.look_up`.

        The original can read single ones only, which would be a request for each.
        """
        if len(memory_ids) > MAX_LOOK_UP:
            msg = f"At most {MAX_LOOK_UP} memories at once."
            raise MemoryTooLong(msg, limit=MAX_LOOK_UP)
        if not memory_ids:
            return ()
        if self._is_original(timeout_s):
            raise CapabilityAbsent(capability="get")
        body = {**_scoped(scope), "ids": list(memory_ids)}
        answer = self._optional("get", scope, "POST", "/memory/look-up", timeout_s, body=body)
        return tuple(wire.parse(Memory, one) for one in answer)

    def stats(self, scope: MemoryScope, *, timeout_s: float = READ_TIMEOUT_S) -> Stats:
        """Count; see `BrainPort.stats`."""
        query = _scoped(scope)
        answer = self._optional("stats", scope, "GET", "/memory/stats", timeout_s, query=query)
        return wire.parse(Stats, answer)

    def graph(
        self, scope: MemoryScope, query: GraphQuery, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Graph:
        """Draw the graph; see `BrainPort.graph`."""
        asked = {
            **_scoped(scope),
            "around": query.around,
            "name": query.name,
            "hops": query.hops,
            "limit": query.limit,
        }
        answer = self._optional("graph", scope, "GET", "/memory/graph", timeout_s, query=asked)
        return wire.parse(Graph, answer)

    # --- forgetting and connecting ----------------------------------------------------------

    def forget(
        self, scope: MemoryScope, selection: Selection, *, timeout_s: float = FORGET_TIMEOUT_S
    ) -> Forgotten:
        """Delete for good; see `BrainPort.forget`.

        The original can only delete by id, through the store behind it, and its working memory
        keeps a copy until it is pushed out or restarted: `left` counts what it still lists.
        """
        _refuse_other_unit(scope)
        if self._is_original(timeout_s):
            return self._forget_in_store(scope, selection, timeout_s)
        wanted: dict[str, object]
        if isinstance(selection, These):
            wanted = {"ids": selection.memory_ids}
        elif isinstance(selection, Everything):
            wanted = {"everything": True}
        else:
            wanted = {"matching": selection}
        body = {**_scoped(scope), **wanted}
        answer = self._optional("forget", scope, "POST", "/memory/forget", timeout_s, body=body)
        return wire.parse(Forgotten, answer)

    def _forget_in_store(
        self, scope: MemoryScope, selection: Selection, timeout_s: float
    ) -> Forgotten:
        store = self._store("forget")
        if not isinstance(selection, These):
            msg = "The connected brain can forget single memories only."
            raise CapabilityAbsent(msg, capability="forget")
        until_s = monotonic_s() + timeout_s
        gone = store.forget(scope, selection.memory_ids, timeout_s)
        with self._lock:
            for memory_id in selection.memory_ids:
                self._acknowledged.pop(memory_id, None)
        body = {"query": "", "top_k": _ORIGINAL_DEPTH, "layer": "wm", "namespace": scope.namespace}
        answer = self._ask(scope, "POST", "/memory/recall", until_s - monotonic_s(), body=body)
        listed = answer.data.get("results", []) if answer.is_ok else []
        ids = {str(memory_id) for memory_id in selection.memory_ids}
        left = sum(
            original.is_of(scope, one["content"]) and one["content"].get("memory_id") in ids
            for one in listed
        )
        return Forgotten(gone, (("memories", gone),), left)

    def link(self, scope: MemoryScope, link: Link, *, timeout_s: float = WRITE_TIMEOUT_S) -> bool:
        """Connect two memories; see `BrainPort.link`."""
        body = {**_scoped(scope), "link": link}
        answer = self._optional("links", scope, "POST", "/memory/links", timeout_s, body=body)
        return bool(answer["created"])

    def neighbours(
        self,
        scope: MemoryScope,
        memory_id: UUID,
        *,
        hops: int = 1,
        limit: int = 20,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> tuple[Neighbour, ...]:
        """Walk along the links; see `BrainPort.neighbours`."""
        query = {**_scoped(scope), "hops": hops, "limit": max(1, min(limit, MAX_LIMIT))}
        path = f"/memory/items/{memory_id}/neighbours"
        answer = self._optional("links", scope, "GET", path, timeout_s, query=query)
        return tuple(wire.parse(Neighbour, one) for one in answer)

    # --- cognition --------------------------------------------------------------------------

    def context(
        self, scope: MemoryScope, query: ContextQuery, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Context:
        """Build a prompt; see `BrainPort.context`.  Built here when the brain cannot."""
        asked = replace(query.recall, timeout_s=timeout_s)
        if self._is_original(timeout_s):
            found = self.recall(scope, asked)
            return prompting.lay_out(asked.text, found, query.token_allowance)
        body = {
            **_scoped(scope),
            "query": asked.text,
            "top_k": max(1, min(asked.limit, 50)),
            "token_allowance": query.token_allowance,
            "ask": asked,
        }
        answer = self._optional("context", scope, "POST", "/context/evaluate", timeout_s, body=body)
        return Context(
            prompt=str(answer["prompt"]),
            recalled=tuple(wire.parse(Recalled, one) for one in answer["memories"]),
            weights=tuple(answer["weights"]),
            tokens=int(answer["tokens"]),
        )

    def feedback(
        self, scope: MemoryScope, feedback: Feedback, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> FeedbackResult:
        """Learn from an answer; see `BrainPort.feedback`."""
        body = {**_scoped(scope), "feedback": feedback}
        path = "/context/feedback"
        answer = self._optional("feedback", scope, "POST", path, timeout_s, body=body)
        return wire.parse(FeedbackResult, answer)

    def state(
        self, scope: MemoryScope, *, history: int = 0, timeout_s: float = READ_TIMEOUT_S
    ) -> CognitiveState:
        """Read levels and weights; see `BrainPort.state`."""
        query = {**_scoped(scope), "history": history}
        answer = self._optional("state", scope, "GET", "/cognitive/state", timeout_s, query=query)
        return wire.parse(CognitiveState, answer)

    def adjust(
        self, scope: MemoryScope, adjustment: Adjustment, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> CognitiveState:
        """Set levels or weights; see `BrainPort.adjust`."""
        body = {**_scoped(scope), "adjustment": adjustment}
        answer = self._optional("adjust", scope, "POST", "/cognitive/adjust", timeout_s, body=body)
        return wire.parse(CognitiveState, answer)

    def sleep(
        self, scope: MemoryScope, request: SleepRequest, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> SleepCycle:
        """Start a sleep cycle; see `BrainPort.sleep`."""
        body = {**_scoped(scope), "request": request}
        answer = self._optional("sleep", scope, "POST", "/sleep/cycles", timeout_s, body=body)
        return wire.parse(SleepCycle, answer)

    def sleep_cycles(
        self, scope: MemoryScope, *, limit: int = 1, timeout_s: float = READ_TIMEOUT_S
    ) -> tuple[SleepCycle, ...]:
        """List sleep cycles; see `BrainPort.sleep_cycles`."""
        query = {**_scoped(scope), "limit": max(1, min(limit, 100))}
        answer = self._optional("sleep", scope, "GET", "/sleep/cycles", timeout_s, query=query)
        return tuple(wire.parse(SleepCycle, one) for one in answer)

    def wake(self, scope: MemoryScope, *, timeout_s: float = WRITE_TIMEOUT_S) -> SleepCycle | None:
        """Interrupt a sleep cycle; see `BrainPort.wake`."""
        body = _scoped(scope)
        answer = self._optional("sleep", scope, "POST", "/sleep/wake", timeout_s, body=body)
        return None if answer is None else wire.parse(SleepCycle, answer)

    def people(
        self, tenant: Scope, *, timeout_s: float = READ_TIMEOUT_S
    ) -> tuple[tuple[UUID, str], ...]:
        """Name the owners; see `BrainPort.people`."""
        answer = self._optional("stats", tenant, "GET", "/memory/people", timeout_s)
        return tuple(wire.parse(tuple[UUID, str], one) for one in answer)

    def retry(self, tenant: Scope, *, timeout_s: float = WRITE_TIMEOUT_S) -> int:
        """Try again what failed; see `BrainPort.retry`."""
        path = "/memory/pending/retry"
        return int(self._optional("pending", tenant, "POST", path, timeout_s, body={})["retried"])

    # --- looking ----------------------------------------------------------------------------

    def settle(self) -> int:
        """Do nothing: the service settles by itself; see `BrainPort.settle`."""
        return 0

    def pending(
        self, scope: MemoryScope | Scope | None = None, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Pending:
        """Count what waits; see `BrainPort.pending`."""
        if isinstance(scope, Scope):
            path = "/memory/pending/tenant"
            return wire.parse(Pending, self._optional("pending", scope, "GET", path, timeout_s))
        if scope is not None:
            query = _scoped(scope)
            path = "/memory/pending"
            return wire.parse(
                Pending, self._optional("pending", scope, "GET", path, timeout_s, query=query)
            )
        path = "/memory/pending/total"
        found = wire.parse(Pending, self._optional("pending", None, "GET", path, timeout_s))
        metrics.PENDING.set(found.waiting)
        return found

    def capabilities(self) -> frozenset[Capability]:
        """Return what is not known to be absent; see `BrainPort.capabilities`."""
        return CAPABILITIES - {name for name in CAPABILITIES if self._is_absent(name)}

    def probe(self) -> Probe:
        """Look at /health and at what the brain can do; never raises."""
        started_s = monotonic_s()
        try:
            is_ready = self._look(PROBE_TIMEOUT_S)
            latency_ms = round((monotonic_s() - started_s) * 1000, 1)
            if is_ready and self._kind == "original":
                self._look_for_capabilities()
        except (MemoryUnavailable, MemoryLate, MemoryRefused) as exc:
            return Probe(ok=False, detail=exc.detail, advice=self._advice())
        if not is_ready:
            return Probe(
                ok=False,
                latency_ms=latency_ms,
                detail="The brain says that it is not ready.",
                advice=self._advice(),
            )
        absent = sorted(CAPABILITIES - self.capabilities())
        detail = "SomaAgent brain" if self._kind == "ours" else "SomaBrain (original)"
        if absent:
            detail += f"; cannot: {', '.join(absent)}"
        if self.fallback is not None:
            behind = self.fallback.probe()
            detail += f"; store behind it {'answers' if behind.ok else 'does not answer'}"
        return Probe(ok=True, latency_ms=latency_ms, detail=detail)

    # --- the ground -------------------------------------------------------------------------

    def _look(self, timeout_s: float) -> bool:
        """Read /health: what kind of brain this is, what it can do, whether it is ready."""
        answer = self.transport.raw("GET", "/health", timeout_s=timeout_s)
        if not answer.is_ok or not isinstance(answer.data, dict):
            return False
        self._kind = "ours" if answer.data.get("service") == OURS else "original"
        if self._kind == "ours":
            can = set(answer.data.get("capabilities", ()))
            until_s = monotonic_s() + ABSENT_FOR_S
            self._absent = {name: until_s for name in CAPABILITIES if name not in can}
        return answer.data.get("ready") is True

    def _look_for_capabilities(self) -> None:
        """Try the optional routes of an original brain once, in a way that changes nothing."""
        if self.fallback is None:
            self._note_absent("get")
            self._note_absent("forget")
        for capability, (method, path) in _LOOKS.items():
            if self._is_absent(capability):
                continue
            body: dict[str, str] | None = {} if method == "POST" else None
            answer = self.transport.raw(method, path, timeout_s=PROBE_TIMEOUT_S, body=body)
            if answer.status in _ABSENT_STATUS:
                self._note_absent(capability)

    def _is_original(self, timeout_s: float) -> bool:
        """Say which contract holds; looks once when no call was made yet."""
        if self._kind is None:
            self.transport.meet(timeout_s)
        return self._kind == "original"

    def _store(self, capability: Capability) -> FractalMemory:
        """Return the store behind an original brain.  Raises: CapabilityAbsent without one."""
        if self.fallback is None:
            self._note_absent(capability)
            raise CapabilityAbsent(capability=capability)
        return self.fallback

    def _optional(
        self,
        capability: Capability,
        scope: MemoryScope | Scope | None,
        method: str,
        path: str,
        timeout_s: float,
        **more: Any,
    ) -> Any:
        """Call a route that a brain may not have; return the JSON of its success."""
        if self._is_absent(capability):
            raise CapabilityAbsent(capability=capability)
        answer = self._ask(scope, method, path, timeout_s, **more)
        if answer.is_ok or (answer.status == 200 and answer.data is None):
            return answer.data
        if answer.code is None and answer.status in _ABSENT_STATUS and self._kind != "ours":
            self._note_absent(capability)
            raise CapabilityAbsent(capability=capability)
        failure = failure_of(answer)
        if isinstance(failure, CapabilityAbsent):
            self._note_absent(capability)
        if answer.status == 422 and answer.code is None:
            raise BadMemory(errors=_field_errors(answer.data))
        raise failure

    def _ask(
        self,
        scope: MemoryScope | Scope | None,
        method: str,
        path: str,
        timeout_s: float,
        **more: Any,
    ) -> Answer:
        headers = {**(header_of(scope.tenant_id) if scope else {}), **more.pop("headers", {})}
        return self.transport.call(method, path, timeout_s=timeout_s, headers=headers, **more)

    def _is_absent(self, capability: Capability) -> bool:
        return self._absent.get(capability, 0.0) > monotonic_s()

    def _note_absent(self, capability: Capability) -> None:
        self._absent[capability] = monotonic_s() + ABSENT_FOR_S

    def _advice(self) -> str:
        return "Check SOMA_BRAIN_URL, SOMA_BRAIN_KEY and that the brain runs."


def _requests(scope: MemoryScope, items: Sequence[MemoryItem]) -> Iterator[list[dict[str, Any]]]:
    """Yield the stored objects, as many a request as its body may hold."""
    batch: list[dict[str, Any]] = []
    size = 0
    for item in items:
        value = original.value_of(scope, item, original.memory_id_of(scope, item.idempotency_key))
        bytes_more = len(wire.dumps(value)) + 200
        if batch and size + bytes_more > MAX_BODY_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(value)
        size += bytes_more
    if batch:
        yield batch


def _scoped(scope: MemoryScope) -> dict[str, Any]:
    return {"user_id": scope.user_id, "agent_id": scope.agent_id, "namespace": scope.namespace}


def _asked_for(where: Mapping[str, object]) -> dict[str, object]:
    """Return the conditions of a filter as query parameters."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in where.items()
    }


def _refuse_other_unit(scope: MemoryScope) -> None:
    """A write for one tenant inside the unit of another is always a defect of ours."""
    open_scope = current_scope()
    if open_scope is not None and open_scope != scope.tenant:
        msg = "a unit of another tenant is open"
        raise RuntimeError(msg)


def _field_errors(data: Any) -> list[dict[str, str]]:
    found = data.get("detail") if isinstance(data, dict) else None
    if not isinstance(found, list):
        return []
    return [
        {
            "pointer": "/" + "/".join(str(part) for part in one.get("loc", ())[2:]),
            "detail": str(one.get("msg", "is not accepted")),
        }
        for one in found
        if isinstance(one, dict)
    ]
