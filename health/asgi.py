"""Thin ASGI handlers: /health, /health/live, /health/ready, /metrics. No Django request."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST

from health.metrics import exposition
from health.readiness import readiness

Send = Callable[[dict[str, Any]], Awaitable[None]]

PATHS = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})


async def application(scope: dict[str, Any], receive: object, send: Send) -> None:
    """Answer one of PATHS."""
    path = scope["path"]
    if path == "/metrics":
        await _answer(send, 200, CONTENT_TYPE_LATEST, await exposition())
    elif path == "/health/ready":
        state = await readiness()
        await _answer(
            send, 200 if state.ready else 503, "application/json", orjson.dumps(asdict(state))
        )
    else:
        await _answer(send, 200, "application/json", b'{"status":"live"}')


async def _answer(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
