"""Passkeys over HTTP: made, shown as first and second factor, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from saas.identity import passkeys
from tests.integration.test_identity import anyone, login, with_app
from tests.support.authenticator import Authenticator
from tests.support.cast import Cast
from tests.support.signed_in import Person, signed_in


def made_by(person: Person, key: Authenticator) -> Any:
    asked = person.post("/auth/passkeys/ask").json()
    body = {"challenge": asked["challenge"], "credential": key.make(asked["options"])}
    return person.post("/auth/passkeys", body | {"name": "My key"})


def key_of(person: Person, *, is_verifying: bool = True) -> Authenticator:
    key = Authenticator(passkeys.origins()[0], is_verifying=is_verifying)
    assert made_by(person, key).status_code == 200
    return key


def shown(key: Authenticator, challenge: str | None = None) -> Any:
    browser = anyone()
    asked = browser.post("/auth/login/passkey/ask", {"challenge": challenge}).json()
    body = {"challenge": asked["challenge"], "credential": key.show(asked["options"])}
    return browser.post("/auth/login/passkey", body)


def test_a_passkey_that_verifies_its_user_signs_in_alone(cast: Cast) -> None:
    ann = signed_in("ann")
    key = key_of(ann)
    answer = shown(key)
    assert (answer.status_code, answer.json()["user"]["email"]) == (200, "ann@example.org")
    [item] = ann.get("/auth/passkeys").json()["items"]
    assert item["name"] == "My key"
    assert item["last_used_at"] is not None
    # Strong enough for a tenant that asks for two factors.
    signed_in("sysadmin").put("/auth/policy", {"mfa": "required"})
    assert shown(key).json()["must_enrol"] is False


def test_after_a_password_a_passkey_is_the_second_factor_of_its_owner_only(cast: Cast) -> None:
    key, foreign = key_of(signed_in("ann")), key_of(signed_in("bob"))
    first = login(anyone())
    assert first.status_code == 202
    assert first.json()["methods"] == ["passkey", "recovery"]
    assert shown(foreign, first.json()["challenge"]).json()["code"] == "passkey-refused"
    assert shown(key, first.json()["challenge"]).status_code == 200


def test_a_passkey_without_verification_is_one_factor(cast: Cast) -> None:
    ann = signed_in("ann")
    key = key_of(ann, is_verifying=False)
    assert shown(key).status_code == 200
    with_app(ann)
    assert shown(key).json()["methods"] == ["code", "recovery"]


@pytest.mark.parametrize(
    "change",
    [{"origin": "https://evil.example"}, {"origin": "http://localhost:1"},
     {"rp_id": "evil.example"}],
)  # fmt: skip
def test_a_passkey_of_another_place_is_refused(cast: Cast, change: dict[str, str]) -> None:
    ann = signed_in("ann")
    key = key_of(ann)
    for name, value in change.items():
        setattr(key, name, value)
    assert shown(key).json()["code"] == "passkey-refused"
    other = Authenticator(**({"origin": passkeys.origins()[0]} | change))
    assert made_by(ann, other).json()["code"] == "passkey-refused"


def test_a_challenge_is_answered_once_and_in_time(cast: Cast) -> None:
    key = key_of(signed_in("ann"))
    browser = anyone()
    asked = browser.post("/auth/login/passkey/ask", {}).json()
    body = {"challenge": asked["challenge"], "credential": key.show(asked["options"])}
    assert browser.post("/auth/login/passkey", body).status_code == 200
    assert browser.post("/auth/login/passkey", body).json()["code"] == "passkey-refused"
    asked = browser.post("/auth/login/passkey/ask", {}).json()
    body = {"challenge": asked["challenge"], "credential": key.show(asked["options"])}
    with clock.shifted(timedelta(minutes=6)):
        assert browser.post("/auth/login/passkey", body).json()["code"] == "passkey-refused"


def test_a_copied_passkey_is_noticed_by_its_counter(cast: Cast) -> None:
    key = key_of(signed_in("ann"))
    assert shown(key).status_code == 200
    key.count = 0
    assert shown(key).json()["code"] == "passkey-refused"


def test_nonsense_is_refused_and_not_an_error(cast: Cast) -> None:
    browser = anyone()
    for credential in ({}, {"rawId": "!"}, {"rawId": "AAAA", "response": {}}, {"id": None}):
        asked = browser.post("/auth/login/passkey/ask", {}).json()
        body = {"challenge": asked["challenge"], "credential": credential}
        answer = browser.post("/auth/login/passkey", body)
        assert (answer.status_code, answer.json()["code"]) == (401, "passkey-refused")


def test_a_passkey_confirms_who_one_is_and_is_removed(cast: Cast) -> None:
    ann = signed_in("ann")
    key, foreign = key_of(ann), key_of(signed_in("bob"))
    passkey_id = ann.get("/auth/passkeys").json()["items"][0]["id"]
    with clock.shifted(timedelta(minutes=6)):
        assert ann.delete(f"/auth/passkeys/{passkey_id}").json()["code"] == "step-up-required"
        for one, expected in ((foreign, 401), (key, 200)):
            asked = anyone().post("/auth/login/passkey/ask", {}).json()
            body = {"challenge": asked["challenge"], "credential": one.show(asked["options"])}
            assert ann.post("/auth/step-up/passkey", body).status_code == expected
        assert ann.delete(f"/auth/passkeys/{passkey_id}").status_code == 204
    assert shown(key).json()["code"] == "passkey-refused"
    assert login(anyone()).status_code == 200
