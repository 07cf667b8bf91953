"""Tokens of programs: what is refused, scopes, rotation, reuse, codes with PKCE."""

import base64
import json
import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client as Browser
from django.test import override_settings
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from kernel import clock
from saas.identity import signing, tokens
from saas.models import Role
from saas.provisioning import ensure_membership
from tests.support.cast import PASSWORD, Cast
from tests.support.mailbox import mails_to
from tests.support.signed_in import signed_in

ANN = "ann@example.org"
ME = "/api/v2/auth/me"


@pytest.fixture(autouse=True)
def _new_keys() -> None:
    """Keys of an earlier test went with its tables."""
    signing.forget()


def browser() -> Browser:
    return Browser(headers={"host": "127.0.0.1"})


def grant(**fields: str) -> Any:
    return browser().post("/api/v2/auth/token", fields)


def pair(scope: str = "") -> dict[str, Any]:
    answer = grant(grant_type="password", username=ANN, password=PASSWORD, scope=scope)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def bearer(token: str, path: str = ME, method: str = "get", body: Any = None) -> Any:
    call = getattr(browser(), method)
    content = {} if body is None else {"data": body, "content_type": "application/json"}
    return call(path, headers={"Authorization": f"Bearer {token}"}, **content)


def forged(token: str, key: Any = None, algorithm: str = signing.ALGORITHM, **claims: Any) -> str:
    """The token with other claims, signed by `key` (default: our own)."""
    header = json.loads(_part(token, 0))
    known = json.loads(_part(token, 1)) | claims
    key = key or signing.current_key()[1]
    return jwt.encode(header | {"alg": algorithm}, known, key, algorithms=[algorithm])


def _part(token: str, number: int) -> bytes:
    part = token.split(".")[number]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _sealed(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.asvs("9.2.4")
def test_an_access_token_is_taken_wherever_the_cookie_is(cast: Cast) -> None:
    token = pair()["access_token"]
    assert bearer(token).json()["user"]["email"] == ANN
    assert bearer(token, "/api/v2/agents").status_code == 200
    # Nothing ambient is sent, so that no CSRF token is asked for.
    named = bearer(token, "/api/v2/auth/profile", "patch", {"display_name": "Ann B."})
    assert named.status_code == 200
    claims = json.loads(_part(token, 1))
    assert set(claims) == {
        "iss", "aud", "sub", "tid", "sid", "jti", "scope", "amr", "iat", "exp",
    }  # fmt: skip
    assert claims["exp"] - claims["iat"] == 900
    keys = browser().get("/.well-known/jwks.json")
    assert "d" not in keys.json()["keys"][0]
    public = OKPKey.import_key(keys.json()["keys"][0])
    assert jwt.decode(token, public, algorithms=[signing.ALGORITHM]).claims == claims


@pytest.mark.asvs("9.1.1", "9.1.2", "9.1.3", "9.2.1", "9.2.3", "10.3.1", "10.3.3")
def test_forged_and_foreign_tokens_are_refused(cast: Cast) -> None:
    token = pair()["access_token"]
    header, claims = json.loads(_part(token, 0)), json.loads(_part(token, 1))
    public = signing.current_key()[1].as_dict(private=False)
    secret = OctKey.import_key(json.dumps(public).encode())
    raw = OctKey.import_key(base64.urlsafe_b64decode(public["x"] + "="))
    stranger = OKPKey.generate_key("Ed25519")
    bad = {
        "no algorithm": f"{_sealed(header | {'alg': 'none'})}.{_sealed(claims)}.",
        "public key as secret": forged(token, secret, "HS256"),
        "raw public key as secret": forged(token, raw, "HS256"),
        "another key": forged(token, stranger),
        "issuer": forged(token, iss="https://evil.example"),
        "audience": forged(token, aud="https://evil.example"),
        "tenant": forged(token, tid=str(cast.globex_id)),
        "no tenant": forged(token, tid=None),
        "person": forged(token, sub=str(cast.bob.user_id)),
        "session": forged(token, sid=str(uuid4())),
        "no session": forged(token, sid=None),
        "expired": forged(token, exp=claims["iat"] - tokens.LEEWAY_S - 1),
        "from the future": forged(token, iat=claims["iat"] + 120),
        "signature": token[:-6] + "AAAAAA",
        "payload": ".".join((token.split(".")[0], _sealed(claims | {"scope": "x"}), "AA")),
        "nothing": "",
        "words": "not.a.token",
        "bytes": "\x00\xff.\x00.\x00",
    }
    for name, one in bad.items():
        answer = bearer(one)
        assert (answer.status_code, answer["content-type"]) == (
            401, "application/problem+json",
        ), name  # fmt: skip


@pytest.mark.asvs("9.2.1")
def test_a_clock_that_is_off_a_little_is_forgiven_and_no_more(cast: Cast) -> None:
    token = pair()["access_token"]
    life, leeway = timedelta(minutes=15), timedelta(seconds=tokens.LEEWAY_S)
    with clock.shifted(life + leeway - timedelta(seconds=2)):
        assert bearer(token).status_code == 200
    with clock.shifted(life + leeway + timedelta(seconds=2)):
        assert bearer(token).status_code == 401


def test_a_header_names_no_tenant(cast: Cast) -> None:
    token = pair()["access_token"]
    for who in (browser(), signed_in("ann").client):
        headers = {"X-Tenant-ID": str(cast.globex_id), "Authorization": f"Bearer {token}"}
        answer = who.get(ME, headers=headers)
        assert answer.json()["tenant"]["slug"] == "acme"


@pytest.mark.asvs("7.4.1", "10.4.9")
def test_a_token_ends_with_its_session_and_with_its_tenant(cast: Cast) -> None:
    ensure_membership(cast.ann.user_id, cast.globex_id, Role.VIEWER)
    given = pair()
    token = given["access_token"]
    there = bearer(token, "/api/v2/auth/tenant", "post", {"tenant_id": str(cast.globex_id)})
    assert there.status_code == 200
    assert bearer(token).status_code == 401
    fresh = browser().post(
        "/api/v2/auth/refresh",
        {"refresh_token": given["refresh_token"]},
        content_type="application/json",
    )
    token = fresh.json()["access_token"]
    assert bearer(token).json()["tenant"]["slug"] == "globex"
    assert bearer(token, "/api/v2/auth/logout", "post").status_code == 204
    assert bearer(token).status_code == 401


@pytest.mark.asvs("10.4.4")
def test_passwords_are_exchanged_only_where_the_platform_allows_it(cast: Cast) -> None:
    closed = settings.SOMA.model_copy(update={"password_grant": False})
    with override_settings(SOMA=closed):
        for password in (PASSWORD, "wrong"):
            answer = grant(grant_type="password", username=ANN, password=password)
            assert (answer.status_code, answer.json()["code"]) == (400, "unsupported-grant-type")
    # It was no failure of Ann's: her door stays open.
    assert pair()["scope"] == "all"


@pytest.mark.asvs("10.3.2")
@pytest.mark.parametrize(
    ("scope", "reads", "writes"),
    [("all", True, True), ("read", True, False), ("memory:read", False, False),
     ("chat:write", True, True), ("chat:read", True, False)],
)  # fmt: skip
def test_a_scope_narrows_what_a_token_may(
    cast: Cast, scope: str, reads: bool, writes: bool
) -> None:
    token = pair(scope)["access_token"]
    assert bearer(token).status_code == 200
    seen = bearer(token, "/api/v2/chat/conversations")
    assert (seen.status_code == 200) is reads
    made = bearer(token, "/api/v2/chat/conversations", "post", {"agent_id": str(uuid4())})
    assert (made.status_code == 404) is writes
    if scope != "all":
        # A ticket, a session or a factor would give more than the token has.
        for path in ("/api/v2/auth/ws-ticket", "/api/v2/auth/mfa/disable"):
            refused = bearer(token, path, "post")
            assert (refused.status_code, refused.json()["code"]) == (403, "insufficient-scope")


def test_an_unknown_scope_is_named(cast: Cast) -> None:
    answer = grant(grant_type="password", username=ANN, password=PASSWORD, scope="everything")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-scope")


@pytest.mark.asvs("10.4.5")
def test_a_refresh_token_works_once_and_its_copy_ends_the_session(cast: Cast) -> None:
    first = pair("read")
    second = grant(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["scope"] == "read"
    assert bearer(second["access_token"]).status_code == 200
    with clock.shifted(timedelta(seconds=6)):
        copied = grant(grant_type="refresh_token", refresh_token=first["refresh_token"])
        assert (copied.status_code, copied.json()["code"]) == (400, "invalid-grant")
    assert bearer(second["access_token"]).status_code == 401
    ended = grant(grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert ended.status_code == 400
    assert "session of your account was ended" in mails_to(ANN)[0]


def test_of_two_refreshes_at_the_same_time_one_wins_and_the_session_lives(cast: Cast) -> None:
    from django.db import connections

    token = pair()["refresh_token"]
    gate = threading.Barrier(8)
    answers: list[Any] = []

    def use() -> None:
        gate.wait()
        answers.append(grant(grant_type="refresh_token", refresh_token=token))
        connections.close_all()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [one for one in answers if one.status_code == 200]
    assert len(won) == 1
    assert {one.status_code for one in answers} == {200, 400}
    assert bearer(won[0].json()["access_token"]).status_code == 200


@pytest.mark.asvs("10.4.8")
def test_a_refresh_token_outlives_idleness_and_ends_after_thirty_days(cast: Cast) -> None:
    token = pair()["refresh_token"]
    with clock.shifted(timedelta(days=29)):
        token = grant(grant_type="refresh_token", refresh_token=token).json()["refresh_token"]
    with clock.shifted(timedelta(days=30, minutes=1)):
        ended = grant(grant_type="refresh_token", refresh_token=token)
        assert ended.status_code == 400


@pytest.mark.asvs("6.3.4")
def test_a_second_factor_is_asked_of_programs_too(cast: Cast) -> None:
    from tests.integration.test_identity import with_app

    totp, _ = with_app(signed_in("ann"))
    fields = {"grant_type": "password", "username": ANN, "password": PASSWORD}
    assert grant(**fields).json()["code"] == "invalid-code"
    given = grant(**fields, otp=totp.at(clock.now()))
    assert json.loads(_part(given.json()["access_token"], 1))["amr"] == ["pwd", "otp", "mfa"]


def test_keys_are_rotated_with_overlap(cast: Cast) -> None:
    old = pair()["access_token"]
    new_kid = signing.rotate()
    kids = {one["kid"] for one in signing.jwks()["keys"]}
    assert new_kid in kids
    assert len(kids) == 2
    # Published, and not signing yet: who keeps the keys for ten minutes knows it in time.
    assert json.loads(_part(pair()["access_token"], 0))["kid"] != new_kid
    with clock.shifted(signing.JWKS_LIFE + timedelta(seconds=1)):
        signing.forget()
        fresh = pair()["access_token"]
        assert json.loads(_part(fresh, 0))["kid"] == new_kid
        assert bearer(old).status_code == 200
    with clock.shifted(timedelta(minutes=40)):
        signing.forget()
        signing.rotate()
        assert bearer(old).status_code == 401
        assert len(signing.jwks()["keys"]) == 2
