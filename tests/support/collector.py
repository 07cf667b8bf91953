"""An OpenTelemetry collector of our own: takes OTLP over HTTP, decodes it, keeps the spans."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Received:
    """A span as it arrived. `process`: which of our processes sent it."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    process: str
    failed: bool
    seconds: float
    attributes: dict[str, Any]


class Collector:
    """What arrived; `headers` of the newest request."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.headers: dict[str, str] = {}
        self._spans: list[Received] = []
        self._lock = threading.Lock()

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            self.headers = headers
            for resource in request.resource_spans:
                told = _attributes(resource.resource.attributes)
                for scope in resource.scope_spans:
                    self._spans += [_received(span, told) for span in scope.spans]

    def spans(self, trace_id: str | None = None) -> list[Received]:
        with self._lock:
            return [one for one in self._spans if trace_id in {None, one.trace_id}]

    def by_id(self, trace_id: str) -> dict[str, Received]:
        """The spans of a trace, by their own ids."""
        return {one.span_id: one for one in self.spans(trace_id)}


def _received(span: Any, resource: dict[str, Any]) -> Received:
    return Received(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        str(resource["service.namespace"]),
        span.status.code == 2,
        (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        _attributes(span.attributes),
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in pairs}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run one on a free port."""
    collectors: list[Collector] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            collectors[0].take(body, {name.lower(): value for name, value in self.headers.items()})
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collectors.append(Collector(server.server_address[1]))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collectors[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
