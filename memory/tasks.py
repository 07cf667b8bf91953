"""Celery tasks of memory, and how a commit wakes them.

`memory.index_pending` runs after commits and is swept by beat, so that a lost wake-up costs
seconds and no memory.
"""

from __future__ import annotations

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError

from memory.ports import BRAIN

log = structlog.get_logger(__name__)


@shared_task(name="memory.index_pending", ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def index_pending() -> int:
    """Give stored memories their embeddings; return how many."""
    return BRAIN.get().settle()


@shared_task(name="memory.measure", ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def measure() -> int:
    """Refresh soma_memory_pending; return the number."""
    return BRAIN.get().pending()


def wake_indexer() -> None:
    """Send `memory.index_pending` to a worker; a broker that is away is left to the sweep."""
    try:
        index_pending.apply_async(retry=False)
    except (OperationalError, OSError) as exc:
        log.info("memory.wake_lost", error=type(exc).__name__)
