"""What the realm must be, and what it takes to make it so. Safe to repeat; tells what it changes.

Owns: `infra/keycloak/realm.json` with our settings filled in. What the file does not name is the
operator's: other clients, user federation, themes, second factors stay as they are.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from saas.keycloak.admin import Admin

FILE = Path(__file__).resolve().parents[2] / "infra" / "keycloak" / "realm.json"
# What each step of Keycloak's sign-in counts as (RFC 8176, section 2), so that a token says it.
REFERENCES = {
    "auth-username-password-form": "pwd",
    "auth-otp-form": "otp",
    "webauthn-authenticator": "hwk",
}
# As long as a session lasts at most: a factor that was shown counts for the whole of it.
_REFERENCE_AGE_S = "1209600"
_NAMES = ("firstName", "lastName")


class Realm:
    """The realm as it is, on the way to what it must be. `is_dry`: looks and changes nothing."""

    def __init__(self, server: Admin, wanted: dict[str, Any], *, is_dry: bool) -> None:
        self._server, self._wanted, self._is_dry = server, wanted, is_dry
        self._path = f"/{quote(wanted['realm'])}"

    def make_so(self) -> Iterator[str]:
        """Each change in words, before it is made. Raises: IdentityAway, KeycloakRefused."""
        server, name = self._server, self._wanted["realm"]
        if server.get(self._path) is None:
            yield f"realm {name}: made"
            if self._is_dry:
                return
            server.post("", self._wanted)
        yield from self._settings()
        for client in self._wanted["clients"]:
            yield from self._client(client)
        for user in self._wanted["users"]:
            yield from self._service_account(user)
        yield from self._references()
        yield from self._profile()

    def _settings(self) -> Iterator[str]:
        wanted = {
            key: value for key, value in self._wanted.items() if key not in {"clients", "users"}
        }
        held = self._server.get(self._path)
        names = differing(held, wanted)
        if names:
            yield f"realm: {', '.join(names)}"
            # A part is enough here: what is not sent stays.
            self._put(self._path, {name: wanted[name] for name in {"realm", *names}})

    def _client(self, wanted: dict[str, Any]) -> Iterator[str]:
        clients = f"{self._path}/clients"
        found = self._server.get(clients, clientId=wanted["clientId"])
        if not found:
            yield f"client {wanted['clientId']}: made"
            if not self._is_dry:
                self._server.post(clients, wanted)
            return
        held = found[0]
        names = differing(held, wanted)
        if names:
            yield f"client {wanted['clientId']}: {', '.join(names)}"
            merged = held | wanted
            merged["attributes"] = held.get("attributes", {}) | wanted["attributes"]
            merged["protocolMappers"] = _with(held.get("protocolMappers", []), wanted)
            self._put(f"{clients}/{held['id']}", merged)
            if "protocolMappers" in names:
                # A change of a client leaves its mappers alone.
                have = {one["name"] for one in held.get("protocolMappers", [])}
                new = [one for one in wanted["protocolMappers"] if one["name"] not in have]
                if new and not self._is_dry:
                    path = f"{clients}/{held['id']}/protocol-mappers/add-models"
                    self._server.post(path, new)

    def _service_account(self, wanted: dict[str, Any]) -> Iterator[str]:
        server, users = self._server, f"{self._path}/users"
        clients = server.get(f"{self._path}/clients", clientId=wanted["serviceAccountClientId"])
        if not clients:
            return
        account = server.get(f"{self._path}/clients/{clients[0]['id']}/service-account-user")
        for client_id, roles in wanted["clientRoles"].items():
            (of,) = server.get(f"{self._path}/clients", clientId=client_id)
            path = f"{users}/{account['id']}/role-mappings/clients/{of['id']}"
            held = {role["name"] for role in server.get(path)}
            lacking = [name for name in roles if name not in held]
            if not lacking:
                continue
            yield f"service account: {', '.join(lacking)}"
            known = server.get(f"{self._path}/clients/{of['id']}/roles")
            if not self._is_dry:
                server.post(path, [role for role in known if role["name"] in lacking])

    def _references(self) -> Iterator[str]:
        flow = f"{self._path}/authentication/flows/{self._flow()}/executions"
        for step in self._server.get(flow):
            value = REFERENCES.get(step.get("providerId", ""))
            if value is None or "authenticationConfig" in step:
                # One that has a configuration is the operator's.
                continue
            yield f"sign-in step {step['providerId']}: counts as {value}"
            config = {
                "default.reference.value": value,
                "default.reference.maxAge": _REFERENCE_AGE_S,
            }
            if not self._is_dry:
                self._server.post(
                    f"{self._path}/authentication/executions/{step['id']}/config",
                    {"alias": f"soma-{value}", "config": config},
                )

    def _profile(self) -> Iterator[str]:
        """One name is enough for a person: nobody is stopped at the door for a second one."""
        path = f"{self._path}/users/profile"
        profile = self._server.get(path)
        asked = [
            one for one in profile["attributes"] if one["name"] in _NAMES and "required" in one
        ]
        if not asked:
            return
        yield f"profile: {' and '.join(one['name'] for one in asked)} may be empty"
        for one in asked:
            del one["required"]
        self._put(path, profile)

    def _flow(self) -> str:
        return quote(str(self._server.get(self._path).get("browserFlow") or "browser"))

    def _put(self, path: str, body: Any) -> None:
        if not self._is_dry:
            self._server.put(path, body)


def wanted_realm(values: Mapping[str, str], smtp_url: str | None, sender: str) -> dict[str, Any]:
    """The file with `${NAME}` replaced, and the mail server where there is one."""
    text = FILE.read_text()
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", json.dumps(value)[1:-1])
    wanted: dict[str, Any] = json.loads(text)
    if smtp_url is not None:
        wanted["smtpServer"] = _smtp(smtp_url, sender)
    return wanted


def differing(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Names of what is not as wanted. Objects may hold more than is wanted of them."""
    return [name for name, value in wanted.items() if not _is_met(held.get(name), value)]


def _is_met(held: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(held, dict) and all(
            _is_met(held.get(name), value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        if all(isinstance(one, dict) for one in wanted):
            return all(any(_is_met(have, one) for have in held or []) for one in wanted)
        return sorted(held or []) == sorted(wanted)
    # Keycloak shows no password that it was given.
    return bool(held in (wanted, "**********"))


def _with(held: list[dict[str, Any]], wanted: dict[str, Any]) -> list[dict[str, Any]]:
    ours = {one["name"]: one for one in wanted["protocolMappers"]}
    return [{**one, **ours.get(one["name"], {})} for one in held]


def _smtp(url: str, sender: str) -> dict[str, str]:
    parts = urlsplit(url)
    name, _, address = sender.rpartition("<")
    found = {
        "host": parts.hostname or "",
        "port": str(parts.port or (465 if parts.scheme == "smtps" else 587)),
        "from": address.rstrip(">"),
        "fromDisplayName": name.strip(),
        "ssl": str(parts.scheme == "smtps").lower(),
        "starttls": str(parts.scheme == "smtp+starttls").lower(),
        "auth": str(bool(parts.username)).lower(),
    }
    if parts.username:
        found |= {"user": parts.username, "password": parts.password or ""}
    return found
