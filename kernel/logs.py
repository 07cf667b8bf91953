"""Structured logs: JSON lines with ids of request, trace, tenant and turn, never with content."""

import logging
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from kernel import trace
from kernel.scope import current_scope


def add_tenant(_logger: WrappedLogger, _name: str, entry: EventDict) -> EventDict:
    """Add the id of the open scope."""
    scope = current_scope()
    if scope is not None:
        entry.setdefault("tenant_id", str(scope.tenant_id))
    return entry


def add_trace(_logger: WrappedLogger, _name: str, entry: EventDict) -> EventDict:
    """Add the id of the open trace."""
    trace_id = trace.current_id()
    if trace_id is not None:
        entry.setdefault("trace_id", trace_id)
    return entry


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    add_tenant,
    add_trace,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(level: str, log_format: str) -> None:
    """Send structlog and the standard library through one formatter to standard error."""
    last: Any = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            last,
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # celery tells of every sweep twice, each two seconds: its failures still come through.
    sweeps = ("celery.worker.strategy", "celery.app.trace")
    # botocore tells whole requests at level debug: their content, and signatures.
    for noisy in ("aiohttp.access", "uvicorn.access", "kombu", "amqp", "botocore", *sweeps):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
