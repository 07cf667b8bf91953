"""Connections to Valkey (or Redis): one synchronous client a process, one asynchronous a loop.

Whatever is kept there can be lost at any time: PostgreSQL holds the truth.
"""

import asyncio
from functools import lru_cache
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from django.conf import settings

# Short: every caller has a way to go on without Valkey.
TIMEOUT_S = 2.0

_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = WeakKeyDictionary()


@lru_cache(maxsize=1)
def sync_client() -> redis.Redis:
    """The client for threads and tasks."""
    return redis.Redis.from_url(
        settings.SOMA_REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    )


def async_client() -> redis.asyncio.Redis:
    """The client of the running event loop."""
    loop = asyncio.get_running_loop()
    client = _by_loop.get(loop)
    if client is None:
        client = redis.asyncio.Redis.from_url(
            settings.SOMA_REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        _by_loop[loop] = client
    return client
