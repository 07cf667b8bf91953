"""Requests to addresses that a tenant's admin chose: guarded, short, without redirects.

Every connection is checked with its final address (`kernel.egress`), so that a name which changes
its address leads nowhere else. Proxies of the environment are not used.
"""

import json
import socket
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as LateError

from kernel.egress import EgressRefused, RefusedAddressError, check_base_url, open_socket
from saas.sso.errors import ProviderAway

TIMEOUT_S = 6.0
BODY_LIMIT = 1_000_000
_HEADERS = {"User-Agent": "SomaAgent", "Accept-Encoding": "identity"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class RefusedByProvider(ProviderAway):
    """It answers, with a refusal (4xx): of our client or of what a person brought.

    `error`: the code that it gives for it (RFC 6749, section 5.2), or nothing.
    """

    def __init__(self, detail: str, error: str = "") -> None:
        super().__init__(detail)
        self.error = error


class _Guarded(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        try:
            return _connect(self._dns_host, self.port, float(self.timeout or TIMEOUT_S))
        except TimeoutError as exc:
            raise LateError from exc
        except OSError as exc:
            raise NewConnectionError(self, str(exc)) from exc


class _GuardedTls(_Guarded, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Guarded


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _GuardedTls


_manager = urllib3.PoolManager(num_pools=50, maxsize=2, retries=False)
# Of the operator's own realm, which needs no guard.
_own = urllib3.PoolManager(num_pools=2, maxsize=4, retries=False)
_manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def check_url(url: str) -> None:
    """Refuse what must not be called, before it is saved.

    Plain HTTP is for providers of one's own network, where that is allowed. Raises: EgressRefused.
    """
    allow_private = settings.SOMA.sso_private_addresses
    if urlsplit(url).scheme != "https" and not allow_private:
        raise EgressRefused("The address must start with https://.")
    check_base_url(url, allow_private=allow_private)


def get_json(url: str, headers: Mapping[str, str] | None = None) -> Any:
    """The document at `url`. Raises: ProviderAway."""
    return _json("GET", url, headers or {}, None)


def post_form(url: str, fields: Mapping[str, str]) -> Any:
    """What the endpoint answers to a form. Raises: ProviderAway."""
    return _json("POST", url, {}, dict(fields))


def get_text(url: str) -> str:
    """The text at `url`, at most `BODY_LIMIT` bytes. Raises: ProviderAway."""
    return _fetch("GET", url, {}, None).decode("utf-8", "replace")


def look_at(url: str) -> None:
    """See that a page opens, or leads on. Raises: ProviderAway."""
    _answer("GET", url, {"Accept": "text/html"}, None)


def _json(method: str, url: str, headers: Mapping[str, str], form: dict[str, str] | None) -> Any:
    body = _fetch(method, url, {"Accept": "application/json", **headers}, form)
    try:
        return json.loads(body)
    except ValueError as exc:
        raise ProviderAway(f"{_place(url)} does not answer with JSON.") from exc


def _fetch(method: str, url: str, headers: Mapping[str, str], form: dict[str, str] | None) -> bytes:
    status, body = _answer(method, url, headers, form)
    if status != 200:
        raise ProviderAway(f"{_place(url)} answers with status {status}.")
    return body


def _answer(
    method: str, url: str, headers: Mapping[str, str], form: dict[str, str] | None
) -> tuple[int, bytes]:
    """Status and body of what is no refusal. Raises: RefusedByProvider, ProviderAway."""
    ends_at = time.monotonic() + TIMEOUT_S
    parts = urlsplit(url)
    is_own = _is_own(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and (is_own or settings.SOMA.sso_private_addresses)
    ):
        raise ProviderAway(f"{_place(url)} is not an https:// address.")
    try:
        answer = (_own if is_own else _manager).request(
            method,
            url,
            headers={**_HEADERS, **(_FORM if form is not None else {}), **headers},
            body=None if form is None else urlencode(form),
            redirect=False,
            timeout=TIMEOUT_S,
            preload_content=False,
        )
        body = _read(answer, ends_at)
    except NewConnectionError as exc:
        # Before the others: urllib3 files it under its timeouts.
        raise ProviderAway(_refusal(exc.__cause__, url)) from exc
    except (LateError, TimeoutError) as exc:
        raise ProviderAway(f"{_place(url)} does not answer within {TIMEOUT_S:.0f} s.") from exc
    except SSLError as exc:
        raise ProviderAway(f"The certificate of {_place(url)} is not accepted.") from exc
    except (HTTPError, OSError) as exc:
        raise ProviderAway(f"{_place(url)} breaks off.") from exc
    said = f"{_place(url)} answers with status {answer.status}."
    if 400 <= answer.status < 500:
        raise RefusedByProvider(said, _error_in(body))
    if answer.status >= 500:
        raise ProviderAway(said)
    return answer.status, body


def _error_in(body: bytes) -> str:
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    return str(said.get("error", "")) if isinstance(said, dict) else ""


def _is_own(url: str) -> bool:
    issuer: str = settings.SOMA.keycloak_issuer
    return bool(issuer) and url.startswith(f"{issuer}/")


def _read(answer: urllib3.BaseHTTPResponse, ends_at: float) -> bytes:
    body = b""
    for piece in answer.stream(65_536, decode_content=False):
        body += piece
        if len(body) > BODY_LIMIT or time.monotonic() > ends_at:
            answer.close()
            raise TimeoutError
    answer.release_conn()
    return body


def _connect(host: str, port: int, timeout_s: float) -> socket.socket:
    allow_private = settings.SOMA.sso_private_addresses
    failure: OSError = OSError("no address")
    for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            connection = open_socket(info, allow_private=allow_private)
        except RefusedAddressError as exc:
            failure = exc
            continue
        try:
            connection.settimeout(timeout_s)
            connection.connect(info[4])
        except OSError as exc:
            connection.close()
            failure = exc
            continue
        return connection
    raise failure


def _refusal(cause: BaseException | None, url: str) -> str:
    if isinstance(cause, RefusedAddressError):
        return f"{_place(url)} is at an address that may not be called."
    if isinstance(cause, socket.gaierror):
        return f"There is no host named {urlsplit(url).hostname}."
    return f"{_place(url)} does not accept a connection."


def _place(url: str) -> str:
    """Host and path: nothing else of an address is shown."""
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}"
