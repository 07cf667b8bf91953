"""Keycloak's administration over HTTP: one token, short deadlines, two kinds of failure.

The address is the operator's own, so no guard stands before it. Source: Keycloak's Admin REST API;
OAuth 2.0 client credentials (RFC 6749, section 4.4).
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import HTTPError

from saas.identity.port import IdentityAway

TIMEOUT_S = 5.0
# A token that ends while it travels is worth nothing.
SPARE_S = 10.0
PAGE = 100
_ANSWERS = {"GET": 404, "DELETE": 404, "POST": 409, "PUT": 409}
_GONE = frozenset({502, 503, 504})


class KeycloakRefused(IdentityAway):
    """It answers, and does not do it: a right that our client lacks, or its own trouble."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(f"Keycloak answers {what} with status {status}.", retry_after=15)
        self.answer = status


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks. With `password` a person of the realm `master`, else our client of the realm."""

    client_id: str
    secret: str = ""
    username: str = ""
    password: str = ""


class Admin:
    """Calls below `/admin/realms/<realm>`; safe on several threads."""

    def __init__(self, url: str, realm: str, login: Login, *, timeout_s: float = TIMEOUT_S) -> None:
        self.url, self.realm = url.rstrip("/"), realm
        self._login, self._timeout_s = login, timeout_s
        self._pool = urllib3.PoolManager(num_pools=2, maxsize=4, retries=False)
        self._token, self._ends_at = "", 0.0
        self._lock = threading.Lock()

    @property
    def issuer(self) -> str:
        """The realm's."""
        return f"{self.url}/realms/{self.realm}"

    def get(self, path: str, **query: str | int) -> Any:
        """What is there; None where nothing is. Raises: IdentityAway, KeycloakRefused."""
        asked = f"{path}?{urlencode(query)}" if query else path
        status, body = self._call("GET", asked, None)
        return None if status == 404 else body

    def pages(self, path: str) -> list[dict[str, Any]]:
        """All rows of a list. Raises: as `get`."""
        found: list[dict[str, Any]] = []
        while True:
            rows = self.get(path, first=len(found), max=PAGE) or []
            found += rows
            if len(rows) < PAGE:
                return found

    def post(self, path: str, body: Any = None) -> bool:
        """Make something; False where it is there already. Raises: as `get`."""
        return self._call("POST", path, body)[0] != 409

    def put(self, path: str, body: Any = None) -> bool:
        """Change or add something; as `post`."""
        return self._call("PUT", path, body)[0] != 409

    def delete(self, path: str) -> bool:
        """Remove something; False where it was not there. Raises: as `get`."""
        return self._call("DELETE", path, None)[0] != 404

    def _call(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        url = f"{self.url}/admin/realms{'/' + quote(self.realm) if self.realm else ''}{path}"
        for is_last in (False, True):
            headers = {"Authorization": f"Bearer {self._bearer()}"}
            status, answer = self._send(method, url, headers, body)
            if status != 401 or is_last:
                break
            self._token = ""
        # Nothing is there, or it is there already: answers, where that is what was to be found out.
        if status >= 400 and status != _ANSWERS[method]:
            raise KeycloakRefused(status, f"{method} {path.partition('?')[0]}")
        return status, answer

    def _bearer(self) -> str:
        with self._lock:
            if not self._token or time.monotonic() > self._ends_at:
                self._token, life_s = self._new_token()
                self._ends_at = time.monotonic() + life_s - SPARE_S
            return self._token

    def _new_token(self) -> tuple[str, float]:
        login = self._login
        realm = "master" if login.password else self.realm
        form = {"client_id": login.client_id, "grant_type": "client_credentials"}
        if login.password:
            form |= {"grant_type": "password", "username": login.username}
            form["password"] = login.password
        else:
            form["client_secret"] = login.secret
        url = f"{self.url}/realms/{quote(realm)}/protocol/openid-connect/token"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, answer = self._send("POST", url, headers, urlencode(form))
        if status != 200:
            raise KeycloakRefused(status, f"the sign-in of {login.username or login.client_id}")
        return str(answer["access_token"]), float(answer["expires_in"])

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: Any
    ) -> tuple[int, Any]:
        sent = dict(headers)
        if body is not None and not isinstance(body, str):
            body, sent["Content-Type"] = json.dumps(body), "application/json"
        elif isinstance(body, str) and "Content-Type" not in sent:
            # A bare id: what adding a member to an organisation takes.
            sent["Content-Type"] = "application/json"
        try:
            answer = self._pool.request(
                method, url, headers=sent, body=body, redirect=False, timeout=self._timeout_s
            )
        except (HTTPError, OSError) as exc:
            raise IdentityAway("Keycloak does not answer.", retry_after=5) from exc
        if answer.status in _GONE:
            raise IdentityAway("Keycloak is not ready.", retry_after=5)
        try:
            return answer.status, json.loads(answer.data) if answer.data else None
        except ValueError:
            return answer.status, None
