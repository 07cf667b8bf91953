"""One timer for any number of streams.

Streams that are due within the same millisecond are stepped together, by one wake-up of the loop;
thousands of single timers would cost more than the work that they start.
"""

import asyncio
import heapq
from collections.abc import Callable

TICKS_A_SECOND = 1_000


class Wheel:
    """Calls each step when it is due, with a resolution of one millisecond."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[int, list[Callable[[], None]]] = {}
        self._ticks: list[int] = []
        self._handle: asyncio.TimerHandle | None = None
        self._armed_tick = 0

    def at(self, when: float, step: Callable[[], None]) -> None:
        """Call `step` at loop time `when`, or up to a millisecond later."""
        tick = int(when * TICKS_A_SECOND) + 1
        waiting = self._due.get(tick)
        if waiting is not None:
            waiting.append(step)
            return
        self._due[tick] = [step]
        heapq.heappush(self._ticks, tick)
        if self._handle is None or tick < self._armed_tick:
            self._arm(tick)

    def _arm(self, tick: int) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_tick = tick
        self._handle = self._loop.call_at(tick / TICKS_A_SECOND, self._turn)

    def _turn(self) -> None:
        self._handle = None
        # Half a tick of grace: loops wake up to a clock step early.
        limit = int(self._loop.time() * TICKS_A_SECOND + 0.5)
        while self._ticks and self._ticks[0] <= limit:
            for step in self._due.pop(heapq.heappop(self._ticks)):
                step()
        if self._ticks and self._handle is None:
            self._arm(self._ticks[0])
