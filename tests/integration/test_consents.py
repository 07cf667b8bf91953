"""Programs that a person lets in: the question, the answer, codes with PKCE, taking it back."""

import base64
import hashlib
import re
import threading
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.test import Client as Browser

from kernel import clock
from saas.identity import signing
from saas.models import Role
from saas.provisioning import ensure_membership, ensure_person
from tests.support.cast import PASSWORD, Cast
from tests.support.mailbox import mails_to
from tests.support.signed_in import Person, signed_in

ANN = "ann@example.org"
VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
CALLBACK = "http://127.0.0.1:8123/callback"


@pytest.fixture(autouse=True)
def _new_keys() -> None:
    """Keys of an earlier test went with its tables."""
    signing.forget()


def asking(**changes: Any) -> dict[str, Any]:
    """What the program `cli` asks for."""
    asked = {
        "response_type": "code", "client_id": "cli", "redirect_uri": CALLBACK,
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    return asked | changes


def answered(person: Person, *, allow: bool = True, **changes: Any) -> Any:
    return person.post("/auth/authorize", asking(**changes) | {"allow": allow})


def told(answer: Any) -> dict[str, str]:
    """What the browser brings to the program."""
    assert answer.status_code == 200, answer.content
    address, _, query = answer.json()["redirect_to"].partition("?")
    assert address == CALLBACK
    return dict(parse_qsl(query))


def code_for(person: Person, **changes: Any) -> str:
    return told(answered(person, **changes))["code"]


def change(code: str, **changes: str) -> Any:
    """Bring a code to the token endpoint."""
    fields = {
        "grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER,
        "client_id": "cli", "redirect_uri": CALLBACK,
    }  # fmt: skip
    return outside().post("/api/v2/auth/token", fields | changes)


def refreshed(token: str) -> Any:
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    return outside().post("/api/v2/auth/token", fields)


def outside(token: str = "") -> Browser:
    """The program itself: no cookie."""
    headers = {"host": "127.0.0.1"} | ({"Authorization": f"Bearer {token}"} if token else {})
    return Browser(headers=headers)


def me(pair: dict[str, Any]) -> Any:
    return outside(pair["access_token"]).get("/api/v2/auth/me")


def audited(tenant: str = "sysadmin") -> list[tuple[str, dict[str, str]]]:
    entries = signed_in(tenant).get("/audit").json()["items"]
    acts = ("consent.", "session.ended_as_copied")
    return [(one["action"], one["after"]) for one in entries if one["action"].startswith(acts)]


@pytest.mark.asvs("10.7.1", "10.7.2")
def test_the_person_is_told_which_program_wants_what_where_and_how_long(cast: Cast) -> None:
    ann = signed_in("ann")
    question = ann.get("/auth/authorize", **asking(scope="memory:read chat:write")).json()
    assert question == {
        "program": "cli", "place": "127.0.0.1:8123", "tenant": "Acme",
        "scopes": ["chat:write", "memory:read"], "life_hours": 720, "allowed_at": None,
    }  # fmt: skip
    # To be asked gives nothing, however often; nor is it remembered.
    assert ann.get("/auth/consents").json()["items"] == []
    signed_in("sysadmin").put("/auth/policy", {"mfa": "optional", "absolute_hours": 8})
    assert ann.get("/auth/authorize", **asking()).json()["life_hours"] == 8
    code_for(ann)
    # Nobody can vouch for the name of a program: it is asked again, and told of the last time.
    assert ann.get("/auth/authorize", **asking()).json()["allowed_at"] is not None
    assert ann.get("/auth/authorize", **asking(scope="read")).json()["allowed_at"] is None


@pytest.mark.asvs("10.7.1")
def test_without_the_persons_own_act_there_is_no_code(cast: Cast) -> None:
    ann = signed_in("ann")
    body = asking(allow=True)
    assert outside().post("/api/v2/auth/authorize", body, "application/json").status_code == 401
    forged = ann.post("/auth/authorize", body, **{"X-CSRF-Token": "0" * 64})
    assert (forged.status_code, forged.json()["code"]) == (403, "csrf-failed")
    assert ann.post("/auth/authorize", asking()).status_code == 422
    # A program that may everything lets no other in, nor itself for longer.
    program = outside(change(code_for(ann)).json()["access_token"])
    refused = program.post("/api/v2/auth/authorize", body, "application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "program-refused")


@pytest.mark.asvs("10.7.1")
def test_a_refusal_is_told_to_the_program_and_gives_nothing(cast: Cast) -> None:
    ann = signed_in("ann")
    given = told(answered(ann, allow=False, state="abc&d=1", scope="read"))
    assert given == {"error": "access_denied", "state": "abc&d=1", "iss": "http://127.0.0.1:20001"}
    assert ann.get("/auth/consents").json()["items"] == []
    assert audited() == [("consent.refused", {"program": "cli", "scope": "read"})]


@pytest.mark.asvs("10.4.1", "10.4.3", "10.4.6")
def test_a_code_is_changed_by_who_holds_the_verifier(cast: Cast) -> None:
    ann = signed_in("ann")
    given = told(answered(ann, scope="chat:read", state="xyz"))
    assert given["state"] == "xyz"
    pair = change(given["code"]).json()
    assert pair["scope"] == "chat:read"
    assert me(pair).json()["user"]["email"] == ANN
    for wrong in (
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"redirect_uri": CALLBACK + "/"},
        {"client_id": "other"},
    ):
        code = code_for(ann)
        answer = change(code, **wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-grant"), wrong
        # One guess is all there is.
        assert change(code).status_code == 400
    late = code_for(ann)
    with clock.shifted(timedelta(seconds=61)):
        assert change(late).status_code == 400


@pytest.mark.asvs("10.4.1")
@pytest.mark.parametrize(
    "address",
    ["https://evil.example/", "http://127.0.0.1.evil.example/", "javascript:alert(1)",
     "http://evil.example@127.0.0.1.evil.example/", "http://127.0.0.1/#x", "http://127.0.0.1@evil/",
     "http://evil.example\\@127.0.0.1/", "http://127.0.0.1:8123\\@evil.example/", "http://\t127.0.0.1/",
     "http://127.0.0.1:1@evil.example/", "//127.0.0.1/", "http://127.0.0.1/\n"],
)  # fmt: skip
def test_codes_go_to_ones_own_machine_only(cast: Cast, address: str) -> None:
    ann = signed_in("ann")
    for answer in (
        ann.get("/auth/authorize", **asking(redirect_uri=address)),
        answered(ann, redirect_uri=address),
        answered(ann, redirect_uri=address, allow=False),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "redirect-refused")


@pytest.mark.asvs("10.4.6")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "read everything"}, "invalid_scope"),
        ({"scope": "x" * 301}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": CHALLENGE[1:]}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"state": "ä"}, "invalid_request"),
        ({"state": "s" * 501}, "invalid_request"),
    ],
)
def test_what_a_program_asks_wrongly_is_told_to_it(
    cast: Cast, changes: dict[str, str], error: str
) -> None:
    ann = signed_in("ann")
    wrong = asking(**({"state": "a b&c"} | changes))
    for answer in (
        ann.get("/auth/authorize", **wrong),
        ann.post("/auth/authorize", wrong | {"allow": True}),
    ):
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (400, "authorization-request-wrong")
        address, _, query = problem["redirect_to"].partition("?")
        assert address == CALLBACK
        heard = dict(parse_qsl(query))
        # RFC 6749, section 4.1.2.1: no quotes, no backslash.
        assert re.fullmatch(r"[ !#-\[\]-~]+", heard.pop("error_description"))
        assert heard == {"error": error, "state": wrong["state"], "iss": "http://127.0.0.1:20001"}
    assert ann.get("/auth/consents").json()["items"] == []


def test_who_asks_with_a_wrong_client_or_address_is_told_nothing(cast: Cast) -> None:
    ann = signed_in("ann")
    for changes in (
        {"client_id": ""},
        {"client_id": "ä"},
        {"redirect_uri": "https://evil.example/"},
    ):
        for answer in (
            ann.get("/auth/authorize", **asking(scope="wrong", **changes)),
            answered(ann, scope="wrong", **changes),
        ):
            assert answer.status_code in {400, 422}
            assert "redirect_to" not in answer.json()


@pytest.mark.parametrize(
    ("twice", "status", "code"),
    [("scope=read", 400, "authorization-request-wrong"),
     ("redirect_uri=http://127.0.0.1:9/", 400, "redirect-refused"),
     ("client_id=cli", 400, "redirect-refused")],
)  # fmt: skip
def test_a_parameter_comes_once(cast: Cast, twice: str, status: int, code: str) -> None:
    query = f"{urlencode(asking(scope='read'))}&{twice}"
    answer = signed_in("ann").get(f"/auth/authorize?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("address", ["http://[::1]:9/", "http://localhost/a?b=c", CALLBACK])
def test_a_programs_own_query_stays(cast: Cast, address: str) -> None:
    to = answered(signed_in("ann"), redirect_uri=address).json()["redirect_to"]
    assert to.startswith(address)
    query = dict(parse_qsl(urlsplit(to).query))
    assert query.keys() - {"b"} == {"code", "iss"}


@pytest.mark.asvs("10.4.2")
def test_a_second_use_of_a_code_ends_the_tokens_of_the_first(cast: Cast) -> None:
    code = code_for(signed_in("ann"))
    first = change(code).json()
    renewed = refreshed(first["refresh_token"]).json()
    assert me(renewed).status_code == 200
    # Also when the code's own minute is long over, and whatever else comes with it.
    with clock.shifted(timedelta(minutes=10)):
        assert change(code, code_verifier="").json()["code"] == "invalid-grant"
        assert me(renewed).status_code == 401
        assert refreshed(renewed["refresh_token"]).status_code == 400
    assert "session of your account was ended" in mails_to(ANN)[0]
    assert ("session.ended_as_copied", {"program": "cli"}) in audited()


@pytest.mark.asvs("10.4.2")
def test_of_two_who_bring_a_code_at_once_none_keeps_tokens(cast: Cast) -> None:
    from django.db import connections

    code = code_for(signed_in("ann"))
    gate = threading.Barrier(2)
    answers: list[Any] = []

    def bring() -> None:
        gate.wait()
        answers.append(change(code))
        connections.close_all()

    threads = [threading.Thread(target=bring) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.status_code for one in answers) == [200, 400]
    won = next(one for one in answers if one.status_code == 200)
    assert me(won.json()).status_code == 401


@pytest.mark.asvs("10.7.3", "10.4.9")
def test_consents_are_listed_and_taking_one_back_ends_its_tokens_alone(cast: Cast) -> None:
    ann = signed_in("ann")
    reader = change(code_for(ann, scope="read")).json()
    again = change(code_for(ann, scope="read")).json()
    writer = change(code_for(ann, scope="chat:write")).json()
    waiting = code_for(ann, scope="read")
    second, first = ann.get("/auth/consents").json()["items"][::-1]
    # One a program and scope, whichever was answered last on top.
    first, second = sorted((first, second), key=lambda one: one["open_sessions"], reverse=True)
    assert (first["program"], first["tenant"], first["scopes"]) == ("cli", "Acme", ["read"])
    assert (first["open_sessions"], second["open_sessions"]) == (2, 1)
    assert first["last_used_at"] is not None
    # Somebody else's is nobody's.
    bob = signed_in("bob")
    assert bob.get("/auth/consents").json()["items"] == []
    assert bob.delete(f"/auth/consents/{first['id']}").status_code == 404
    assert ann.delete(f"/auth/consents/{first['id']}").status_code == 204
    for pair in (reader, again):
        assert me(pair).status_code == 401
        assert refreshed(pair["refresh_token"]).status_code == 400
    # A code that was on its way is worth nothing either.
    assert change(waiting).json()["code"] == "invalid-grant"
    assert me(writer).status_code == 200
    assert ann.get("/auth/me").status_code == 200
    assert [one["id"] for one in ann.get("/auth/consents").json()["items"]] == [second["id"]]
    assert ann.delete(f"/auth/consents/{first['id']}").status_code == 404
    assert audited()[0][0] == "consent.revoked"


def test_a_program_stays_in_the_organisation_that_was_shown(cast: Cast) -> None:
    ensure_membership(cast.ann.user_id, cast.globex_id, Role.VIEWER)
    ann = signed_in("ann")
    assert ann.post("/auth/tenant", {"tenant_id": str(cast.globex_id)}).status_code == 200
    pair = change(code_for(ann)).json()
    assert me(pair).json()["tenant"]["slug"] == "globex"
    program = outside(pair["access_token"])
    other = program.post(
        "/api/v2/auth/tenant", {"tenant_id": str(cast.acme_id)}, "application/json"
    )
    assert (other.status_code, other.json()["code"]) == (403, "bound-to-tenant")


def test_a_programs_session_is_no_fresher_than_its_persons(cast: Cast) -> None:
    ann = signed_in("ann")
    with clock.shifted(timedelta(minutes=6)):
        pair = change(code_for(ann)).json()
        refused = outside(pair["access_token"]).post(
            "/api/v2/gateway/keys", {"name": "Taken"}, "application/json"
        )
        assert (refused.status_code, refused.json()["code"]) == (403, "step-up-required")


def test_somebody_without_an_organisation_lets_programs_in_too(cast: Cast) -> None:
    ensure_person("loner@example.org", "Lo Ner", password=PASSWORD)
    loner = signed_in("loner")
    assert loner.get("/auth/authorize", **asking()).json()["tenant"] == ""
    for _ in range(2):
        assert change(code_for(loner)).status_code == 200
    (one,) = loner.get("/auth/consents").json()["items"]
    assert (one["tenant"], one["open_sessions"]) == ("", 2)
