"""Traces to a collector: spans of `kernel.trace` in OpenTelemetry's form, sent over OTLP/HTTP.

Owns: the translation, the sending (batches, on a thread of the SDK). The SDK is an optional extra
(requirements/telemetry.txt), imported when a collector is configured; what it cannot send is lost,
nothing waits for it.
"""

import atexit
import logging
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from kernel import trace
from kernel.trace import Span

# A collector that is read while something is looked for should not be far behind.
EVERY_MS = 1_000
SEND_DEADLINE_S = 5.0
# Spans that wait; more are dropped, the oldest first.
QUEUE_SIZE = 16_384


def send_traces(endpoint: str, headers: Mapping[str, str], mode: str) -> None:
    """Send every span of this process that ends from now on to the collector at `endpoint`."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    # It tells of every failed batch with a traceback; a collector that is away is no news.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    exporter = OTLPSpanExporter(
        f"{endpoint.rstrip('/')}/v1/traces", headers=dict(headers), timeout=SEND_DEADLINE_S
    )
    processor = BatchSpanProcessor(
        exporter, max_queue_size=QUEUE_SIZE, schedule_delay_millis=EVERY_MS
    )
    resource = Resource.create(
        {
            "service.name": "somaagent",
            "service.namespace": process_name(),
            "service.instance.id": platform.node(),
            "deployment.environment.name": mode,
        }
    )
    scope = InstrumentationScope("somaagent")
    well, sampled = Status(StatusCode.UNSET), TraceFlags(TraceFlags.SAMPLED)
    kinds = {
        "internal": SpanKind.INTERNAL,
        "server": SpanKind.SERVER,
        "client": SpanKind.CLIENT,
        "consumer": SpanKind.CONSUMER,
    }

    def send(span: Span) -> None:
        def context(span_id: str) -> SpanContext:
            return SpanContext(
                int(span.trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=sampled
            )

        processor.on_end(
            ReadableSpan(
                span.name,
                context=context(span.span_id),
                parent=context(span.parent_id) if span.parent_id else None,
                resource=resource,
                attributes=dict(span.attributes),
                kind=kinds[span.kind],
                status=Status(StatusCode.ERROR, span.failed) if span.failed else well,
                start_time=span.started_ns,
                end_time=span.ended_ns,
                instrumentation_scope=scope,
            )
        )

    trace.set_export(send)
    atexit.register(processor.shutdown)


def process_name() -> str:
    """What this process is: web, worker, beat, or the command that was called."""
    program, arguments = Path(sys.argv[0]), sys.argv[1:]
    names = {program.stem, program.parent.name}
    if "uvicorn" in names:
        return "web"
    if "celery" in names:
        return next((one for one in arguments if one in {"worker", "beat"}), "worker")
    return arguments[0] if arguments and program.name == "manage.py" else program.stem
