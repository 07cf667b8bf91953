"""Paths of the brain's service and the one rendering of its failures."""

from __future__ import annotations

from typing import Any

import orjson
import structlog
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from ninja import NinjaAPI
from ninja.renderers import BaseRenderer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from kernel.clock import now
from kernel.db import AWAY, DatabaseAway
from kernel.errors import InternalError, NotFound, SomaError
from memory.brain_server.api_cognition import cognitive, context, neuromod, sleep
from memory.brain_server.api_memory import capabilities
from memory.brain_server.api_memory import router as memory_router
from memory.brain_server.auth import KeyAuth
from memory.ports import BRAIN

SERVICE = "somaagent-brain"
VERSION = "1"

log = structlog.get_logger(__name__)


class Json(BaseRenderer):
    """JSON that keeps every digit of a time: positions in lists are times."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:  # noqa: ARG002 -- Ninja's signature
        """Return the body of an answer."""
        return orjson.dumps(data, default=str)


api = NinjaAPI(
    title="SomaAgent brain",
    version=VERSION,
    description=(
        "Memory over HTTP: SomaBrain's contract, corrected. The tenant comes from the bearer key "
        "(a platform key names it in X-Tenant-ID), never from a body. X-Deadline-MS bounds a call. "
        'Failures: {"detail", "code", ...}; 501 `capability-absent` for what this brain cannot do.'
    ),
    urls_namespace="brain",
    auth=KeyAuth(),
    docs_url="/docs",
    renderer=Json(),
)
api.add_router("/memory", memory_router)
api.add_router("/context", context)
api.add_router("/neuromod", neuromod)
api.add_router("/cognitive", cognitive)
api.add_router("/sleep", sleep)


@api.get("/health", auth=None, response=dict[str, Any], operation_id="health", tags=["health"])
def health(request: HttpRequest) -> dict[str, Any]:
    """Whether to send requests (`ready`), what works, what this brain can do."""
    is_there = database_answers()
    probe = BRAIN.get().probe()
    return {
        "status": "healthy" if probe.ok and is_there else "degraded" if is_there else "critical",
        "ok": probe.ok and is_there,
        # Without its embedding model the brain still keeps, and finds by words.
        "ready": is_there,
        "service": SERVICE,
        "version": VERSION,
        "timestamp": now(),
        "postgres_ok": is_there,
        "memory_ok": is_there,
        "embedder_ok": probe.ok,
        "memory_circuit_open": False,
        "capabilities": capabilities(),
    }


@api.get("/healthz", auth=None, response=dict[str, Any], operation_id="healthz", tags=["health"])
def healthz(request: HttpRequest) -> dict[str, Any]:
    """The process lives."""
    return {"status": "healthy", "timestamp": now()}


@api.get(
    "/readyz", auth=None, response={200: dict, 503: dict}, operation_id="readyz", tags=["health"]
)
def readyz(request: HttpRequest) -> tuple[int, dict[str, Any]]:
    """The database answers."""
    is_there = database_answers()
    status = "ready" if is_there else "degraded"
    return (200 if is_there else 503), {"status": status, "checks": {"database": is_there}}


@api.get("/metrics", auth=None, response={200: str}, operation_id="metrics", tags=["health"])
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text of this process, with the backlog of the database."""
    if database_answers():
        BRAIN.get().pending()
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


@api.exception_handler(SomaError)
def soma_error(request: HttpRequest, exc: SomaError) -> HttpResponse:
    """Contract A's `detail`, with the members of a problem beside it."""
    return _render(request, exc)


@api.exception_handler(Exception)
def any_error(request: HttpRequest, exc: Exception) -> HttpResponse:
    """What nobody foresaw: logged once, told without its content."""
    if isinstance(exc, AWAY):
        return _render(request, DatabaseAway(retry_after=2))
    log.error("brain.failed", path=request.path, exc_info=exc)
    return _render(request, InternalError("The cause is in the brain's log."))


def _render(request: HttpRequest, error: SomaError) -> HttpResponse:
    body = error.problem(str(getattr(request, "request_id", "")))
    response = api.create_response(request, body, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def database_answers() -> bool:
    """Whether a statement comes back."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        return False
    return True


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """An address that no operation answers."""
    return _render(request, NotFound("There is no such address here."))


handler404 = "memory.brain_server.urls.not_found"
urlpatterns = [path("", api.urls)]
