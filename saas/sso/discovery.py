"""What an issuer says of itself, and its keys: fetched once, kept for a while.

Source: OpenID Connect Discovery 1.0, sections 3 and 4.3; RFC 7517; RFC 8414.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from saas.sso import web
from saas.sso.errors import ProviderAway

WELL_KNOWN = "/.well-known/openid-configuration"
KNOWN_FOR_S = 3600.0
# A key id that nobody knows makes us look again, at most this often.
KEYS_AGAIN_AFTER_S = 10.0
# What is kept is small; this only keeps a flood of issuers from growing without end.
_MOST = 1000
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")

_lock = threading.Lock()
_metadata: dict[str, tuple[float, "Metadata"]] = {}
_keys: dict[str, tuple[float, dict[str, Any]]] = {}


@dataclass(frozen=True, slots=True)
class Metadata:
    """The endpoints of an issuer."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    can_s256: bool = True


def metadata(issuer: str) -> Metadata:
    """The issuer's endpoints. One that is away now is taken as it was. Raises: ProviderAway."""
    known = _metadata.get(issuer)
    if known is not None and time.monotonic() - known[0] < KNOWN_FOR_S:
        return known[1]
    try:
        return renewed(issuer)
    except ProviderAway:
        if known is None:
            raise
        return known[1]


def renewed(issuer: str) -> Metadata:
    """The issuer's endpoints as they are now, remembered from now on. Raises: ProviderAway."""
    found = read_metadata(issuer)
    _keep(_metadata, issuer, found)
    return found


def read_metadata(issuer: str) -> Metadata:
    """The issuer's endpoints as they are now. Raises: ProviderAway saying what is wrong."""
    document = web.get_json(issuer.rstrip("/") + WELL_KNOWN)
    if not isinstance(document, dict):
        raise ProviderAway("The discovery document is not an object.")
    if document.get("issuer") != issuer:
        # Section 4.3: exactly equal, or somebody speaks for somebody else.
        raise ProviderAway("The discovery document is of another issuer than the one entered.")
    lacking = [name for name in NEEDED if not _is_address(document.get(name))]
    if lacking:
        raise ProviderAway(f"The discovery document lacks {', '.join(lacking)}.")
    methods = document.get("code_challenge_methods_supported", ["S256"])
    userinfo = document.get("userinfo_endpoint")
    authorize, token, jwks = (str(document[name]) for name in NEEDED)
    return Metadata(
        issuer,
        authorize,
        token,
        jwks,
        userinfo_endpoint=str(userinfo) if _is_address(userinfo) else "",
        can_s256=isinstance(methods, list) and "S256" in methods,
    )


def keys(jwks_uri: str, kid: str | None) -> KeySet:
    """The issuer's keys that sign, looked up again when none is `kid`. Raises: ProviderAway."""
    known = _keys.get(jwks_uri)
    age = time.monotonic() - known[0] if known is not None else KNOWN_FOR_S
    is_known = known is not None and (kid is None or kid in known[1])
    if known is None or age >= KNOWN_FOR_S or (not is_known and age >= KEYS_AGAIN_AFTER_S):
        try:
            found = read_keys(jwks_uri)
        except ProviderAway:
            if known is None or not is_known:
                raise
            found = known[1]
        else:
            _keep(_keys, jwks_uri, found)
    else:
        found = known[1]
    return KeySet(list(found.values()))


def read_keys(jwks_uri: str) -> dict[str, Any]:
    """{key id: public key} of those that sign and that we understand. Raises: ProviderAway."""
    document = web.get_json(jwks_uri)
    rows = document.get("keys") if isinstance(document, dict) else None
    found: dict[str, Any] = {}
    for row in rows if isinstance(rows, list) else []:
        # A shared secret has no place among public keys: nothing may be verified with it.
        if not isinstance(row, dict) or row.get("kty") == "oct" or row.get("use", "sig") != "sig":
            continue
        try:
            key = JWKRegistry.import_key(row)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        found[str(row.get("kid", len(found)))] = key
    if not found:
        raise ProviderAway("The issuer publishes no key that signs.")
    return found


def forget() -> None:
    """Look everything up again."""
    _metadata.clear()
    _keys.clear()


def _keep(where: dict[str, Any], name: str, found: object) -> None:
    with _lock:
        if len(where) >= _MOST:
            where.clear()
        where[name] = (time.monotonic(), found)


def _is_address(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "http://"))
