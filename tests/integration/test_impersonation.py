"""Acting as somebody: who may, for how long, what it does not reach, and who reads of it."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections
from websockets.exceptions import ConnectionClosed

from chat.consumers import NOT_SIGNED_IN
from kernel import clock
from kernel.db import platform_unit, unit_of_work
from saas.audit.verifying import verify
from saas.identity import impersonation, sessions, signing
from saas.identity.models import IdentityPolicy
from saas.identity.policy import SignInPolicy, set_sign_in_policy
from saas.models import AuditEntry, Membership, Role, Session, User
from saas.people.members import suspend_person
from saas.provisioning import ensure_person
from tests.support.cast import PASSWORD, Cast
from tests.support.mailbox import mails_to
from tests.support.signed_in import Person, signed_in
from tests.support.web import Client, Web, eventually

WHY = "The invoice page shows nothing, ticket 4711"


def asked(admin: Any, cast: Cast, user_id: UUID | None = None, reason: str = WHY) -> Any:
    body = {
        "tenant_id": str(cast.acme_id),
        "user_id": str(user_id or cast.ann.user_id),
        "reason": reason,
    }
    return admin.post("/saas/impersonations", body)


def begin(admin: Person, cast: Cast, user_id: UUID | None = None) -> dict[str, Any]:
    """Act as Ann, or another: the browser is hers from now on."""
    found = asked(admin, cast, user_id).json()
    answer = admin.post(f"/saas/impersonations/{found['id']}/begin")
    assert answer.status_code == 200, answer.content
    me: dict[str, Any] = answer.json()["me"]
    admin.client.defaults["HTTP_X_CSRF_TOKEN"] = me["csrf_token"]
    return {"id": found["id"], "me": me}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def second_admin() -> Person:
    ensure_person("second@example.org", "Second", password=PASSWORD, is_platform_admin=True)
    return signed_in("second")


def forbid(cast: Cast) -> None:
    set_sign_in_policy(cast.sysadmin, SignInPolicy(allows_impersonation=False))


def test_an_admin_acts_as_a_person_and_both_are_on_the_record(cast: Cast) -> None:
    admin = signed_in("platform")
    me = begin(admin, cast, cast.admin.user_id)["me"]
    assert me["user"]["email"] == "admin@example.org"
    assert me["acted_by"]["email"] == "platform@example.org"
    assert (me["tenant"]["slug"], me["user"]["is_platform_admin"]) == ("acme", False)
    assert admin.post("/agents", {"name": "Made for them"}).status_code == 201
    # They see who is there in their name, beside their own session.
    seen = signed_in("admin").get("/auth/sessions").json()["items"]
    assert sorted(one["acted_by"] for one in seen) == ["", "Platform"]

    log = signed_in("sysadmin").get("/audit").json()["items"]
    made, begun, wanted = log[:3]
    assert (made["action"], made["actor_email"], made["as_user_email"]) == (
        "agent.created", "platform@example.org", "admin@example.org",
    )  # fmt: skip
    assert [begun["action"], wanted["action"]] == ["impersonation.begun", "impersonation.asked"]
    assert begun["after"]["reason"] == WHY
    assert begun["as_user_id"] is None
    of_them = signed_in("sysadmin").get("/audit", actor_id=str(cast.admin.user_id)).json()["items"]
    assert made["id"] in {one["id"] for one in of_them}
    assert verify(cast.acme_id).problem == ""

    answer = admin.post("/saas/impersonations/return")
    assert answer.json()["user"]["email"] == "platform@example.org"
    assert answer.json()["acted_by"] is None
    admin.client.defaults["HTTP_X_CSRF_TOKEN"] = answer.json()["csrf_token"]
    (row,) = admin.get("/saas/impersonations").json()["items"]
    assert (row["status"], row["ended_why"]) == ("ended", "button")
    assert len(signed_in("admin").get("/auth/sessions").json()["items"]) == 2


def test_what_is_the_persons_own_is_refused_with_the_reason(cast: Cast) -> None:
    admin = signed_in("platform")
    begin(admin, cast, cast.sysadmin.user_id)
    policy = {"mfa": "off", "allows_impersonation": True}
    for answer in (
        admin.get("/auth/mfa"),
        admin.post("/auth/mfa/setup"),
        admin.get("/auth/passkeys"),
        admin.post("/auth/passkeys/ask"),
        admin.get("/auth/sessions"),
        admin.post("/auth/sessions/end-others"),
        admin.get("/auth/history"),
        admin.post("/auth/password", {"current": PASSWORD, "new": "another orchard in the sun"}),
        admin.post("/auth/email", {"email": "mine@example.org"}),
        admin.patch("/auth/profile", {"display_name": "Not Ann"}),
        admin.post("/auth/step-up", {"password": PASSWORD}),
        admin.post("/auth/tenant", {"tenant_id": str(cast.acme_id)}),
        admin.post(
            "/auth/authorize",
            {
                "client_id": "x", "redirect_uri": "http://127.0.0.1:1/", "code_challenge": "a" * 43,
                "allow": True,
            },
        ),
        admin.put("/auth/policy", policy),
        admin.get("/gateway/keys"),
        admin.post("/gateway/keys", {"name": "Mine"}),
        admin.get("/sso/providers"),
        admin.post("/invitations/accept", {"token": "x"}),
    ):  # fmt: skip
        assert code(answer) == (403, "refused-while-acting")
        assert "End acting first" in answer.json()["detail"]
    # Nor does acting give the admin's own account rights, or lead to a third person.
    body = {"role": "sysadmin"}
    assert admin.put(f"/people/{cast.platform.user_id}/roles", body).status_code == 403
    assert asked(admin, cast, cast.bob.user_id).status_code == 403
    assert admin.get("/saas/tenants").status_code == 403


def test_who_may_not_and_as_whom_not(cast: Cast) -> None:
    assert asked(signed_in("sysadmin"), cast).status_code == 403
    admin = signed_in("platform")
    second_admin()
    second = User.objects.get(email="second@example.org")
    with platform_unit("test") as alias:
        Membership.objects.using(alias).create(
            user_id=second.id, tenant_id=cast.acme_id, role=Role.ADMIN
        )
    assert code(asked(admin, cast, second.id)) == (403, "impersonation-refused")
    assert code(asked(admin, cast, cast.stranger.user_id)) == (404, "person-unknown")
    assert code(asked(admin, cast, reason="  x ")) == (422, "validation")
    assert code(asked(admin, cast, reason="x" * 301)) == (422, "validation")
    assert code(asked(admin, cast, reason="nul \x00 byte")) == (422, "unstorable-text")
    unknown = admin.post(f"/saas/impersonations/{uuid4()}/begin")
    assert code(unknown) == (404, "impersonation-unknown")
    found = asked(admin, cast).json()
    # A colleague does not begin what this admin asked for, and nobody begins it twice.
    assert signed_in("second").post(f"/saas/impersonations/{found['id']}/begin").status_code == 404
    with clock.shifted(timedelta(minutes=6)):
        assert code(asked(admin, cast)) == (403, "step-up-required")
        again = admin.post(f"/saas/impersonations/{found['id']}/begin")
        assert code(again) == (403, "step-up-required")
    with clock.shifted(timedelta(minutes=61)):
        late = signed_in("platform").post(f"/saas/impersonations/{found['id']}/begin")
        assert code(late) == (409, "impersonation-over")


def test_of_two_that_begin_at_once_one_does(cast: Cast) -> None:
    admin = signed_in("platform")
    found = asked(admin, cast).json()
    actor = sessions.authenticate(admin.client.cookies[sessions.COOKIE].value, "")

    def once(_: int) -> bool:
        try:
            return bool(impersonation.begin(actor, UUID(found["id"])).secret)
        except impersonation.ImpersonationOver:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(once, range(2))) == [False, True]


def test_it_ends_by_time_and_says_so(cast: Cast) -> None:
    admin = signed_in("platform")
    begin(admin, cast)
    with clock.shifted(timedelta(minutes=59)):
        assert admin.get("/auth/me").status_code == 200
    with clock.shifted(timedelta(minutes=60, seconds=1)):
        assert code(admin.get("/auth/me")) == (401, "impersonation-ended")
        assert impersonation.close_due() == 1
        assert impersonation.close_due() == 0
        back = admin.post("/saas/impersonations/return")
        assert back.json()["user"]["email"] == "platform@example.org"
        # The secret of the hour leads back once.
        (ended,) = signed_in("sysadmin").get("/audit", action="impersonation.ended").json()["items"]
        assert ended["after"]["why"] == "time"


ENDINGS: dict[str, Callable[[dict[str, Any], Cast], Any]] = {
    "the admin signs out elsewhere": lambda _, cast: signed_in("platform").post(
        "/auth/sessions/end-others"
    ),
    "the admin is none any more": lambda _, cast: _set(cast.platform, is_platform_admin=False),
    "the admin is closed": lambda _, cast: _set(cast.platform, is_active=False),
    "the person signs out": lambda _, cast: signed_in("ann").post("/auth/logout"),
    "the person is suspended": lambda _, cast: suspend_person(
        cast.sysadmin, cast.ann.user_id, "gone"
    ),
    "the person becomes a platform admin": lambda _, cast: _set(cast.ann, is_platform_admin=True),
    "the organisation forbids it": lambda _, cast: forbid(cast),
    "a colleague ends it": lambda begun, cast: impersonation.end(cast.platform, UUID(begun["id"])),
}


def _set(actor: Any, **fields: bool) -> None:
    with platform_unit("test") as alias:
        User.objects.using(alias).filter(id=actor.user_id).update(**fields)


@pytest.mark.parametrize("how", ENDINGS)
def test_it_ends_with_either_ones_session_or_right(cast: Cast, how: str) -> None:
    # The last platform admin stays one.
    ensure_person("second@example.org", "Second", password=PASSWORD, is_platform_admin=True)
    admin = signed_in("platform")
    begun = begin(admin, cast)
    ENDINGS[how](begun, cast)
    assert code(admin.get("/auth/me")) == (401, "impersonation-ended"), how
    impersonation.close_due()
    with unit_of_work(cast.acme):
        assert AuditEntry.objects.filter(action="impersonation.ended").count() == 1


def test_signing_out_while_acting_ends_both_sessions(cast: Cast) -> None:
    admin = signed_in("platform")
    begin(admin, cast)
    secret = admin.client.cookies[sessions.COOKIE].value
    assert admin.post("/auth/logout").status_code == 204
    admin.client.cookies[sessions.COOKIE] = secret
    assert admin.post("/saas/impersonations/return").status_code == 401
    assert not Session.objects.filter(user_id=cast.platform.user_id, ended_at=None).exists()


def test_the_way_back_is_for_the_browser_that_acts_and_works_once(cast: Cast) -> None:
    admin = signed_in("platform")
    begin(admin, cast)
    secret = admin.client.cookies[sessions.COOKIE].value
    assert admin.post("/saas/impersonations/return").status_code == 200
    admin.client.cookies[sessions.COOKIE] = secret
    assert admin.post("/saas/impersonations/return").status_code == 401
    # A session in which nobody acts leads nowhere; nor does a foreign page.
    assert signed_in("ann").post("/saas/impersonations/return").status_code == 401
    foreign = signed_in("platform")
    begin(foreign, cast)
    answer = foreign.post("/saas/impersonations/return", Origin="https://evil.example")
    assert code(answer) == (403, "csrf-failed")


def test_where_it_is_forbidden_a_second_admin_has_to_approve(cast: Cast) -> None:
    forbid(cast)
    admin, second = signed_in("platform"), second_admin()
    found = asked(admin, cast).json()
    assert found["status"] == "waiting"
    assert "second platform admin" in mails_to("second@example.org")[-1]
    assert "/platform/acting" in mails_to("second@example.org")[-1]
    path, this = f"/saas/impersonations/{found['id']}", found["id"]
    assert code(admin.post(f"{path}/begin")) == (409, "impersonation-over")
    assert code(admin.post(f"{path}/approve")) == (403, "impersonation-refused")
    assert signed_in("sysadmin").post(f"{path}/approve").status_code == 403
    assert second.post(f"/saas/impersonations/{this}/approve").json()["status"] == "ready"
    assert code(second.post(f"{path}/approve")) == (409, "impersonation-over")
    begun = admin.post(f"{path}/begin")
    assert begun.status_code == 200
    assert admin.get("/auth/me").json()["user"]["email"] == "ann@example.org"
    acts = [
        (one["action"], one["actor_name"])
        for one in signed_in("sysadmin").get("/audit", action="impersonation").json()["items"]
    ]
    assert acts == [
        ("impersonation.begun", "Platform"),
        ("impersonation.approved", "Second"),
        ("impersonation.asked", "Platform"),
    ]
    # What nobody approves ends after a day; what is refused is over.
    again = asked(second, cast).json()
    assert second.post(f"/saas/impersonations/{again['id']}/end").json()["status"] == "ended"
    assert code(second.post(f"/saas/impersonations/{again['id']}/end")) == (
        409, "impersonation-over",
    )  # fmt: skip


def test_a_setting_that_changed_after_the_request_counts(cast: Cast) -> None:
    admin = signed_in("platform")
    found = asked(admin, cast).json()
    forbid(cast)
    answer = admin.post(f"/saas/impersonations/{found['id']}/begin")
    assert code(answer) == (403, "impersonation-refused")


def test_a_second_factor_that_the_organisation_asks_for_is_asked_of_the_admin(cast: Cast) -> None:
    with platform_unit("test") as alias:
        IdentityPolicy.objects.using(alias).create(tenant_id=cast.acme_id, mfa="required")
    admin = signed_in("platform")
    found = asked(admin, cast).json()
    path = f"/saas/impersonations/{found['id']}/begin"
    assert code(admin.post(path)) == (403, "second-factor-required")
    Session.objects.filter(user_id=cast.platform.user_id).update(is_strong=True)
    assert admin.post(path).status_code == 200


def test_a_program_gets_a_token_that_names_both_people(cast: Cast) -> None:
    signing.forget()
    form = {"grant_type": "password", "username": "platform@example.org", "password": PASSWORD}
    browser = signed_in("ann").client.__class__(headers={"host": "127.0.0.1"})

    def call(method: str, path: str, token: str, body: Any = None) -> Any:
        content = {} if body is None else {"data": body, "content_type": "application/json"}
        send = getattr(browser, method)
        return send(f"/api/v2{path}", headers={"Authorization": f"Bearer {token}"}, **content)

    own = browser.post("/api/v2/auth/token", form | {"scope": "saas:write agents:read"}).json()
    wanted = {
        "tenant_id": str(cast.acme_id), "user_id": str(cast.ann.user_id), "reason": WHY,
    }  # fmt: skip
    found = call("post", "/saas/impersonations", own["access_token"], wanted).json()
    begun = call("post", f"/saas/impersonations/{found['id']}/begin", own["access_token"]).json()
    token = begun["access_token"]
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert claims["sub"] == str(cast.ann.user_id)
    assert claims["act"] == {"sub": str(cast.platform.user_id)}
    assert claims["scope"] == "agents:read saas:write"
    assert call("get", "/agents", token).status_code == 200
    assert code(call("get", "/chat/conversations", token)) == (403, "insufficient-scope")
    ended = call("post", f"/saas/impersonations/{found['id']}/end", own["access_token"])
    assert ended.json()["ended_why"] == "button"
    assert call("get", "/agents", token).status_code == 401


def test_the_people_of_a_tenant_are_listed_for_platform_admins_alone(cast: Cast) -> None:
    admin = signed_in("platform")
    acme = str(cast.acme_id)
    page = admin.get("/saas/impersonations/people", tenant_id=acme, limit=2).json()
    rest = admin.get("/saas/impersonations/people", tenant_id=acme, cursor=page["next"]).json()
    names = [one["display_name"] for one in page["items"] + rest["items"]]
    assert names == ["Sysadmin", "Admin", "Ann", "Bob", "Viewer"]
    found = admin.get("/saas/impersonations/people", tenant_id=acme, q="an").json()["items"]
    assert [one["email"] for one in found] == ["ann@example.org"]
    tenants_own = signed_in("sysadmin")
    assert tenants_own.get("/saas/impersonations/people", tenant_id=acme).status_code == 403


def test_chat_works_while_acting_and_its_socket_ends_with_it(web: Web, cast: Cast) -> None:
    admin, ann = Client(web, "platform"), Client(web, "ann")
    conversation = ann.conversation("Hers")
    found = asked(admin, cast).json()
    me = admin.post(f"/saas/impersonations/{found['id']}/begin").json()["me"]
    admin.http.headers["X-CSRF-Token"] = me["csrf_token"]
    with admin.socket() as opened:
        hello = opened.until("connected")[-1]["payload"]
        assert hello["user_id"] == str(cast.ann.user_id)
        opened.send("conversation.watch", conversation_id=conversation)
        opened.until("watching")
        assert admin.post("/saas/impersonations/return").status_code == 200

        def is_closed() -> bool:
            try:
                opened.raw.recv(0.2)
            except TimeoutError:
                return False
            except ConnectionClosed:
                return True
            return False

        eventually(is_closed, "the socket outlived the acting")
    assert opened.raw.close_code == NOT_SIGNED_IN
