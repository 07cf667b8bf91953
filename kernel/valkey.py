"""Connections to Valkey (or Redis): one synchronous client a process, one asynchronous a loop.

Whatever is kept there can be lost at any time: PostgreSQL holds the truth.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import lru_cache
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
import redis.asyncio.retry
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

# Short: every caller has a way to go on without Valkey.
TIMEOUT_S = 2.0
# Once, at once: for a pooled connection that a restart of the server has broken. The library's own
# ten tries take seconds, in which a stream would stand still.
RETRIES = 1
# Within one round trip on the same network, many times over.
PROMPT_S = 0.1

Kept = tuple[redis.asyncio.Redis, AsyncGenerator[None, None]]
_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Kept] = WeakKeyDictionary()


@lru_cache(maxsize=1)
def sync_client() -> redis.Redis:
    """The client for threads and tasks."""
    return _client(TIMEOUT_S)


@lru_cache(maxsize=1)
def prompt_client() -> redis.Redis:
    """For questions on the way of somebody who waits: no answer at once is no answer."""
    return _client(PROMPT_S)


def _client(timeout_s: float) -> redis.Redis:
    return redis.Redis.from_url(
        settings.SOMA_REDIS_URL,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), RETRIES),
    )


def subscriber() -> redis.asyncio.Redis:
    """A client for one subscription: it never reconnects by itself, because its owner must know."""
    return redis.asyncio.Redis.from_url(
        settings.SOMA_REDIS_URL,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=redis.asyncio.retry.Retry(NoBackoff(), 0),
    )


def async_client() -> redis.asyncio.Redis:
    """The client of the running event loop."""
    loop = asyncio.get_running_loop()
    kept = _by_loop.get(loop)
    if kept is None:
        client = redis.asyncio.Redis.from_url(
            settings.SOMA_REDIS_URL,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=redis.asyncio.retry.Retry(NoBackoff(), RETRIES),
        )
        keeper = _until_the_end(client)
        # Run to its first yield: from then on the loop knows it.
        with suppress(StopIteration):
            keeper.__anext__().send(None)
        kept = _by_loop[loop] = client, keeper
    return kept[0]


async def _until_the_end(client: redis.asyncio.Redis) -> AsyncGenerator[None, None]:
    """Closes the client when its loop ends: `shutdown_asyncgens`, which every runner calls."""
    try:
        yield
    finally:
        await client.aclose()
