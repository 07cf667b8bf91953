"""Facts about degradation, and how they get into the outbox from a loop that must not wait.

Every process sees a change; the first that claims it in Valkey tells. Without Valkey each tells for
itself: a fact may then be told twice. While the database is away it waits in this process.
"""

import queue
import threading
import time
from dataclasses import dataclass
from datetime import datetime

import structlog
from redis.exceptions import RedisError

from kernel import outbox
from kernel.condition import Level
from kernel.db import AWAY, platform_unit
from kernel.events import event
from kernel.resilience import jitter_s
from kernel.valkey import prompt_client

# Processes see a change within a second of one another.
CLAIM_MS = 5_000
CLAIM_KEY = "soma:told:"
# Facts that wait for the database; what comes on top is not told.
MOST_WAITING = 100

log = structlog.get_logger(__name__)


@event("degradation.level_changed", version=1)
@dataclass(frozen=True, slots=True)
class LevelChanged:
    """The platform's level of degradation is another one. `services`: those that are not well."""

    level: Level
    before: Level
    services: list[str]
    since: datetime


@event("degradation.breaker_opened", version=1)
@dataclass(frozen=True, slots=True)
class BreakerOpened:
    """A dependency failed repeatedly and is left alone for a while."""

    dependency: str
    breaker: str
    failures: int


class Teller:
    """Emits facts on a thread of its own; `__call__` never waits and never fails."""

    def __init__(self) -> None:
        self._facts: queue.Queue[tuple[str, object]] = queue.Queue(MOST_WAITING)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self, claim: str, fact: object) -> None:
        """Tell `fact`, unless another process claimed the same just now."""
        try:
            self._facts.put_nowait((claim, fact))
        except queue.Full:
            log.warning("degradation.not_told", fact=claim)
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                # A daemon, and started anew after a fork.
                self._thread = threading.Thread(
                    target=self._tell_all, name="soma-degradation", daemon=True
                )
                self._thread.start()

    def _tell_all(self) -> None:
        while True:
            claim, fact = self._facts.get()
            if not _claimed(claim):
                continue
            attempt = 0
            while not _told(fact):
                time.sleep(jitter_s(attempt, 0.2, 5.0))
                attempt += 1


def _claimed(claim: str) -> bool:
    try:
        return bool(prompt_client().set(CLAIM_KEY + claim, b"1", nx=True, px=CLAIM_MS))
    except RedisError:
        return True


def _told(fact: object) -> bool:
    """Whether it is in the outbox, or can never be."""
    try:
        with platform_unit("degradation"):
            outbox.emit(fact, key="degradation")
    except AWAY:
        return False
    except Exception:
        log.exception("degradation.not_told")
    return True
