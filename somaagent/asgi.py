"""One ASGI application; routes by path to the cheapest server that can do the work.

/ws/ -> Channels; /health*, /metrics, /v1 -> thin handlers; operations that wait for a model ->
Django's ASGI handler; everything else -> Django as WSGI on bounded threads.
"""

import asyncio
import gc
import os
import re
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import django

django.setup(set_prefix=False)

import structlog  # noqa: E402
from a2wsgi import WSGIMiddleware  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import Error as DatabaseError  # noqa: E402

from chat.consumers import ChatConsumer  # noqa: E402
from chat.facade import RUNNER, follow_policies, reap  # noqa: E402
from gateway.facade import close_ledger, follow_changes  # noqa: E402
from gateway.v1 import server as v1  # noqa: E402
from health import asgi as health  # noqa: E402
from health.facade import watch  # noqa: E402
from kernel.db import in_unit, shut_down_pool  # noqa: E402
from memory.facade import BRAIN  # noqa: E402
from saas.facade import follow_modes, follow_rights  # noqa: E402

REAP_EVERY_S = 5.0
# A turn makes some thousand short-lived objects; the default threshold of 700 would look through
# them (and now and then through everything) many times a turn.
GC_THRESHOLDS = (20_000, 20, 20)
# A unit's thread gets the interpreter back this soon after each round trip, however busy the loop.
SWITCH_INTERVAL_S = 0.001
# Everything under these waits for a model: it must not hold a thread.
_WAITS = re.compile(r"/api/v2/chat/(messages$|messages/[^/]+/edit$|turns/)")

log = structlog.get_logger(__name__)

wsgi_application = get_wsgi_application()
_waiting = get_asgi_application()
_threads = WSGIMiddleware(wsgi_application, workers=settings.SOMA.wsgi_threads)
_sockets = {"/ws/v2/chat": ChatConsumer.as_asgi()}


class _Lifespan:
    """Start-up and shutdown of a web process."""

    def __init__(self) -> None:
        self._chores: list[asyncio.Task[None]] = []

    async def __call__(self, receive: Any, send: Any) -> None:
        await receive()
        _tune_interpreter()
        self._chores = [
            asyncio.create_task(self._reap(), name="soma-reaper"),
            asyncio.create_task(self._warm(), name="soma-warm"),
            asyncio.create_task(follow_changes(), name="soma-follow-models"),
            asyncio.create_task(watch(), name="soma-health"),
            asyncio.create_task(follow_modes(), name="soma-modes"),
            asyncio.create_task(follow_rights(), name="soma-rights"),
            asyncio.create_task(follow_policies(), name="soma-policies"),
        ]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for chore in self._chores:
            chore.cancel()
        await RUNNER.stop_all()
        await close_ledger()
        shut_down_pool()
        await send({"type": "lifespan.shutdown.complete"})

    async def _reap(self) -> None:
        # Also here, not only in the worker: a turn must end even when the worker is away.
        while True:
            try:
                await in_unit(reap)
            except DatabaseError as exc:
                log.warning("reaper.database_away", error=type(exc).__name__)
            except Exception:
                # The next round may work; without a reaper turns would stay open for ever.
                log.exception("reaper.failed")
            await asyncio.sleep(REAP_EVERY_S)

    async def _warm(self) -> None:
        """Load the embedding model before the first person waits for it."""
        await in_unit(BRAIN.get().probe)


def _tune_interpreter() -> None:
    """Once everything is imported: what exists now stays, so the collector need not visit it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)


_lifespan = _Lifespan()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Route one connection."""
    kind = scope["type"]
    if kind == "lifespan":
        await _lifespan(receive, send)
    elif kind == "websocket":
        await _websocket(scope, receive, send)
    elif scope["path"] in health.PATHS:
        await health.application(scope, receive, send)
    elif v1.is_ours(scope["path"]):
        await v1.application(scope, receive, send)
    elif _WAITS.match(scope["path"]):
        await _waiting(scope, receive, send)
    else:
        await _threads(scope, receive, send)


async def _websocket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    consumer = _sockets.get(scope["path"])
    if consumer is not None:
        await consumer(scope, receive, send)
        return
    # Accepted first: the browser shows no code of a handshake that was refused.
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 4004})
