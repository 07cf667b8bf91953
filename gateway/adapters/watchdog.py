"""Ends a stream that is silent or lasts too long, at almost no cost a chunk.

A timer a read would be cancelled and set anew thousands of times a second. Here each read only
writes down the time; one timer per stream looks at it when it could matter.
"""

import asyncio
from collections.abc import Callable

from gateway.parts import Timeouts


class StreamWatchdog:
    """Calls `stop` once when a deadline passes; `expired` then says so.

    Waiting is counted only between `waits` and `came`: a consumer that is slow to fetch is no
    silence of the provider. The total counts always.
    """

    __slots__ = (
        "_handle",
        "_idle_s",
        "_limit_at",
        "_loop",
        "_stop",
        "_total_at",
        "_waiting_since",
        "expired",
    )

    def __init__(self, timeouts: Timeouts, started_at: float, stop: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = stop
        self._idle_s = timeouts.idle_s
        self._total_at = started_at + timeouts.total_s
        # Until the first token the limit is a point in time; after it a length of silence.
        self._limit_at: float | None = min(started_at + timeouts.first_token_s, self._total_at)
        self._waiting_since: float | None = None
        self.expired = False
        self._handle = self._loop.call_at(self._limit_at, self._look)

    def waits(self) -> None:
        """A read begins."""
        self._waiting_since = self._loop.time()

    def came(self) -> None:
        """The read brought something."""
        self._waiting_since = None

    def first_token(self) -> None:
        """From now on it is silence that counts."""
        if self._limit_at is not None:
            self._limit_at = None
            self._handle.cancel()
            self._arm(self._loop.time())

    def close(self) -> None:
        """The stream is over."""
        self._handle.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        if now >= self._due():
            self.expired = True
            self._stop()
            return
        self._arm(now)

    def _due(self) -> float:
        if self._limit_at is not None:
            return self._limit_at
        if self._waiting_since is None:
            return self._total_at
        return min(self._waiting_since + self._idle_s, self._total_at)

    def _arm(self, now: float) -> None:
        # Not later than one idle time from now: a read may begin at any moment.
        self._handle = self._loop.call_at(min(self._due(), now + self._idle_s), self._look)
