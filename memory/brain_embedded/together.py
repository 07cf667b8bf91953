"""Writes of one tenant that arrive at the same time share a transaction (group commit).

Whoever comes first writes for all who came meanwhile, on its own thread; each still gets its own
acknowledgement, after the commit.  One write a commit is bound by how often the disk can be waited
for.  Never mixes tenants: a transaction is one scope, which row-level security sees.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from kernel.clock import monotonic_s
from memory.errors import MemoryLate
from memory.ports import MemoryItem, MemoryScope, Remembered

# Rows a shared transaction; a call with more than that has one of its own.
MOST_ROWS = 200

# While one transaction waits for the disk, the next is made.
LEADERS = 2

log = structlog.get_logger(__name__)

Rows = Sequence[tuple[MemoryScope, MemoryItem]]
Write = Callable[[Rows, float], list[Remembered]]


@dataclass(slots=True)
class _Call:
    """A call that waits: for its acknowledgements, or for its turn to write for the others."""

    rows: Rows
    until_s: float
    woken: threading.Event = field(default_factory=threading.Event)
    remembered: list[Remembered] | None = None
    leads: bool = False


@dataclass(slots=True)
class _Queue:
    """The calls of one tenant that nobody writes yet, and how many calls are writing."""

    waiting: list[_Call] = field(default_factory=list)
    leading: int = 0


class Together:
    """Joins concurrent writes; `write` commits rows of one tenant within so many seconds."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._queues: dict[UUID, _Queue] = {}

    def write(self, tenant_id: UUID, rows: Rows, timeout_s: float) -> list[Remembered]:
        """Return one acknowledgement a row, after the commit.

        Raises: MemoryLate; whatever the own rows raise when they are written by themselves.
        """
        if len(rows) > MOST_ROWS:
            return self._write(rows, timeout_s)
        call = _Call(rows, monotonic_s() + timeout_s)
        with self._lock:
            queue = self._queues.setdefault(tenant_id, _Queue())
            queue.waiting.append(call)
            call.leads = queue.leading < LEADERS
            queue.leading += call.leads
        if not call.leads:
            self._wait(queue, call, timeout_s)
        if call.leads:
            self._lead(tenant_id, queue, call)
        if call.remembered is not None:
            return call.remembered
        return self._write(rows, max(0.001, call.until_s - monotonic_s()))

    def _wait(self, queue: _Queue, call: _Call, timeout_s: float) -> None:
        """Wait until written, or until it is this call's turn to write."""
        if call.woken.wait(timeout_s):
            return
        with self._lock:
            # Woken at the last moment: to lead is a duty, the others wait for it.
            if call.leads or call.remembered is not None:
                return
            if call in queue.waiting:
                queue.waiting.remove(call)
        raise MemoryLate

    def _lead(self, tenant_id: UUID, queue: _Queue, own: _Call) -> None:
        """Write for all who wait, the own call included; then let the next one lead."""
        batch = self._take(queue, own)
        try:
            rows = [row for call in batch for row in call.rows]
            timeout_s = max(call.until_s for call in batch) - monotonic_s()
            remembered = iter(self._write(rows, max(0.001, timeout_s)))
            for call in batch:
                call.remembered = [next(remembered) for _ in call.rows]
        except Exception:
            if len(batch) == 1:
                raise
            # Whose fault it was shows when each is tried by itself.
            log.info("memory.shared_write_failed", calls=len(batch), exc_info=True)
        finally:
            for call in batch:
                call.woken.set()
            self._hand_over(tenant_id, queue)

    def _take(self, queue: _Queue, own: _Call) -> list[_Call]:
        """Take the own call and others off the queue, oldest first, as many as fit.

        Who was chosen to write takes itself: it would find nothing to do.
        """
        with self._lock:
            batch, size = [own], len(own.rows)
            for call in queue.waiting:
                if call.leads:
                    continue
                size += len(call.rows)
                if size > MOST_ROWS:
                    break
                batch.append(call)
            taken = {id(call) for call in batch}
            queue.waiting = [call for call in queue.waiting if id(call) not in taken]
        return batch

    def _hand_over(self, tenant_id: UUID, queue: _Queue) -> None:
        with self._lock:
            # Who was chosen already may be waking up still: a second choice would be lost on it.
            successor = next((call for call in queue.waiting if not call.leads), None)
            if successor is not None:
                successor.leads = True
                successor.woken.set()
                return
            queue.leading -= 1
            if not queue.leading:
                del self._queues[tenant_id]
