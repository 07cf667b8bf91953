"""Signing in and out, lock-out, CSRF, first password, tenants, cookies."""

from datetime import timedelta

import httpx
import pytest

from kernel import clock
from saas.errors import InvalidCredentials, LockedOut
from saas.identity import lockout, passwords, verbs
from saas.identity.sessions import Visitor
from saas.models import Membership, Role, SignInAttempt, Tenant, User
from saas.provisioning import ensure_membership, ensure_person
from tests.support.cast import PASSWORD, Cast
from tests.support.web import Client, Web


@pytest.mark.asvs("10.1.1")
def test_a_correct_password_opens_a_session_that_me_knows(web: Web, cast: Cast) -> None:
    client = Client(web)
    door = client.get("/auth/entrance").json()
    assert door == {
        "name": "", "sign_in": "", "account": "", "is_away": False, "has_registration": False
    }  # fmt: skip
    answer = client.sign_in("ANN@example.org ", PASSWORD)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    me = client.get("/auth/me").json()
    assert me["user"]["email"] == "ann@example.org"
    assert me["tenant"]["slug"] == "acme"
    assert me["role"] == "member"
    assert "tenant.use" in me["permissions"]
    assert "tenant.administrate" not in me["permissions"]


@pytest.mark.asvs("7.2.1", "7.4.1")
def test_signing_out_ends_the_session_for_good(web: Web, cast: Cast) -> None:
    client = Client(web, "ann")
    stolen = dict(client.http.cookies)
    assert client.post("/auth/logout").status_code == 204
    again = httpx.get(f"{web.base}/api/v2/auth/me", cookies=stolen)
    assert (again.status_code, again.json()["code"]) == (401, "unauthenticated")


def test_unknown_account_and_wrong_password_get_the_same_answer(web: Web, cast: Cast) -> None:
    client = Client(web)
    wrong = client.sign_in("ann@example.org", "not the password")
    unknown = client.sign_in("nobody@example.org", "not the password")
    for answer in (wrong, unknown):
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
    same = {key: value for key, value in wrong.json().items() if key != "instance"}
    assert same == {key: value for key, value in unknown.json().items() if key != "instance"}


@pytest.mark.asvs("6.3.1")
@pytest.mark.parametrize("email", ["ann@example.org", "nobody@example.org"])
def test_five_failures_lock_even_the_right_password_until_the_window_is_over(
    cast: Cast, email: str
) -> None:
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            verbs.sign_in(email, "wrong", Visitor("10.0.0.1"))
    with pytest.raises(LockedOut) as refused:
        verbs.sign_in(email, PASSWORD, Visitor("10.0.0.1"))
    assert 0 < refused.value.retry_after <= 900
    # From another address the owner still gets in: nobody can lock a colleague out.
    if email.startswith("ann"):
        assert verbs.sign_in(email, PASSWORD, Visitor("10.0.0.2")).actor.role == "member"
        with clock.shifted(timedelta(minutes=15, seconds=1)):
            assert verbs.sign_in(email, PASSWORD, Visitor("10.0.0.1")).actor.role == "member"


@pytest.mark.asvs("6.3.1")
def test_an_address_that_tries_many_accounts_is_locked(cast: Cast) -> None:
    for number in range(29):
        account = lockout.account_key(f"user{number}@example.org")
        lockout.record(account, "10.0.0.9", succeeded=False)
    with pytest.raises(InvalidCredentials):
        verbs.sign_in("user30@example.org", "wrong", Visitor("10.0.0.9"))
    with pytest.raises(LockedOut):
        verbs.sign_in("ann@example.org", PASSWORD, Visitor("10.0.0.9"))


def test_a_success_starts_the_count_again(cast: Cast) -> None:
    account = lockout.account_key("ann@example.org")
    for _ in range(3):
        for _ in range(4):
            lockout.record(account, "10.0.0.3", succeeded=False)
        verbs.sign_in("ann@example.org", PASSWORD, Visitor("10.0.0.3"))


def test_attempts_store_no_address_of_a_stranger(cast: Cast) -> None:
    with pytest.raises(InvalidCredentials):
        verbs.sign_in("secret-name@example.org", "wrong", Visitor("10.0.0.1"))
    assert "secret-name" not in str(SignInAttempt.objects.values().get())


def test_writing_without_the_csrf_token_is_refused(web: Web, cast: Cast) -> None:
    client, other = Client(web, "ann"), Client(web, "bob")
    body = {"agent_id": client.agent_id()}
    for token in ("", "0" * 64, other.me["csrf_token"]):
        answer = client.http.post("/chat/conversations", json=body, headers={"X-CSRF-Token": token})
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf-failed")
    waits = client.http.post("/chat/messages", json={}, headers={"X-CSRF-Token": ""})
    assert waits.status_code in (403, 422)
    assert client.post("/chat/conversations", body).status_code == 201


def test_signing_in_from_a_foreign_page_is_refused(web: Web, cast: Cast) -> None:
    body = {"email": "ann@example.org", "password": PASSWORD}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = httpx.post(f"{web.base}/api/v2/auth/login", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf-failed")


def test_a_foreign_host_header_is_refused(web: Web, cast: Cast) -> None:
    answer = httpx.get(f"{web.base}/api/v2/auth/me", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.asvs("6.2.1", "6.2.2", "6.2.3", "6.2.4", "6.2.12", "6.4.1")
def test_a_one_time_password_must_be_changed_before_anything_else(web: Web, cast: Cast) -> None:
    made = ensure_person("new@example.org", "New")
    ensure_membership(made.user_id, cast.acme_id, Role.MEMBER)
    assert made.one_time_password is not None
    client = Client(web)
    assert client.sign_in("new@example.org", made.one_time_password).json()["must_change_password"]
    refused = client.get("/chat/conversations")
    assert (refused.status_code, refused.json()["code"]) == (403, "password-change-required")
    for new, code in (
        ("short", "weak-password"),
        ("password1234", "weak-password"),
        ("aaaaaaaaaaaaaaaa", "weak-password"),
        (made.one_time_password, "weak-password"),
    ):
        answer = client.post("/auth/password", {"current": made.one_time_password, "new": new})
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    wrong = client.post("/auth/password", {"current": "nope", "new": "a calm and sunny harbour"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid-credentials")
    changed = client.post(
        "/auth/password", {"current": made.one_time_password, "new": "a calm and sunny harbour"}
    )
    assert changed.json()["must_change_password"] is False
    assert client.get("/chat/conversations").status_code == 200


@pytest.mark.asvs("7.4.3")
def test_changing_the_password_ends_the_other_sessions_only(web: Web, cast: Cast) -> None:
    here, elsewhere = Client(web, "ann"), Client(web, "ann")
    answer = here.post("/auth/password", {"current": PASSWORD, "new": "a calm and sunny harbour"})
    assert answer.status_code == 200
    assert here.get("/auth/me").status_code == 200
    assert elsewhere.get("/auth/me").status_code == 401
    assert Client(web).sign_in("ann@example.org", PASSWORD).status_code == 401


def test_one_person_in_two_tenants_switches_and_sees_only_one_at_a_time(
    web: Web, cast: Cast
) -> None:
    ensure_membership(cast.ann.user_id, cast.globex_id, Role.VIEWER)
    ann = Client(web, "ann")
    conversation = ann.conversation()
    there = ann.post("/auth/tenant", {"tenant_id": str(cast.globex_id)}).json()
    assert (there["tenant"]["slug"], there["role"]) == ("globex", "viewer")
    assert ann.get(f"/chat/conversations/{conversation}").status_code == 404
    assert ann.get("/chat/conversations").json()["items"] == []
    back = ann.post("/auth/tenant", {"tenant_id": str(cast.acme_id)}).json()
    assert back["role"] == "member"
    assert ann.get(f"/chat/conversations/{conversation}").status_code == 200
    bob = Client(web, "bob")
    refused = bob.post("/auth/tenant", {"tenant_id": str(cast.globex_id)})
    assert (refused.status_code, refused.json()["code"]) == (403, "not-a-member")


def test_a_socket_ticket_is_issued_to_a_session(web: Web, cast: Cast) -> None:
    ticket = Client(web, "ann").post("/auth/ws-ticket").json()["ticket"]
    assert len(ticket) >= 40


@pytest.mark.asvs("7.3.1", "7.3.2")
def test_sessions_end_by_idleness_and_by_age(cast: Cast) -> None:
    from django.conf import settings

    from kernel.errors import Unauthenticated
    from saas.identity import sessions

    secret = verbs.sign_in("ann@example.org", PASSWORD, Visitor("10.0.0.1")).secret
    sessions.authenticate(secret, "r")
    with (
        clock.shifted(settings.SESSION_IDLE + timedelta(seconds=1)),
        pytest.raises(Unauthenticated),
    ):
        sessions.authenticate(secret, "r")
    step = settings.SESSION_IDLE - timedelta(minutes=2)
    passed = timedelta()
    while passed + step < settings.SESSION_ABSOLUTE:
        passed += step
        with clock.shifted(passed):
            sessions.authenticate(secret, "r")
    with (
        clock.shifted(settings.SESSION_ABSOLUTE + timedelta(seconds=1)),
        pytest.raises(Unauthenticated),
    ):
        sessions.authenticate(secret, "r")


def test_passwords_are_argon2id_and_secrets_are_never_stored(cast: Cast) -> None:
    from saas.models import Session

    assert passwords.hash_password(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    secret = verbs.sign_in("ann@example.org", PASSWORD, Visitor("10.0.0.1")).secret
    assert secret not in str(list(Session.objects.values()))
    made = {passwords.one_time_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(one) >= 19 for one in made)


def test_a_hash_with_other_parameters_is_renewed_when_its_password_is_shown(cast: Cast) -> None:
    from argon2 import PasswordHasher

    ann = User.objects.filter(email="ann@example.org")
    older = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=4).hash(PASSWORD)
    ann.update(password_hash=older)
    with pytest.raises(InvalidCredentials):
        verbs.sign_in("ann@example.org", "not the password of Ann", Visitor("10.0.0.1"))
    assert ann.get().password_hash == older
    verbs.sign_in("ann@example.org", PASSWORD, Visitor("10.0.0.1"))
    renewed = ann.get().password_hash
    assert not passwords.is_outdated(renewed)
    verbs.sign_in("ann@example.org", PASSWORD, Visitor("10.0.0.1"))
    assert ann.get().password_hash == renewed


def test_seeding_twice_gives_the_same(database: None) -> None:
    from io import StringIO

    from django.core.management import call_command

    def everything() -> list[tuple]:
        from django.db import connections

        with connections["owner"].cursor() as cursor:
            cursor.execute(
                "select u.email, m.role, a.name from saas_membership m join saas_user u "
                "on u.id = m.user_id join chat_agent a on a.tenant_id = m.tenant_id order by 1, 3"
            )
            return cursor.fetchall()

    first, second = StringIO(), StringIO()
    call_command("seed", stdout=first)
    before = everything()
    call_command("seed", stdout=second)
    assert everything() == before
    assert len(before) == 8
    assert "unchanged" in second.getvalue()


@pytest.mark.asvs("6.3.2")
def test_the_first_platform_admin_is_made_once_and_shown_once(database: None) -> None:
    from io import StringIO

    from django.core.management import call_command

    first, second = StringIO(), StringIO()
    call_command("createplatformadmin", first_run=True, stdout=first)
    call_command("createplatformadmin", first_run=True, stdout=second)
    assert "One-time password" in first.getvalue()
    assert second.getvalue() == ""
    user = User.objects.get()
    assert user.is_platform_admin
    assert user.must_change_password
    shown = first.getvalue().split("One-time password:")[1].split()[0]
    assert passwords.verify(user.password_hash, shown)
    assert shown not in user.password_hash


def test_further_platform_admins_join_the_first_tenant_whatever_its_address(database: None) -> None:
    from io import StringIO

    from django.core.management import call_command

    def made(email: str) -> str:
        out = StringIO()
        call_command("createplatformadmin", email=email, stdout=out)
        return out.getvalue()

    def members() -> set[tuple[str, str]]:
        rows = Membership.objects.values_list("user__email", "tenant__slug")
        return {(email, slug) for email, slug in rows}

    made("first@example.org")
    Tenant.objects.using("platform").update(slug="acme", name="Acme")
    assert "nothing was changed" in made("First@example.org")
    assert "One-time password" in made("second@example.org")
    ensure_person("third@example.org", "Third")
    assert "a platform admin now" in made("third@example.org")
    assert User.objects.filter(is_platform_admin=True).count() == 3
    assert members() == {(f"{one}@example.org", "acme") for one in ("first", "second", "third")}
    assert Tenant.objects.count() == 1


@pytest.mark.asvs("7.4.2", "7.4.5")
def test_an_operator_closes_an_account_and_opens_it_again(web: Web, cast: Cast) -> None:
    from io import StringIO

    from django.core.management import CommandError, call_command

    ann, out = Client(web, "ann"), StringIO()
    call_command("account", "close", "Ann@example.org", stdout=out)
    assert out.getvalue() == "closed; sessions ended: 1\n"
    assert ann.get("/auth/me").status_code == 401
    assert Client(web).sign_in("ann@example.org", PASSWORD).status_code == 401
    call_command("account", "open", "ann@example.org", stdout=out)
    assert Client(web).sign_in("ann@example.org", PASSWORD).status_code == 200
    told = Client(web, "admin").get("/audit", action="account").json()["items"]
    acts = [(one["action"], one["actor_name"], one["object_id"]) for one in told]
    ann_id = str(cast.ann.user_id)
    assert acts == [(f"account.{act}", "Operator", ann_id) for act in ("opened", "closed")]
    with pytest.raises(CommandError, match="Nobody has this address"):
        call_command("account", "close", "x@example.org")
    with pytest.raises(CommandError, match="last platform admin"):
        call_command("account", "close", "platform@example.org")
    assert Client(web).sign_in("platform@example.org", PASSWORD).status_code == 200
