"""Thin ASGI handlers: /health, /health/live, /health/ready, /metrics. No Django request.

/health says what is known, at once: a look that is slow never delays it. It is open to everyone,
so it tells states and times, never causes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import orjson
from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST

from health.facade import monitor
from health.metrics import exposition
from health.readiness import readiness
from health.verbs import overall

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
    elif path == "/health":
        status, body = _health()
        await _answer(send, status, "application/json", orjson.dumps(body))
    else:
        await _answer(send, 200, "application/json", b'{"status":"live"}')


def _health() -> tuple[int, dict[str, Any]]:
    found = monitor()
    found.look_again()
    level = found.level()
    services = {}
    for service in found.services():
        seen = found.seen(service.name)
        assert seen is not None  # noqa: S101  # it is listed
        services[service.name] = {
            "state": seen.state,
            "critical": service.is_critical,
            "latency_ms": seen.latency_ms,
            "since": seen.since,
        }
    return 503 if level == "critical" else 200, {
        "deployment_mode": settings.SOMA.deployment_mode,
        "overall_health": overall(level),
        "degradation": level,
        "since": found.level_since(),
        "services": services,
    }


async def _answer(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
