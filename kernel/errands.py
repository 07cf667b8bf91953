"""Small work beside a request, for which nobody waits."""

import asyncio
from collections.abc import Coroutine
from typing import Any

# The loop itself keeps only weak references to tasks.
_running: set[asyncio.Task[Any]] = set()


def beside(work: Coroutine[Any, Any, Any]) -> None:
    """Do `work` on the running loop; what comes of it is its own business."""
    task = asyncio.get_running_loop().create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
