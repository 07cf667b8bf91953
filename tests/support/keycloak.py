"""A realm of a real Keycloak for one test file, and its sign-in page as a browser uses it."""

import html
import re
import time
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx

from somaagent.services.keycloak import ADMIN, PASSWORD

CLIENT_ID = "somaagent"
CLIENT_SECRET = "a-secret-of-the-client"
# Of people in the realm.
PERSON_PASSWORD = "the lantern under the stairs"


@dataclass(frozen=True)
class Realm:
    """One realm. `issuer`: as its discovery document says it."""

    base: str
    name: str

    @property
    def issuer(self) -> str:
        return f"{self.base}/realms/{self.name}"

    def admin(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """An act of administration; fails when it is refused."""
        answer = httpx.request(
            method,
            f"{self.base}/admin/realms{path}",
            json=body,
            headers={"Authorization": f"Bearer {_token(self.base, int(time.monotonic()) // 30)}"},
            timeout=60,
        )
        assert answer.status_code < 300, (path, answer.status_code, answer.text)
        return answer

    def add_person(self, email: str, *, is_verified: bool = True) -> None:
        name = email.partition("@")[0]
        self.admin(
            "POST",
            f"/{self.name}/users",
            {
                "username": name,
                "email": email,
                "emailVerified": is_verified,
                "enabled": True,
                "firstName": name.title(),
                "lastName": "Keys",
                "credentials": [{"type": "password", "value": PERSON_PASSWORD, "temporary": False}],
            },
        )

    def tell_of_sign_outs(self, url: str) -> None:
        """Let Keycloak tell `url` of everybody who signs out (back-channel logout)."""
        (client,) = self.admin("GET", f"/{self.name}/clients?clientId={CLIENT_ID}").json()
        client["attributes"]["backchannel.logout.url"] = url
        client["attributes"]["backchannel.logout.session.required"] = "true"
        self.admin("PUT", f"/{self.name}/clients/{client['id']}", client)

    def sign_out(self, username: str) -> None:
        (user,) = self.admin("GET", f"/{self.name}/users?exact=true&username={username}").json()
        self.admin("POST", f"/{self.name}/users/{user['id']}/logout")


@lru_cache(maxsize=1)
def _token(base: str, _: int) -> str:
    """Of the administrator, good for a minute; asked for anew every half of one."""
    form = {"grant_type": "password", "client_id": "admin-cli", "username": ADMIN}
    url = f"{base}/realms/master/protocol/openid-connect/token"
    answer = httpx.post(url, data={**form, "password": PASSWORD}, timeout=30)
    return str(answer.json()["access_token"])


def realm_at(base: str, redirect_uri: str) -> Realm:
    """A new realm with a confidential client that comes back to `redirect_uri`."""
    realm = Realm(base, f"r-{uuid.uuid4().hex[:8]}")
    client = {
        "clientId": CLIENT_ID,
        "secret": CLIENT_SECRET,
        "redirectUris": [redirect_uri],
        "publicClient": False,
        "standardFlowEnabled": True,
        "attributes": {"pkce.code.challenge.method": "S256"},
    }
    realm.admin(
        "POST",
        "",
        {"realm": realm.name, "enabled": True, "sslRequired": "none", "clients": [client]},
    )
    return realm


def sign_in_at(
    browser: httpx.Client, url: str, username: str, password: str = PERSON_PASSWORD
) -> httpx.Response:
    """Fill in Keycloak's page at `url`; its redirect back to us, which is not followed."""
    page = browser.get(url)
    assert page.status_code == 200, (page.status_code, page.text[:500])
    _trust_plain_line(browser)
    if 'name="password"' not in page.text:
        # Where there are organisations the address is asked for first.
        page = fill_in(browser, page, {"username": username})
    if 'name="password"' not in page.text:
        return page
    return fill_in(browser, page, {"username": username, "password": password})


def fill_in(browser: httpx.Client, page: httpx.Response, form: dict[str, str]) -> httpx.Response:
    """Send the form of a page of Keycloak."""
    found = re.search(r'action="([^"]+)"', page.text)
    assert found is not None, page.text[:2000]
    answer = browser.post(html.unescape(found[1]), data=form)
    _trust_plain_line(browser)
    return answer


def _trust_plain_line(browser: httpx.Client) -> None:
    for cookie in browser.cookies.jar:
        # On this machine's own address browsers take a plain line for a secure one.
        cookie.secure = False
