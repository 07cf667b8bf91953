"""What is asked for at every call and changes rarely: read once, kept for a second.

A change is told over the bus and forgotten at once; the second bounds what a lost message, or a bus
that is away, could cost. `Remembered` is for the event loop: loads run on the unit pool, one a key
at a time. `Kept` is the memory alone.
"""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kernel.clock import monotonic_s
from kernel.db import in_unit

FRESH_S = 0.9
KEPT = 20_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a value was asked for: it is kept only if nothing changed since. `until`: monotonic."""

    until: float
    changes: int


class Kept(Generic[K, V]):
    """Values by key that are not older than `fresh_s`, for threads and the event loop alike."""

    def __init__(self, fresh_s: float = FRESH_S) -> None:
        self.fresh_s = fresh_s
        self._kept: dict[K, tuple[float, V]] = {}
        self._changes = 0

    def stamp(self) -> Stamp:
        """To be taken before the question, so that the age counts from when it was current."""
        return Stamp(monotonic_s() + self.fresh_s, self._changes)

    def find(self, key: K) -> tuple[float, V] | None:
        """Seconds that are left, and the value; None: unknown or too old."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        left_s = kept[0] - monotonic_s()
        return (left_s, kept[1]) if left_s > 0 else None

    def get(self, key: K) -> V | None:
        """The value; None: unknown or too old."""
        found = self.find(key)
        return found[1] if found is not None else None

    def keep(self, key: K, value: V, stamp: Stamp) -> None:
        """Remember it, unless something changed since the stamp."""
        if stamp.changes != self._changes:
            return
        if len(self._kept) >= KEPT:
            self._kept.clear()
        self._kept[key] = (stamp.until, value)

    def forget(self, key: K | None = None) -> None:
        """It changed (None: whatever is known may have)."""
        self._changes += 1
        if key is None:
            self._kept.clear()
        else:
            self._kept.pop(key, None)


class Remembered(Generic[K, V]):
    """Values by key. `load` may give None: that nothing is there is remembered as well."""

    def __init__(self, load: Callable[[K], V], fresh_s: float = FRESH_S) -> None:
        self._load = load
        self._kept: Kept[K, V] = Kept(fresh_s)
        self._loading: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        """The value, not older than `fresh_s`. Raises: what `load` raises."""
        found = self._kept.find(key)
        if found is None:
            # Whoever goes away must not take the answer from the others who wait for it.
            return await asyncio.shield(self._read_once(key))
        left_s, value = found
        if left_s < self._kept.fresh_s / 2:
            # Read again before it is too old, so that nobody has to wait for it.
            self._read_once(key).add_done_callback(_told)
        return value

    def forget(self, key: K | None = None) -> None:
        """It changed (None: whatever is known may have)."""
        self._loading.clear()
        self._kept.forget(key)

    def _read_once(self, key: K) -> asyncio.Task[V]:
        loop = asyncio.get_running_loop()
        task = self._loading.get(key)
        if task is None or task.get_loop() is not loop:
            task = self._loading[key] = loop.create_task(self._read(key))
        return task

    async def _read(self, key: K) -> V:
        stamp = self._kept.stamp()
        try:
            value = await in_unit(self._load, key)
        finally:
            if self._loading.get(key) is asyncio.current_task():
                del self._loading[key]
        self._kept.keep(key, value, stamp)
        return value


def _told(task: "asyncio.Task[V]") -> None:
    """Nobody waits for it: the next who asks meets the failure itself."""
    if not task.cancelled():
        task.exception()
