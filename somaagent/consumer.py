"""The consumer of a backbone that is read on its own (Kafka): a thread of the worker, or a process.

Owns: the loop and its recovery. What is done with an event is `kernel.consuming`'s.
"""

import threading
from collections.abc import Callable

import structlog
from django.db import connections

from kernel import consuming, events, outbox
from kernel.bus.backbone import BACKBONE, BackboneAway, Reader
from kernel.db import AWAY
from kernel.resilience import jitter_s

WAIT_S = 0.5

log = structlog.get_logger(__name__)


class EventConsumer(threading.Thread):
    """Reads batches until `stop`; what fails for a while is tried again, with growing waits."""

    def __init__(self) -> None:
        # A daemon: a process that ends must not wait for it; what it had in hand is read again.
        super().__init__(name="soma-events", daemon=True)
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End after the batch in hand, and leave the group."""
        self._stopped.set()
        if self.is_alive():
            self.join(10)

    def run(self) -> None:
        """See the class."""
        attempt = 0
        while not self._stopped.is_set():
            try:
                self._read(self._open())
            except (BackboneAway, *AWAY) as exc:
                log.warning("events.interrupted", error=type(exc).__name__, attempt=attempt)
                connections.close_all()
                attempt += 1
            except Exception:
                # Nobody watches a thread: it says what it met, and goes on.
                log.exception("events.consumer_failed")
                attempt += 1
            else:
                attempt = 0
            self._stopped.wait(jitter_s(attempt, 0.2, 5.0) if attempt else 0)
        connections.close_all()

    def _open(self) -> Reader:
        return BACKBONE.get().reader(consuming.GROUP, events.topics())

    def _read(self, reader: Reader) -> None:
        try:
            while not self._stopped.is_set():
                consuming.consume(reader, outbox.BATCH_SIZE, WAIT_S)
        finally:
            reader.close()


def run_until(is_over: Callable[[float], bool]) -> None:
    """Consume in this process until `is_over` (called with the seconds that it may wait)."""
    consumer = EventConsumer()
    consumer.start()
    while not is_over(1.0):
        pass
    consumer.stop()
