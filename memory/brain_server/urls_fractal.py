"""Paths of the memory port: SomaFractalMemory's addresses."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import path
from ninja import NinjaAPI

from kernel.errors import SomaError
from memory.brain_server import urls
from memory.brain_server.api_fractal import router
from memory.brain_server.auth import KeyAuth

api = NinjaAPI(
    title="SomaAgent memory",
    version=urls.VERSION,
    description=(
        "Objects by coordinate: SomaFractalMemory's contract, corrected. The tenant comes from the "
        "bearer key (a platform key names it in X-Tenant-ID)."
    ),
    urls_namespace="brain-memory",
    auth=KeyAuth(),
    docs_url="/docs",
    renderer=urls.Json(),
)
api.add_router("", router)
api.exception_handler(SomaError)(urls.soma_error)
api.exception_handler(Exception)(urls.any_error)


@api.get("/readyz", auth=None, response={200: dict, 503: dict}, operation_id="fractal_readyz")
def readyz(request: HttpRequest) -> tuple[int, dict[str, Any]]:
    """The database answers."""
    is_there = urls.database_answers()
    return (200 if is_there else 503), {"kv_store": is_there}


@api.get("/healthz", auth=None, response=dict[str, Any], operation_id="fractal_healthz")
def healthz(request: HttpRequest) -> dict[str, Any]:
    """The process lives."""
    return {"status": "healthy"}


handler404 = "memory.brain_server.urls.not_found"
urlpatterns = [path("", api.urls)]
