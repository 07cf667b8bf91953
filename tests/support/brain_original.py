"""Doubles of the original SomaBrain and SomaFractalMemory with their recorded quirks.

Built from the contract facts, not from our adapter: what they get wrong they get wrong here too.
- A memory is filed under `universe::key` alone; a later write to the same place wins.
- `/memory/remember` acknowledges what it loses while its store is down; only a batch says 503.
- Working memory (128 a tenant) is listed, not searched, before the store's hits, score 1.0,
  whatever the namespace; the store's own hits are those whose text is the question.
- Recall with a dead store: 200, empty, not degraded.
- `/health` is 200 and "critical" whatever happens; only `ready` means something.
- Every caller may name any tenant; neuromodulators are a constant; most of the rest is missing.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "recorded-token"
WORKING_MEMORY = 128
Reply = tuple[int, Any]
DICT_BUG = {"detail": [{"type": "missing", "loc": ["query", "payload"], "msg": "Field required"}]}


@dataclass
class Store:
    """SomaFractalMemory: objects by coordinate, no tenants."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_down: bool = False

    def answer(self, method: str, path: str, body: Any) -> Reply:
        if path == "/readyz":
            return 200, {"kv_store": True, "vector_store": False, "graph_store": True}
        if method == "POST" and path == "/memories":
            place = _identity(body["coord"])
            self.objects[place] = body["payload"]
            return 200, {"coord": body["coord"], "memory_type": body.get("memory_type")}
        if method == "POST" and path == "/memories/search":
            hits = self.search(body["query"], body.get("filters") or {})
            found = [{"coordinate": [], "payload": hit, "importance": 0.0} for hit in hits]
            return 200, {"memories": found[: body.get("top_k", 5)]}
        if path.startswith("/memories/"):
            place = _identity(unquote(path.removeprefix("/memories/")))
            if method == "DELETE":
                return 200, {"deleted": self.objects.pop(place, None) is not None}
            if place in self.objects:
                return 200, {"memory": {"payload": self.objects[place], "importance": 0.0}}
            return 404, {"detail": "Memory not found"}
        return 404, {"detail": "Not Found"}

    def search(self, query: str, filters: dict[str, Any]) -> list[dict[str, Any]]:
        """Without a vector store: equality of the text."""
        return [
            one
            for one in self.objects.values()
            if one.get("text") == query
            and all(one.get(name) == value for name, value in filters.items())
        ]


@dataclass
class Brain:
    """SomaBrain over a store."""

    store: Store = field(default_factory=Store)
    working: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    ready: bool = True
    fails_with: int | None = None
    stalls_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    def answer(  # noqa: C901
        self, method: str, path: str, body: Any, tenant: str, namespace: str
    ) -> Reply:
        self.asked.append(f"{method} {path}")
        if self.stalls_s:
            time.sleep(self.stalls_s)
        if self.fails_with is not None:
            return self.fails_with, {"detail": "down"}
        match method, path:
            case "GET", "/health":
                return 200, {"status": "critical", "ok": False, "ready": self.ready}
            case "POST", "/memory/remember":
                kept = self._keep(body, body, 0)
                return 200, {"ok": True, "tenant": body["tenant"], **kept}
            case "POST", "/memory/remember/batch":
                if not body["items"]:
                    return 422, {"detail": [{"loc": ["body", "payload", "items"]}]}
                if self.store.is_down:
                    return 503, {"detail": "Memory service unavailable"}
                results = [self._keep(body, one, at) for at, one in enumerate(body["items"])]
                return 200, {"ok": True, "tenant": body["tenant"], "results": results}
            case "POST", "/memory/recall":
                return 200, self._recall(body, tenant, namespace)
            case "GET", "/neuromod/state":
                levels = ("dopamine", "serotonin", "noradrenaline", "acetylcholine")
                return 200, {"tenant_id": tenant, **dict.fromkeys(levels, 0.5)}
            case "POST", "/context/evaluate" | "/context/feedback" | "/sleep/state":
                return 422, DICT_BUG
            case "GET", "/sleep/state":
                return 200, {"tenant_id": tenant, "state": "active", "timestamp": None}
            case "GET", "/context/adaptation/state":
                return 500, {"detail": "No module named 'somabrain.storage.feedback'"}
        return 404, {"detail": "Not Found"}

    def _keep(self, outer: Any, item: Any, at: int) -> dict[str, Any]:
        # The tenant is taken from the body, whoever calls.
        tenant, key = outer["tenant"], item["key"]
        universe = item.get("universe") or outer.get("universe") or "real"
        value = item["value"]
        payload = {
            "task": key,
            "text": value.get("task") or key,
            "content": value.get("task") or key,
            **value,
            "tenant": tenant,
            "namespace": outer["namespace"],
            "universe": universe,
            "memory_type": "episodic",
            "key": key,
            "timestamp": time.time(),
        }
        coordinate = _coordinate(universe, key)
        if not self.store.is_down:
            self.store.objects[_identity(",".join(map(str, coordinate)))] = payload
        items = self.working.setdefault(tenant, [])
        items[:] = [one for one in items if one["key"] != key]
        items.append(payload)
        del items[:-WORKING_MEMORY]
        return {
            "key": key,
            "coordinate": coordinate,
            "promoted_to_wm": True,
            "persisted_to_ltm": True,
            "deduplicated": False,
            "request_id": f"rid:{at}",
            "warnings": [],
        }

    def _recall(self, body: Any, tenant: str, namespace: str) -> dict[str, Any]:
        layer, top_k = body.get("layer", "both"), max(1, body.get("top_k", 10))
        working = self.working.get(tenant, []) if layer in {"wm", "both"} else []
        stored: list[dict[str, Any]] = []
        if layer in {"ltm", "both"} and not self.store.is_down:
            stored = [
                one
                for one in self.store.search(body["query"], {})
                if one.get("tenant", tenant) == tenant
                and one.get("namespace", namespace) == namespace
            ]
        results = [{"content": one, "layer": "wm", "score": 1.0} for one in working]
        results += [{"content": one, "layer": "ltm", "score": -0.03} for one in stored]
        return {
            "tenant": tenant,
            "namespace": namespace,
            "results": results[:top_k],
            "wm_hits": len(working),
            "ltm_hits": len(stored),
            "duration_ms": 1.0,
            "total_results": len(results[:top_k]),
            "degraded": False,
            "degraded_reasons": [],
        }


@dataclass
class Served:
    """A double behind a real HTTP server; `stop` closes the port, `start` opens it again."""

    double: Brain | Store
    server: ThreadingHTTPServer | None = None
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Served:
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self.double))
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


@contextmanager
def serving(double: Brain | Store) -> Iterator[Served]:
    """The double at a free port."""
    served = Served(double).start()
    try:
        yield served
    finally:
        served.stop()


def _handler(double: Brain | Store) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        # One request a connection: a stopped double then really is away.
        protocol_version = "HTTP/1.0"

        def _serve(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(size)
            if size > 2_500_000:
                return self._reply(400, "<h1>Bad Request (400)</h1>")
            path = urlsplit(self.path).path
            is_open = path in {"/health", "/readyz"}
            if not is_open and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self._reply(401, {"detail": "Unauthorized"})
            body = json.loads(raw) if raw else {}
            if isinstance(double, Brain):
                tenant = self.headers.get("X-Tenant-ID", "standalone")
                namespace = self.headers.get("X-Namespace") or body.get("namespace") or "default"
                status, found = double.answer(self.command, path, body, tenant, namespace)
            else:
                status, found = double.answer(self.command, path, body)
            return self._reply(status, found)

        def _reply(self, status: int, found: Any) -> None:
            content = found.encode() if isinstance(found, str) else json.dumps(found).encode()
            kind = "text/html" if isinstance(found, str) else "application/json"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


def _coordinate(universe: str, key: str) -> list[float]:
    digest = hashlib.blake2b(f"{universe}::{key}".encode(), digest_size=12).digest()
    parts = [int.from_bytes(digest[at : at + 4], "big") for at in (0, 4, 8)]
    return [2 * part / 2**32 - 1 for part in parts]


def _identity(coordinate: str) -> str:
    return ",".join(str(float(part)) for part in coordinate.split(","))
