"""What `up` says: one line a step with its duration, plain text, safe when the terminal is gone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

LABEL_WIDTH = 52


class Terminal:
    """Writes progress to one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line_is_open = False

    @contextmanager
    def step(self, label: str) -> Iterator[None]:
        """Show `label` while the block runs, then how long it took."""
        started = time.monotonic()
        self._write(f"  {label:<{LABEL_WIDTH}}")
        self._line_is_open = True
        try:
            yield
        finally:
            took = f"{time.monotonic() - started:5.1f} s\n"
            # Something was said within the step: the duration goes on a line of its own.
            self._write(took if self._line_is_open else f"  {'':<{LABEL_WIDTH}}{took}")
            self._line_is_open = False

    def say(self, text: str) -> None:
        """Write `text` on lines of its own."""
        self._write(f"\n{text}\n" if self._line_is_open else f"{text}\n")
        self._line_is_open = False

    def _write(self, text: str) -> None:
        # A closed terminal must not keep `up` from stopping its servers in order.
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()
