"""What is asked for at every call and changes rarely: read once, kept for a second.

A change is told over the bus and forgotten at once; the second bounds what a lost message, or a bus
that is away, could cost. For the event loop; loads run on the unit pool, one a key at a time.
"""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from kernel.clock import monotonic_s
from kernel.db import in_unit

FRESH_S = 0.9
KEPT = 20_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Values by key. `load` may give None: that nothing is there is remembered as well."""

    def __init__(self, load: Callable[[K], V], fresh_s: float = FRESH_S) -> None:
        self._load = load
        self._fresh_s = fresh_s
        self._kept: dict[K, tuple[float, V]] = {}
        self._loading: dict[K, asyncio.Task[V]] = {}
        self._changes = 0

    async def get(self, key: K) -> V:
        """The value, not older than `fresh_s`. Raises: what `load` raises."""
        kept = self._kept.get(key)
        left_s = kept[0] - monotonic_s() if kept is not None else 0.0
        if kept is None or left_s <= 0:
            # Whoever goes away must not take the answer from the others who wait for it.
            return await asyncio.shield(self._read_once(key))
        if left_s < self._fresh_s / 2:
            # Read again before it is too old, so that nobody has to wait for it.
            self._read_once(key).add_done_callback(_told)
        return kept[1]

    def forget(self, key: K | None = None) -> None:
        """It changed (None: whatever is known may have)."""
        self._changes += 1
        self._loading.clear()
        if key is None:
            self._kept.clear()
        else:
            self._kept.pop(key, None)

    def _read_once(self, key: K) -> asyncio.Task[V]:
        loop = asyncio.get_running_loop()
        task = self._loading.get(key)
        if task is None or task.get_loop() is not loop:
            task = self._loading[key] = loop.create_task(self._read(key))
        return task

    async def _read(self, key: K) -> V:
        changes = self._changes
        # From before the question, so that the age counts from when it was certainly current.
        fresh_until = monotonic_s() + self._fresh_s
        try:
            value = await in_unit(self._load, key)
        finally:
            if self._loading.get(key) is asyncio.current_task():
                del self._loading[key]
        if changes == self._changes:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[key] = (fresh_until, value)
        return value


def _told(task: "asyncio.Task[V]") -> None:
    """Nobody waits for it: the next who asks meets the failure itself."""
    if not task.cancelled():
        task.exception()
