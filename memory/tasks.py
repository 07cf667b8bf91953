"""Celery tasks of memory.

`memory.index_pending` runs after commits and is swept by beat, so that a lost wake-up costs
seconds and no memory.
"""

from __future__ import annotations

from celery import shared_task

from memory.ports import BRAIN


@shared_task(name="memory.index_pending", ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def index_pending() -> int:
    """Give stored memories their embeddings; return how many."""
    return BRAIN.get().settle()


@shared_task(name="memory.measure", ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def measure() -> int:
    """Refresh soma_memory_pending; return the number."""
    return BRAIN.get().pending().waiting
