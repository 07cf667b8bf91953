"""ID tokens that must not be believed."""

import hmac
import time
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from saas.sso import claims
from saas.sso.errors import SsoRefused

ISSUER, CLIENT, NONCE = "https://id.example", "soma", "n-1"
KEY = RSAKey.generate_key(2048, parameters={"kid": "one"})
KEYS = KeySet([RSAKey.import_key(KEY.as_dict(private=False))])


def token(key: Any = KEY, algorithm: str = "RS256", typ: str | None = None, **changes: Any) -> str:
    now = int(time.time())
    body = {
        "iss": ISSUER, "aud": CLIENT, "sub": "7", "nonce": NONCE, "iat": now, "exp": now + 60,
    } | changes  # fmt: skip
    body = {name: value for name, value in body.items() if value is not None}
    header = {"alg": algorithm, "kid": "one"} | ({} if typ is None else {"typ": typ})
    return jwt.encode(header, body, key, algorithms=[algorithm])


def base64_of(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def verify(text: str, keys: KeySet = KEYS) -> dict[str, Any]:
    return claims.verify(text, keys, ISSUER, CLIENT, NONCE)


def test_a_right_token_is_believed_within_thirty_seconds_of_its_end() -> None:
    assert verify(token())["sub"] == "7"
    assert verify(token(exp=int(time.time()) - 20))["sub"] == "7"
    assert verify(token(aud=["another", CLIENT], azp=CLIENT))["sub"] == "7"


@pytest.mark.asvs("10.5.1", "10.5.4")
@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://id.example/"},
        {"iss": [ISSUER]},
        {"aud": "somebody-else"},
        {"aud": ["somebody-else"]},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"aud": None},
        {"exp": int(time.time()) - 31},
        {"exp": None},
        {"iat": int(time.time()) + 300},
        {"nonce": "n-2"},
        {"nonce": None},
        {"sub": None},
        {"nbf": int(time.time()) + 300},
    ],
    ids=str,
)
def test_a_token_for_another_sign_in_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SsoRefused):
        verify(token(**changes))


@pytest.mark.asvs("6.8.2")
def test_signatures_are_made_with_a_key_of_the_issuer() -> None:
    other = RSAKey.generate_key(2048, parameters={"kid": "one"})
    head, body, signature = token().split(".")
    unsigned = base64_of(b'{"alg":"none","kid":"one"}')
    # The public key's own text as a shared secret (RFC 8725, section 2.1).
    shared = base64_of(b'{"alg":"HS256","kid":"one"}')
    mac = hmac.digest(KEY.as_pem(private=False), f"{shared}.{body}".encode(), "sha256")
    for forged in (
        token(other),
        f"{head}.{body}.",
        f"{head}.{body[:-2]}AA.{signature}",
        f"{unsigned}.{body}.",
        f"{shared}.{body}.{base64_of(mac)}",
        "",
        "a.b",
        "a.b.c",
    ):
        with pytest.raises(SsoRefused):
            verify(forged)


def test_other_curves_are_understood() -> None:
    key = ECKey.generate_key("P-256", parameters={"kid": "one"})
    keys = KeySet([ECKey.import_key(key.as_dict(private=False))])
    assert verify(token(key, "ES256"), keys)["sub"] == "7"
    # An algorithm that does not fit the key.
    with pytest.raises(SsoRefused):
        verify(token(), keys)


@pytest.mark.asvs("9.2.2", "10.5.5")
def test_a_logout_token_is_not_an_id_token_and_the_reverse() -> None:
    event = {claims.LOGOUT: {}}

    def logout(typ: str | None = "logout+jwt", **changes: Any) -> str:
        return token(typ=typ, **({"nonce": None, "events": event, "jti": "j"} | changes))

    for typ in ("logout+jwt", "application/logout+jwt", "Logout+JWT"):
        assert claims.verify_logout(logout(typ), KEYS, ISSUER, CLIENT)["sub"] == "7"
    for wrong in (
        token(),
        logout(nonce="n"),
        logout(events=None),
        *(logout(typ) for typ in (None, "", "JWT", "at+jwt", "secevent+jwt")),
        logout(jti=None),
        logout(aud="another"),
        logout(exp=int(time.time()) - 31),
    ):
        with pytest.raises(SsoRefused):
            claims.verify_logout(wrong, KEYS, ISSUER, CLIENT)
    with pytest.raises(SsoRefused):
        verify(logout())
