"""Out to a provider and back: where the browser is sent, and what its answer is exchanged for.

Authorization code with PKCE (RFC 7636, S256 alone). The redirect address is fixed by the
configuration; no part of a request goes into it. GitHub has no ID token: its API is asked.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from saas.sso import claims, discovery, web
from saas.sso.errors import ProviderAway, SsoRefused

CALLBACK = "/api/v2/auth/oauth/callback"
GOOGLE = "https://accounts.google.com"
# OpenID Connect Core 1.0, section 2.
SUBJECT_MAX = 255
SCOPE = "openid email profile"
_GITHUB_SCOPE = "read:user user:email"
_GITHUB_AUTHORIZE = "https://github.com/login/oauth/authorize"
_GITHUB_TOKEN = "https://github.com/login/oauth/access_token"  # noqa: S105  # an address
_GITHUB_API = "https://api.github.com"
# Of RFC 8176: the provider asked for more than one factor.
_SEVERAL_FACTORS = frozenset({"mfa", "otp", "hwk", "swk"})


@dataclass(frozen=True, slots=True)
class Client:
    """What we are to a provider. `issuer` empty: GitHub."""

    issuer: str
    client_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Bound:
    """What ties an answer to the browser that asked."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a provider says of a person."""

    subject: str
    email: str
    is_verified: bool
    name: str
    is_strong: bool = False
    # When the person proved it there (`auth_time`); None: it does not say.
    at: datetime | None = None
    # The session there (`sid`), and the organisations that it counts the person among.
    session: str = ""
    organisations: tuple[str, ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        """Of RFC 8176, section 2, which has no word for a sign-in elsewhere."""
        return ("fed", "mfa") if self.is_strong else ("fed",)


def redirect_uri() -> str:
    """Where providers send people back: the one address to register there."""
    return f"{settings.SOMA.effective_public_url}{CALLBACK}"


def authorize_url(client: Client, scope: str, bound: Bound, *, is_anew: bool = False) -> str:
    """Where the browser goes. `is_anew`: whoever is signed in there proves it again.

    Raises: ProviderAway.
    """
    challenge = hashlib.sha256(bound.verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": redirect_uri(),
        "scope": scope if client.issuer else _GITHUB_SCOPE,
        "state": bound.state,
        "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    if not client.issuer:
        return f"{_GITHUB_AUTHORIZE}?{urlencode(query)}"
    endpoint = discovery.metadata(client.issuer).authorization_endpoint
    separator = "&" if "?" in endpoint else "?"
    query["nonce"] = bound.nonce
    if is_anew:
        query["prompt"] = "login"
    return f"{endpoint}{separator}{urlencode(query)}"


def redeem(client: Client, code: str, bound: Bound) -> Assertion:
    """What the provider says of whoever brought `code`. Raises: ProviderAway, SsoRefused."""
    if not client.issuer:
        return _of_github(_tokens(_GITHUB_TOKEN, client, code, bound))
    place = discovery.metadata(client.issuer)
    tokens = _tokens(place.token_endpoint, client, code, bound)
    token = tokens.get("id_token")
    if not isinstance(token, str):
        raise SsoRefused("The provider sent no ID token.")
    keys = discovery.keys(place.jwks_uri, claims.key_id(token))
    said = claims.verify(token, keys, client.issuer, client.client_id, bound.nonce)
    if "email" not in said and place.userinfo_endpoint:
        said = _with_userinfo(said, place.userinfo_endpoint, tokens)
    return assertion_of(said)


def assertion_of(said: dict[str, Any]) -> Assertion:
    """The claims that we use (OpenID Connect Core, section 5.1)."""
    methods, at = said.get("amr"), said.get("auth_time")
    if not 0 < len(said["sub"]) <= SUBJECT_MAX or not said["sub"].isprintable():
        raise SsoRefused("The provider names nobody.")
    return Assertion(
        subject=said["sub"],
        email=str(said.get("email") or ""),
        # Some send it as text; anything else does not count as confirmed.
        is_verified=said.get("email_verified") in (True, "true"),
        name=str(said.get("name") or said.get("preferred_username") or ""),
        is_strong=isinstance(methods, list) and not _SEVERAL_FACTORS.isdisjoint(map(str, methods)),
        at=datetime.fromtimestamp(at, UTC) if isinstance(at, int) else None,
        session=str(said.get("sid") or ""),
        organisations=_names(said.get("organization")),
    )


def _names(organisations: object) -> tuple[str, ...]:
    """Their aliases: a list, or with more of each an object by alias."""
    return tuple(map(str, organisations)) if isinstance(organisations, list | dict) else ()


def try_secret(client: Client, bound: Bound) -> str:
    """The error that the provider answers to a code that nobody was given. Raises: ProviderAway."""
    endpoint = _GITHUB_TOKEN
    if client.issuer:
        endpoint = discovery.metadata(client.issuer).token_endpoint
    try:
        answer = web.post_form(endpoint, _form(client, "a-code-of-nobody", bound))
    except web.RefusedByProvider as exc:
        return exc.error
    return str(answer.get("error", "")) if isinstance(answer, dict) else ""


def _tokens(endpoint: str, client: Client, code: str, bound: Bound) -> dict[str, Any]:
    try:
        answer = web.post_form(endpoint, _form(client, code, bound))
    except web.RefusedByProvider as exc:
        raise SsoRefused("The provider does not accept the code, or our client's secret.") from exc
    if not isinstance(answer, dict) or "error" in answer:
        raise SsoRefused("The provider does not accept the code, or our client's secret.")
    return answer


def _form(client: Client, code: str, bound: Bound) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(),
        "client_id": client.client_id,
        "client_secret": client.secret,
        "code_verifier": bound.verifier,
    }


def _with_userinfo(said: dict[str, Any], url: str, tokens: dict[str, Any]) -> dict[str, Any]:
    more = web.get_json(url, _bearer(tokens))
    # Section 5.3.2: another subject is another person.
    if not isinstance(more, dict) or more.get("sub") != said["sub"]:
        raise SsoRefused("The provider spoke of two different people.")
    return {"email": more.get("email"), "email_verified": more.get("email_verified"), **said}


def _of_github(tokens: dict[str, Any]) -> Assertion:
    user = web.get_json(f"{_GITHUB_API}/user", _bearer(tokens))
    addresses = web.get_json(f"{_GITHUB_API}/user/emails", _bearer(tokens))
    if not isinstance(user, dict) or not isinstance(addresses, list) or "id" not in user:
        raise ProviderAway("GitHub does not say who this is.")
    rows = [row for row in addresses if isinstance(row, dict)]
    primary: dict[str, Any] = next((row for row in rows if row.get("primary")), {})
    return Assertion(
        subject=str(user["id"]),
        email=str(primary.get("email") or ""),
        is_verified=primary.get("verified") is True,
        name=str(user.get("name") or user.get("login") or ""),
    )


def _bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.get('access_token')}"}
