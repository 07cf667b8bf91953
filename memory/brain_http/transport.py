"""One HTTP service: pooled connections, a deadline a call, a readiness gate, a breaker.

The breaker opens after 3 failures in a row and lets one call through after 30 s.  A failure is: no
connection, no answer in time, 502, 503, 504, or `ready` being false.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, NewConnectionError
from urllib3.exceptions import TimeoutError as LateError

from kernel import trace
from kernel.calling import calling
from kernel.clock import monotonic_s
from kernel.errors import SomaError, registry
from kernel.resilience import BreakerOpen, CircuitBreaker
from memory import wire
from memory.errors import MemoryLate, MemoryRefused, MemoryUnavailable

R = TypeVar("R")

POOL_SIZE = 32
MAX_ANSWER_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_AWAY = frozenset({502, 503, 504})
# The names of `health.services`.
_SERVICES = {"brain": "somabrain", "fractal-memory": "somafractalmemory"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and what the JSON body says; None when the body is no JSON (an HTML page)."""

    status: int
    data: Any

    @property
    def code(self) -> str | None:
        """The problem code; only our own brain sends one."""
        found = self.data.get("code") if isinstance(self.data, dict) else None
        return found if isinstance(found, str) else None

    @property
    def is_ok(self) -> bool:
        """Whether it is a success with a JSON body."""
        return 200 <= self.status < 300 and self.data is not None


class Transport:
    """Calls to one service.  Thread-safe.

    `is_ready`: looks at the service before the first call and after each failure, and answers
    whether it may be used (the gate).
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        key: str,
        *,
        is_ready: Callable[[float], bool],
        clock: Callable[[], float] = monotonic_s,
    ) -> None:
        parts = urlsplit(base_url)
        self._prefix = parts.path.rstrip("/")
        self._key = key
        self._is_ready = is_ready
        self._seen_ready = False
        self._service = _SERVICES.get(name, name)
        self.breaker = CircuitBreaker(name, clock=clock)
        self._pool = urllib3.connection_from_url(
            f"{parts.scheme}://{parts.netloc}", maxsize=POOL_SIZE, block=False, retries=False
        )

    def call(
        self,
        method: str,
        path: str,
        *,
        timeout_s: float,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request through gate and breaker; any status but 502, 503, 504 is an answer.

        Raises: MemoryUnavailable, MemoryLate, MemoryRefused (401, 403 without a reason of ours).
        """
        until_s = monotonic_s() + timeout_s

        def ask() -> Answer:
            self._pass_gate(until_s)
            answer = self.raw(
                method, path, timeout_s=_left(until_s), body=body, query=query, headers=headers
            )
            _refuse_away(answer)
            return answer

        with calling(self._service, method.lower(), path=path) as span:
            answer = self._guarded(ask)
            span.attributes["status"] = answer.status
        if answer.status in {401, 403} and answer.code is None:
            raise MemoryRefused("The brain does not accept the key of this installation.")
        return answer

    def meet(self, timeout_s: float) -> None:
        """Pass the gate without asking anything.  Raises: MemoryUnavailable, MemoryLate."""
        until_s = monotonic_s() + timeout_s
        self._guarded(lambda: self._pass_gate(until_s))

    def _guarded(self, work: Callable[[], R]) -> R:
        """Run `work` under the breaker."""
        try:
            self.breaker.before_call()
        except BreakerOpen as exc:
            msg = "The brain failed repeatedly and is left alone for a moment."
            raise MemoryUnavailable(msg, retry_after=exc.retry_after) from exc
        try:
            result = work()
        except (MemoryUnavailable, MemoryLate):
            self._seen_ready = False
            self.breaker.failure()
            raise
        except MemoryRefused:
            # It answers, so it is there.
            self.breaker.success()
            raise
        self.breaker.success()
        return result

    def _pass_gate(self, until_s: float) -> None:
        if self._seen_ready:
            return
        if not self._is_ready(_left(until_s)):
            raise MemoryUnavailable("The brain says that it is not ready.", retry_after=5)
        self._seen_ready = True

    def raw(
        self,
        method: str,
        path: str,
        *,
        timeout_s: float,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request past gate and breaker.  Raises: MemoryUnavailable, MemoryLate."""
        until_s = monotonic_s() + timeout_s
        given = {name: str(value) for name, value in (query or {}).items() if value is not None}
        url = f"{self._prefix}{path}" + (f"?{urlencode(given)}" if given else "")
        sent = {
            "Authorization": f"Bearer {self._key}",
            "Accept": "application/json",
            "X-Deadline-MS": str(max(1, int(timeout_s * 1000))),
            trace.HEADER: trace.outgoing(),
            **(headers or {}),
        }
        payload = None
        if body is not None:
            payload = wire.dumps(body)
            sent["Content-Type"] = "application/json"
        try:
            response = self._pool.urlopen(
                method,
                url,
                body=payload,
                headers=sent,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(total=max(0.005, timeout_s)),
            )
            try:
                content = _read(response, until_s)
            finally:
                response.release_conn()
        except MemoryLate:
            # A TimeoutError, which is an OSError, which below means something else.
            raise
        except NewConnectionError as exc:
            # Refused, or no such host; urllib3 files this under its timeouts.
            raise MemoryUnavailable("The brain cannot be reached.", retry_after=5) from exc
        except LateError as exc:
            raise MemoryLate from exc
        except (HTTPError, LocationParseError, OSError) as exc:
            msg = "The brain cannot be reached."
            raise MemoryUnavailable(msg, retry_after=5) from exc
        return Answer(response.status, _json(content))


def _refuse_away(answer: Answer) -> None:
    """Take 502, 503 and 504 for what they are.  Raises: MemoryUnavailable, MemoryLate."""
    if answer.status not in _AWAY:
        return
    if answer.code == MemoryLate.code:
        raise MemoryLate
    raise MemoryUnavailable(f"The brain answered {answer.status}.", retry_after=5)


def failure_of(answer: Answer) -> SomaError:
    """Return the error that an answer which is no success stands for."""
    code = answer.code
    known = next((cls for cls in registry() if cls.code == code), None) if code else None
    if known is not None and (known.status < 500 or known.__module__ == "memory.errors"):
        data: dict[str, Any] = answer.data
        names = ("type", "title", "status", "detail", "instance", "code", "retry_after", "errors")
        extra = {name: value for name, value in data.items() if name not in names}
        return known(
            str(data.get("detail", "")),
            retry_after=data.get("retry_after"),
            errors=data.get("errors"),
            **extra,
        )
    if answer.status >= 500:
        return MemoryUnavailable(f"The brain failed ({answer.status}).", retry_after=5)
    return MemoryRefused(f"The brain does not accept this request ({answer.status}).")


def header_of(tenant_id: UUID) -> dict[str, str]:
    """Return the header that names the tenant."""
    return {"X-Tenant-ID": str(tenant_id)}


def _read(response: urllib3.BaseHTTPResponse, until_s: float) -> bytes:
    """Read the body within the deadline: a drip of bytes must not keep the caller."""
    pieces: list[bytes] = []
    size = 0
    for piece in response.stream(_CHUNK_BYTES):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            response.close()
            raise MemoryRefused("The brain sent more than an answer can be.")
        if monotonic_s() > until_s:
            response.close()
            raise MemoryLate
    return b"".join(pieces)


def _json(content: bytes) -> Any:
    try:
        return wire.loads(content)
    except MemoryRefused:
        return None


def _left(until_s: float) -> float:
    left = until_s - monotonic_s()
    if left <= 0:
        raise MemoryLate
    return left
