"""SomaFractalMemory, the store behind the original brain: reached directly when the brain is down.

It knows no tenants over HTTP, so every object names its own (see `original`), and what comes back
is filtered again.  A store counts once the object was read back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

from kernel.clock import monotonic_s
from kernel.ports import Probe
from memory.brain_http import original
from memory.brain_http.transport import Answer, Transport, failure_of
from memory.errors import MemoryLate, MemoryUnavailable, NoSuchMemory, NotAcknowledged
from memory.ports import Memory, MemoryScope, Recalled, RecallQuery

_PROBE_TIMEOUT_S = 2.0
# Hits asked for: what belongs to others is left out only afterwards.
_DEPTH = 100


class FractalMemory:
    """Objects by coordinate, and a search over them."""

    def __init__(self, base_url: str, key: str) -> None:
        self.transport = Transport("fractal-memory", base_url, key, is_ready=self._is_ready)

    def store(
        self, scope: MemoryScope, values: Sequence[Mapping[str, Any]], timeout_s: float
    ) -> None:
        """Keep objects and read each one back.  Raises: NotAcknowledged, MemoryUnavailable."""
        until_s = monotonic_s() + timeout_s
        for value in values:
            coordinate = _coordinate(scope, value["memory_id"])
            body = {"coord": coordinate, "payload": value, "memory_type": "episodic"}
            stored = self.transport.call(
                "POST", "/memories", timeout_s=_left(until_s), body=body, headers=_whose(scope)
            )
            if not stored.is_ok:
                raise failure_of(stored)
            back = self._payload(scope, coordinate, _left(until_s))
            if back is None or back.get("memory_id") != str(value["memory_id"]):
                raise NotAcknowledged

    def search(
        self, scope: MemoryScope, query: RecallQuery, timeout_s: float
    ) -> tuple[Recalled, ...]:
        """Find by words among what the store's own search offers."""
        body = {
            "query": query.text,
            "top_k": _DEPTH,
            "filters": {"tenant_id": str(scope.tenant_id), "user_id": str(scope.user_id)},
        }
        answer = self.transport.call(
            "POST", "/memories/search", timeout_s=timeout_s, body=body, headers=_whose(scope)
        )
        if not answer.is_ok:
            raise failure_of(answer)
        hits = answer.data.get("memories", []) if isinstance(answer.data, dict) else []
        return original.ranked(scope, query, (hit.get("payload", {}) for hit in hits))

    def get(self, scope: MemoryScope, memory_id: UUID, timeout_s: float) -> Memory:
        """Read one memory.  Raises: NoSuchMemory."""
        value = self._payload(scope, _coordinate(scope, memory_id), timeout_s)
        if value is None or not original.is_of(scope, value):
            raise NoSuchMemory
        return original.memory_of(value)

    def forget(self, scope: MemoryScope, memory_ids: Sequence[UUID], timeout_s: float) -> int:
        """Delete the memories of the scope and look again; return how many went."""
        until_s = monotonic_s() + timeout_s
        gone = 0
        for memory_id in memory_ids:
            try:
                self.get(scope, memory_id, _left(until_s))
            except NoSuchMemory:
                continue
            coordinate = _coordinate(scope, memory_id)
            path = f"/memories/{quote(coordinate)}"
            deleted = self.transport.call(
                "DELETE", path, timeout_s=_left(until_s), headers=_whose(scope)
            )
            if not deleted.is_ok:
                raise failure_of(deleted)
            if self._payload(scope, coordinate, _left(until_s)) is not None:
                raise MemoryUnavailable("The store did not delete a memory.")
            gone += 1
        return gone

    def probe(self) -> Probe:
        """Say whether the store answers; never raises."""
        started_s = monotonic_s()
        try:
            answer = self.transport.raw("GET", "/readyz", timeout_s=_PROBE_TIMEOUT_S)
        except (MemoryUnavailable, MemoryLate) as exc:
            return Probe(ok=False, detail=exc.detail, advice="Check SOMA_MEMORY_URL.")
        latency_ms = round((monotonic_s() - started_s) * 1000, 1)
        return Probe(ok=answer.status == 200, latency_ms=latency_ms, detail="SomaFractalMemory")

    def _is_ready(self, timeout_s: float) -> bool:
        return self.transport.raw("GET", "/readyz", timeout_s=timeout_s).status == 200

    def _payload(
        self, scope: MemoryScope, coordinate: str, timeout_s: float
    ) -> dict[str, Any] | None:
        """Return the stored object; None when there is none."""
        path = f"/memories/{quote(coordinate)}"
        answer = self.transport.call("GET", path, timeout_s=timeout_s, headers=_whose(scope))
        if answer.status == 404:
            return None
        return _payload_of(answer)


def _payload_of(answer: Answer) -> dict[str, Any]:
    if not answer.is_ok:
        raise failure_of(answer)
    payload = answer.data.get("memory", {}).get("payload")
    return payload if isinstance(payload, dict) else {}


def _whose(scope: MemoryScope) -> dict[str, str]:
    """Name the tenant: the original does not look at it, ours needs it from a platform key."""
    return {"X-Tenant-ID": str(scope.tenant_id)}


def _coordinate(scope: MemoryScope, memory_id: UUID) -> str:
    key = original.key_of(scope, memory_id)
    numbers = original.coordinate_of(original.universe_of(scope), key)
    return ",".join(str(number) for number in numbers)


def _left(until_s: float) -> float:
    left = until_s - monotonic_s()
    if left <= 0:
        raise MemoryLate
    return left
