"""Repeating an attempt until its first events are there.

The rule of every adapter: what is transient is tried again, with full jitter and not sooner than
the provider asks, as long as nothing was given out and the first token's deadline allows it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

from gateway.errors import ModelError
from kernel.resilience import jitter_s

BACKOFF_BASE_S = 0.25
BACKOFF_CAP_S = 4.0

T = TypeVar("T")


async def first_success(
    attempt: Callable[[], Awaitable[T]], attempts: int, due_at: float, longest_wait_s: float = inf
) -> T:
    """The result of the first attempt that succeeds, begun before loop time `due_at`.

    Who would have to be waited for longer than `longest_wait_s` is not asked again.

    Raises: ModelError (of the last attempt).
    """
    for number in range(max(1, attempts) - 1):
        try:
            return await attempt()
        except ModelError as error:
            wait_s = (error.retry_after or 0) + jitter_s(number, BACKOFF_BASE_S, BACKOFF_CAP_S)
            too_late = asyncio.get_running_loop().time() + wait_s >= due_at
            if too_late or wait_s > longest_wait_s or not error.retryable:
                raise
        await asyncio.sleep(wait_s)
    return await attempt()
