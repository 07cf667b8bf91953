"""Celery tasks of memory.

`memory.index_pending` runs after commits and is swept by beat, so that a lost wake-up costs
seconds and no memory.
"""

from __future__ import annotations

import contextlib

from celery import shared_task
from kombu.exceptions import OperationalError

from memory.ports import BRAIN
from memory.retention import enforce_retention as forget_what_is_past
from memory.sleeping import Sleeper


@shared_task(name="memory.index_pending", ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def index_pending() -> int:
    """Give stored memories their embeddings; return how many."""
    return BRAIN.get().settle()


@shared_task(name="memory.measure", ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def measure() -> int:
    """Refresh soma_memory_pending; return the number."""
    return BRAIN.get().pending().waiting


@shared_task(name="memory.sleep", ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def sleep() -> bool:
    """Drive open sleep cycles for a second; whether any is still open.

    One slice a message, and the next message only after it, so that relaying and indexing have
    their turn in between; beat asks again should a message be lost.
    """
    brain = BRAIN.get()
    is_open = isinstance(brain, Sleeper) and brain.sleep_a_while()
    if is_open:
        with contextlib.suppress(OperationalError, OSError):
            sleep.apply_async(countdown=0.2, expires=60, retry=False)
    return is_open


@shared_task(name="memory.plan_sleep", ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def plan_sleep() -> int:
    """Start the sleep cycles that are due; return how many."""
    brain = BRAIN.get()
    return brain.plan_sleep() if isinstance(brain, Sleeper) else 0


@shared_task(name="memory.enforce_retention", ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def enforce_retention() -> int:
    """Forget memories past their time; return how many."""
    return forget_what_is_past()
