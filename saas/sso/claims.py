"""Whether an ID token says what it seems to say. Pure: the keys are given.

Source: OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725 (algorithms are ours to choose).
"""

from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from saas.sso.errors import SsoRefused

LEEWAY_S = 30
# How the header names a logout token (section 2.4): no token of another kind passes for one.
_LOGOUT_TYPE = "logout+jwt"
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
# Signatures with a public key alone: never `none`, never a shared secret.
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "EdDSA",
    "Ed25519",
)


def key_id(token: str) -> str | None:
    """Which key the token names. Raises: SsoRefused."""
    kid = _header(token).get("kid")
    return kid if isinstance(kid, str) else None


def verify(token: str, keys: KeySet, issuer: str, client_id: str, nonce: str) -> dict[str, Any]:
    """The claims of an ID token for us, of this sign-in. Raises: SsoRefused."""
    claims = verify_signature(token, keys)
    # An audience of several names who asked (`azp`): that must be us.
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != client_id:
        raise SsoRefused("The token is for somebody else.")
    _for_us(claims, issuer, client_id, nonce={"essential": True, "value": nonce})
    return claims


def verify_logout(token: str, keys: KeySet, issuer: str, client_id: str) -> dict[str, Any]:
    """The claims of a logout token for us that names a person. Raises: SsoRefused.

    Source: OpenID Connect Back-Channel Logout 1.0, section 2.6.
    """
    claims = verify_signature(token, keys)
    named = str(_header(token).get("typ")).lower().removeprefix("application/")
    if named != _LOGOUT_TYPE:
        raise SsoRefused("This is not a token that signs somebody out.")
    events = claims.get("events")
    # An ID token has a nonce and no event: one must never pass for the other.
    if "nonce" in claims or not isinstance(events, dict) or LOGOUT not in events:
        raise SsoRefused("This is not a token that signs somebody out.")
    _for_us(claims, issuer, client_id, jti={"essential": True})
    return claims


def _header(token: str) -> dict[str, Any]:
    try:
        return dict(jws.extract_compact(token.encode()).headers())
    except (JoseError, ValueError) as exc:
        raise SsoRefused("What the provider sent is not a token.") from exc


def _for_us(claims: dict[str, Any], issuer: str, client_id: str, **more: Any) -> None:
    registry = jwt.JWTClaimsRegistry(
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        **more,
    )
    validate(registry, claims)


def verify_signature(token: str, keys: KeySet) -> dict[str, Any]:
    """The claims of a token that one of these keys signed. Raises: SsoRefused."""
    try:
        return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError) as exc:
        raise SsoRefused("The signature of the provider's token is not right.") from exc


def validate(registry: jwt.JWTClaimsRegistry, claims: dict[str, Any]) -> None:
    """Raise SsoRefused unless the claims are as the registry wants them."""
    try:
        registry.validate(claims)
    except JoseError as exc:
        # The name of a claim is ours; its value stays unsaid.
        name = getattr(exc, "claim", "") or str(exc.error)
        raise SsoRefused(f"The provider's token is not for this sign-in ({name}).") from exc
