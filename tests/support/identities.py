"""The adapters of the identity port as a test drives them: who may sign in, and what is mailed."""

import json
import socketserver
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import httpx
from django.conf import settings
from django.core.management import call_command
from pydantic import SecretStr

from kernel.errors import SomaError
from saas.identity import verbs
from saas.identity.embedded import EmbeddedIdentity
from saas.identity.passwords import hash_password
from saas.identity.port import IDENTITY, Identity
from saas.identity.sessions import Visitor
from saas.keycloak.identity import KeycloakIdentity
from saas.models import User
from saas.sso import flow
from saas.sso.doors import PLATFORM_DOOR
from saas.sso.errors import SsoNotForYou, SsoRefused
from saas.sso.exchange import CALLBACK
from somaagent.services.keycloak import PASSWORD as ADMIN_PASSWORD
from somaagent.wiring import identity_of
from tests.support.keycloak import CLIENT_SECRET, Realm, fill_in, sign_in_at
from tests.support.mailbox import mails_to

VISITOR = Visitor("127.0.0.1", "a test", "a device")


class Place(Protocol):
    """A place that keeps accounts."""

    identity: Identity

    def set_password(self, email: str, password: str) -> None:
        """As the person would, who has chosen one."""

    def sign_in(self, email: str, password: str) -> verbs.SignIn | None:
        """The whole way; None: refused."""

    def mails(self, email: str) -> list[str]:
        """What the person was sent, newest first."""


class Embedded:
    """Accounts of this platform."""

    def __init__(self) -> None:
        self.identity = EmbeddedIdentity()

    def set_password(self, email: str, password: str) -> None:
        rows = User.objects.using("platform").filter(email__iexact=email)
        assert rows.update(password_hash=hash_password(password))

    def sign_in(self, email: str, password: str) -> verbs.SignIn | None:
        try:
            found = verbs.sign_in(email, password, VISITOR)
        except SomaError:
            return None
        assert isinstance(found, verbs.SignIn)
        return found

    def mails(self, email: str) -> list[str]:
        return mails_to(email)


class Keycloak:
    """Accounts of a realm of its own, made by `keycloak_sync`."""

    def __init__(self, base: str, public_url: str | None = None) -> None:
        self.realm = Realm(base, f"r-{uuid.uuid4().hex[:8]}")
        self.letters = Letters()
        self.env = {
            "SA01_IDENTITY_ADAPTER": "keycloak",
            "SA01_KEYCLOAK_URL": base,
            "SA01_KEYCLOAK_REALM": self.realm.name,
            "SA01_KEYCLOAK_CLIENT_SECRET": CLIENT_SECRET,
            "SA01_KEYCLOAK_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "SA01_SMTP_URL": f"smtp://127.0.0.1:{self.letters.port}",
        }
        # What these variables make of the settings of a process that runs already.
        self.config = settings.SOMA.model_copy(
            update={
                "identity_adapter": "keycloak",
                "keycloak_url": base,
                "keycloak_realm": self.realm.name,
                "keycloak_client_secret": SecretStr(CLIENT_SECRET),
                "keycloak_admin_password": SecretStr(ADMIN_PASSWORD),
                "smtp_url": SecretStr(self.env["SA01_SMTP_URL"]),
                "public_url": public_url,
                # The operator's own realm needs no permission to be at a private address.
                "sso_private_addresses": False,
            }
        )
        made = identity_of(self.config)
        assert isinstance(made, KeycloakIdentity)
        self.identity = made

    def sync(self, *options: str) -> list[str]:
        """`keycloak_sync`, and what it said."""
        out = StringIO()
        with settings_of(self.config), kept_by(self.identity):
            call_command("keycloak_sync", *options, stdout=out)
        return out.getvalue().splitlines()

    def tidy(self) -> None:
        """Nobody has an account but the cast; what is said of them is made so by comparing."""
        self.letters.taken.clear()
        for row in self.identity.admin.pages("/users"):
            if not row.get("email", "").endswith("@example.org"):
                self.identity.admin.delete(f"/users/{row['id']}")

    def add_member(
        self,
        slug: str,
        email: str,
        name: str = "",
        password: str = "",
        *,
        is_verified: bool = True,
    ) -> None:
        """As an administrator of Keycloak would, without asking us."""
        subject = self.identity.ensure(email, name).subject
        if password:
            self.set_password(email, password)
        path = f"/{self.realm.name}/users/{subject}"
        row = self.realm.admin("GET", path).json()
        self.realm.admin("PUT", path, {**row, "emailVerified": is_verified})
        self.identity.admin.post(f"{self._organisation(slug)}/members", subject)

    def remove_member(self, slug: str, subject: str) -> None:
        self.identity.admin.delete(f"{self._organisation(slug)}/members/{subject}")

    def _organisation(self, slug: str) -> str:
        (row,) = self.identity.admin.get("/organizations", search=slug, exact="true")
        return f"/organizations/{row['id']}"

    def set_password(self, email: str, password: str) -> None:
        found = self.identity.find(email)
        assert found is not None
        self.realm.admin(
            "PUT",
            f"/{self.realm.name}/users/{found.subject}/reset-password",
            {"type": "password", "value": password, "temporary": False},
        )

    def add_app(self, email: str, name: str, password: str, secret: str) -> None:
        """A person whose sign-in asks for a code as well."""
        otp = {"digits": 6, "period": 30, "algorithm": "HmacSHA1", "subType": "totp"}
        self.identity.admin.post(
            "/users",
            {
                "username": email,
                "email": email,
                "emailVerified": True,
                "enabled": True,
                "firstName": name,
                "credentials": [
                    {"type": "password", "value": password, "temporary": False},
                    {
                        "type": "otp",
                        "secretData": json.dumps({"value": secret}),
                        "credentialData": json.dumps(otp),
                    },
                ],
            },
        )

    def sign_in(self, email: str, password: str, code: str = "") -> verbs.SignIn | None:
        with httpx.Client(timeout=30) as browser:
            return self.sign_in_with(browser, email, password, code)

    def sign_in_with(
        self, browser: httpx.Client, email: str, password: str, code: str = ""
    ) -> verbs.SignIn | None:
        """The whole way; `browser` keeps what Keycloak gave it."""
        url = flow.begin(PLATFORM_DOOR, "/", "a browser", "127.0.0.1")
        page = browser.get(url)
        back = page if page.status_code == 302 else sign_in_at(browser, url, email, password)
        if code:
            back = fill_in(browser, back, {"otp": code})
        if CALLBACK not in back.headers.get("location", ""):
            return None
        brought = {
            name: values[0]
            for name, values in parse_qs(urlsplit(back.headers["location"]).query).items()
        }
        returned = flow.Returned(brought["state"], brought.get("code", ""), brought.get("iss", ""))
        try:
            found = flow.finish(returned, "a browser", VISITOR).found
        except (SsoNotForYou, SsoRefused):
            return None
        assert isinstance(found, verbs.SignIn)
        return found

    def mails(self, email: str) -> list[str]:
        return [text for to, text in reversed(self.letters.taken) if to == email]


class Letters:
    """A mail server that keeps what it is given: [(recipient, text)]."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        taken = self.taken

        class Talk(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 here\r\n")
                to = ""
                while line := self.rfile.readline().decode().strip():
                    word = line[:4].upper()
                    if word == "DATA":
                        self.wfile.write(b"354 go on\r\n")
                        taken.append((to, self._text()))
                    elif word == "RCPT":
                        to = line[line.index("<") + 1 : line.index(">")]
                    self.wfile.write(b"221 bye\r\n" if word == "QUIT" else b"250 yes\r\n")
                    if word == "QUIT":
                        return

            def _text(self) -> str:
                lines: list[str] = []
                while (line := self.rfile.readline().decode("utf-8", "replace")) != ".\r\n":
                    lines.append(line)
                return "".join(lines)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def kept_by(identity: Identity) -> Iterator[Identity]:
    """This process's accounts are kept there."""
    before = IDENTITY.get()
    IDENTITY.bind(identity)
    try:
        yield identity
    finally:
        IDENTITY.bind(before)


@contextmanager
def settings_of(config: Any) -> Iterator[None]:
    """This process has these settings."""
    before = settings.SOMA
    settings.SOMA = config
    try:
        yield
    finally:
        settings.SOMA = before
