"""Wakes the worker after commits, beside the threads that commit.

Any number of calls within `PAUSE_S` become one message to the broker: under load the worker is
awake anyway, and a message costs more than the unit that asks for it. What is lost when the
process ends at that moment is found by beat's sweep, two seconds later.
"""

import threading
import time
from collections.abc import Callable

PAUSE_S = 0.05


class Waker:
    """Runs `wake` soon after `__call__`, on a thread of its own. `wake` must not raise."""

    def __init__(self, name: str, wake: Callable[[], None]) -> None:
        self._name, self._wake = name, wake
        self._wanted = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        """Ask for a wake-up; never waits."""
        self._wanted.set()
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                # A daemon, since the process may end meanwhile; after a fork it is started anew.
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            # Cleared before waking: a call from now on is not part of this wake-up.
            self._wanted.clear()
            self._wake()
            time.sleep(PAUSE_S)
