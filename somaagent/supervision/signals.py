"""Ctrl-C, SIGTERM and a closed terminal, at any moment: one orderly stop.

Owns: the handlers while `up` runs. The first signal raises `StopRequested` where the main thread
is; later ones change nothing, since the stop has its own deadline.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """Somebody wants the installation to stop; not an error, so not an `Exception`."""


class StopSignals:
    """Turns signals into `StopRequested`, except in blocks that must not be cut."""

    def __init__(self) -> None:
        self._is_uncut = False
        self._is_asked = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Handle the signals in this block; the earlier handlers come back after it."""
        earlier = {number: signal.signal(number, self._on_signal) for number in STOPPING}
        try:
            yield
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Finish this block first (something is shown once, or must not be half done)."""
        self._is_uncut = True
        try:
            yield
        finally:
            self._is_uncut = False
        if self._is_asked:
            raise StopRequested

    def ignore_from_now_on(self) -> None:
        """Let no further signal interrupt: the stop has begun."""
        self._is_uncut = True

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        was_asked, self._is_asked = self._is_asked, True
        if not was_asked and not self._is_uncut:
            raise StopRequested
