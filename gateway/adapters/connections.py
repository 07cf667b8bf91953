"""Pooled HTTP connections to providers: one client session per event loop and trust level.

Every connection passes the egress guard with its final address. Redirects, proxies from the
environment, cookies and compression are off.
"""

import asyncio
from functools import partial
from weakref import WeakKeyDictionary

import aiohttp

from gateway.egress import open_socket

KEEP_ALIVE_S = 60.0
DNS_CACHE_S = 30
READ_BUFFER_BYTES = 256 * 1024


class Connections:
    """Sessions by running loop; a session never crosses loops."""

    def __init__(self) -> None:
        self._sessions: WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[bool, aiohttp.ClientSession]
        ] = WeakKeyDictionary()

    def session(self, *, allow_private: bool) -> aiohttp.ClientSession:
        """The session of the running loop."""
        of_loop = self._sessions.setdefault(asyncio.get_running_loop(), {})
        session = of_loop.get(allow_private)
        if session is None or session.closed:
            session = of_loop[allow_private] = _new_session(allow_private=allow_private)
        return session

    async def close(self) -> None:
        """Close the sessions of the running loop."""
        for session in self._sessions.pop(asyncio.get_running_loop(), {}).values():
            await session.close()


def _new_session(*, allow_private: bool) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        # Admission is the caller's business: a queue here would look like a slow provider.
        limit=0,
        keepalive_timeout=KEEP_ALIVE_S,
        ttl_dns_cache=DNS_CACHE_S,
        socket_factory=partial(open_socket, allow_private=allow_private),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        # Deadlines are ours (`gateway.adapters.watchdog`); aiohttp's own are set per request.
        timeout=aiohttp.ClientTimeout(total=None),
        read_bufsize=READ_BUFFER_BYTES,
        # Compressing single events costs time on both sides and delays the first token.
        headers={"Accept-Encoding": "identity", "User-Agent": "SomaAgent"},
        trust_env=False,
    )
