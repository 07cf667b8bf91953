"""The ASGI application of the brain's service, and its indexer.

Django's own handler with another table of addresses, behind a bounded number of threads.  `/api/x`
is the same as `/x`, as clients of contract A expect.
"""

from __future__ import annotations

import threading
from typing import Any

import structlog
from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import DatabaseError, connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import Histogram

from kernel import trace
from kernel.clock import monotonic_s
from memory.embedding.errors import EmbeddingUnavailable
from memory.ports import BRAIN

# Also without a wake-up the backlog is looked at this often.
SWEEP_EVERY_S = 2.0

REQUEST_SECONDS = Histogram(
    "soma_brain_request_seconds",
    "Time that a request to the brain's service took",
    ["route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0),
)

log = structlog.get_logger(__name__)


class BrainHandler(WSGIHandler):
    """Django's handler over one table of addresses, measured."""

    def __init__(self, urlconf: str) -> None:
        super().__init__()
        self._urlconf = urlconf

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request."""
        started_s = monotonic_s()
        request.urlconf = self._urlconf
        request.path_info = request.path_info.removeprefix("/api")
        with trace.following(request.headers), trace.span("brain", "server") as span:
            response = super().get_response(request)
            match = request.resolver_match
            route = match.route if match is not None else "unknown"
            span.name, span.attributes["status"] = f"brain {route}", response.status_code
        REQUEST_SECONDS.labels(route, str(response.status_code)).observe(monotonic_s() - started_s)
        return response


class Indexer:
    """A thread that settles what writes left to do, woken by them."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="soma-brain-indexer", daemon=True)

    def wake(self) -> None:
        """Say that there is something to do."""
        self._wanted.set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand and end."""
        self._is_over = True
        self._wanted.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._is_over:
            self._wanted.wait(SWEEP_EVERY_S)
            self._wanted.clear()
            try:
                BRAIN.get().settle()
            except (DatabaseError, EmbeddingUnavailable) as exc:
                # Nothing is lost: the rows wait, and the next round tries again.
                log.warning("brain.indexing_waits", error=type(exc).__name__)
                connections.close_all()


def _served(urlconf: str) -> WSGIMiddleware:
    return WSGIMiddleware(BrainHandler(urlconf), workers=settings.SOMA.wsgi_threads)


class Application:
    """Routes lifespan to the indexer and requests to Django, by the port that they came in at."""

    def __init__(self, indexer: Indexer, memory_port: int | None = None) -> None:
        self._indexer = indexer
        self._memory_port = memory_port
        self._brain = _served("memory.brain_server.urls")
        self._memory = _served("memory.brain_server.urls_fractal")

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one connection, or the life of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        port = (scope.get("server") or (None, None))[1]
        serves_memory = self._memory_port is not None and port == self._memory_port
        await (self._memory if serves_memory else self._brain)(scope, receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        self._indexer.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._indexer.stop()
        await send({"type": "lifespan.shutdown.complete"})
