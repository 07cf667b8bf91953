"""Accounts: resets, addresses, second factors, step-up, sessions, policy. One real database."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pyotp
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client as Browser
from django.test import override_settings

from kernel import clock
from saas.errors import LockedOut
from saas.identity import lockout, mails, passwords, second_factor, sessions, verbs
from saas.models import Role, Session, SignInAttempt, User
from saas.provisioning import ensure_membership
from tests.support.cast import PASSWORD, Cast
from tests.support.mailbox import link_in, mails_to
from tests.support.signed_in import Person, signed_in
from tests.support.web import Client, Web

NEW = "a calm and sunny harbour"
ANN = "ann@example.org"


def anyone() -> Person:
    """Somebody who is not signed in."""
    return Person(Browser(headers={"host": "127.0.0.1"}))


def login(person: Person, password: str = PASSWORD, email: str = ANN) -> Any:
    answer = person.post("/auth/login", {"email": email, "password": password})
    if answer.status_code == 200:
        person.client.defaults["HTTP_X_CSRF_TOKEN"] = answer.json()["csrf_token"]
    return answer


def with_app(person: Person) -> tuple[pyotp.TOTP, list[str]]:
    """Set an authenticator app up, as of half a minute ago: its next code is still to come."""
    made = person.post("/auth/mfa/setup")
    assert made.status_code == 200, made.content
    totp = pyotp.TOTP(made.json()["secret"])
    assert made.json()["picture"].startswith("data:image/svg+xml")
    earlier = totp.at(clock.now() - timedelta(seconds=30))
    answer = person.post("/auth/mfa/verify", {"code": earlier})
    assert answer.status_code == 200, answer.content
    return totp, answer.json()["codes"]


@pytest.mark.asvs("6.4.3", "7.4.3")
def test_a_reset_link_works_once_and_ends_every_session(cast: Cast) -> None:
    ann, stranger = signed_in("ann"), anyone()
    assert stranger.post("/auth/password/request", {"email": "ANN@example.org"}).status_code == 204
    mail = mails_to(ANN)[0]
    # Built from the settings, whatever the request says.
    assert "http://127.0.0.1:20001/reset-password#token=" in mail
    token = link_in(mail)
    assert stranger.post("/auth/password/validate", {"token": token}).json() == {"valid": True}
    weak = stranger.post("/auth/password/confirm", {"token": token, "new": "password1234"})
    assert weak.json()["code"] == "weak-password"
    done = stranger.post("/auth/password/confirm", {"token": token, "new": NEW})
    assert done.status_code == 204
    assert ann.get("/auth/me").status_code == 401
    again = stranger.post("/auth/password/confirm", {"token": token, "new": NEW + "!"})
    assert (again.status_code, again.json()["code"]) == (410, "link-invalid")
    assert login(anyone(), NEW).status_code == 200


def test_a_reset_link_ends_after_an_hour(cast: Cast) -> None:
    anyone().post("/auth/password/request", {"email": ANN})
    token = link_in(mails_to(ANN)[0])
    with clock.shifted(timedelta(hours=1, seconds=1)):
        assert anyone().post("/auth/password/validate", {"token": token}).json() == {"valid": False}


def test_asking_for_a_reset_tells_nothing_of_the_account(cast: Cast) -> None:
    known, unknown = (
        anyone().post("/auth/password/request", {"email": email}) for email in (ANN, "no@one.org")
    )
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert mails_to("no@one.org") == []
    # The same work for both: one request each, and the look-up is the worker's.
    assert SignInAttempt.objects.count() == 2


def test_nobody_fills_a_strangers_mailbox(cast: Cast) -> None:
    for _ in range(6):
        anyone().post("/auth/password/request", {"email": ANN})
    assert len(mails_to(ANN)) == 3
    refused = anyone().post("/auth/password/request", {"email": ANN})
    assert (refused.status_code, refused.json()["code"]) == (429, "locked-out")


def test_a_reset_mail_never_holds_the_host_of_the_request(cast: Cast) -> None:
    poisoned = Browser(headers={"host": "localhost:666", "x-forwarded-host": "evil.example"})
    Person(poisoned).post("/auth/password/request", {"email": ANN})
    assert "evil" not in mails_to(ANN)[0]
    assert "666" not in mails_to(ANN)[0]


def test_a_password_of_a_megabyte_is_refused_without_work(cast: Cast) -> None:
    answer = login(anyone(), "x" * 1_000_000)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation")


def test_an_address_changes_when_both_mailboxes_confirm_it(cast: Cast) -> None:
    ann = signed_in("ann")
    assert ann.post("/auth/email", {"email": "Ann.New@example.org"}).status_code == 204
    old, new = mails_to(ANN)[0], mails_to("ann.new@example.org")[0]
    first = anyone().post("/auth/email/confirm", {"token": link_in(new)})
    assert first.json() == {"changed": False}
    assert anyone().post("/auth/email/confirm", {"token": link_in(new)}).status_code == 410
    second = anyone().post("/auth/email/confirm", {"token": link_in(old)})
    assert second.json() == {"changed": True}
    assert ann.get("/auth/me").json()["user"]["email"] == "ann.new@example.org"


def test_an_address_that_only_looks_like_another_is_refused(cast: Cast) -> None:
    # A Cyrillic "a" at the start.
    answer = signed_in("bob").post("/auth/email", {"email": "\u0430nn@example.org"})
    assert (answer.status_code, answer.json()["code"]) == (422, "email-refused")


def test_a_taken_address_is_told_to_its_owner_alone(cast: Cast) -> None:
    answer = signed_in("bob").post("/auth/email", {"email": ANN})
    assert answer.status_code == 204
    assert "another account" in mails_to(ANN)[0]
    assert mails_to("bob@example.org") == []


def test_registration_is_closed_unless_the_platform_opens_it(cast: Cast) -> None:
    body = {"email": "New@example.org", "display_name": "New", "password": NEW}
    assert anyone().post("/auth/register", body).status_code == 404
    opened = settings.SOMA.model_copy(update={"registration": True})
    with override_settings(SOMA=opened):
        assert anyone().post("/auth/register", body).status_code == 204
        taken = anyone().post("/auth/register", body | {"email": ANN})
        assert taken.status_code == 204
        assert "already" in mails_to(ANN)[0]
        token = link_in(mails_to("new@example.org")[0])
        assert login(anyone(), NEW, "new@example.org").status_code == 401
        assert anyone().post("/auth/register/confirm", {"token": token}).status_code == 204
    assert login(anyone(), NEW, "new@example.org").json()["tenant"] is None


@pytest.mark.asvs("6.5.1", "6.5.5")
def test_codes_of_the_app_finish_a_sign_in_and_work_once(cast: Cast) -> None:
    totp, _ = with_app(signed_in("ann"))
    browser = anyone()
    first = login(browser)
    assert first.status_code == 202
    assert set(first.json()["methods"]) == {"code", "recovery"}
    assert browser.get("/auth/me").status_code == 401
    challenge = first.json()["challenge"]
    wrong = browser.post("/auth/login/code", {"challenge": challenge, "code": "000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid-code")
    code = totp.at(clock.now())
    done = browser.post("/auth/login/code", {"challenge": challenge, "code": code})
    assert done.json()["user"]["email"] == ANN
    # The same code again, in the same window, after another right password.
    replay = login(anyone()).json()["challenge"]
    answer = anyone().post("/auth/login/code", {"challenge": replay, "code": code})
    assert answer.json()["code"] == "invalid-code"
    # And the challenge is spent.
    later = totp.at(clock.now() + timedelta(seconds=30))
    answer = anyone().post("/auth/login/code", {"challenge": challenge, "code": later})
    assert answer.json()["code"] == "invalid-code"


@pytest.mark.asvs("8.2.3")
def test_a_body_changes_only_the_fields_that_it_names(cast: Cast) -> None:
    more = {
        "is_platform_admin": True, "role": "sysadmin", "email": "platform@example.org",
        "id": str(cast.bob.user_id), "user_id": str(cast.bob.user_id), "must_change_password": True,
        "tenant_id": str(cast.globex_id), "password_hash": "!", "is_active": False,
    }  # fmt: skip
    ann = signed_in("ann")
    before = User.objects.filter(id=cast.ann.user_id).values().get()
    me = ann.patch("/auth/profile", more | {"display_name": "Anna"}).json()
    assert (me["user"]["display_name"], me["role"], me["tenant"]["slug"]) == (
        "Anna", "member", "acme",
    )  # fmt: skip
    after = User.objects.filter(id=cast.ann.user_id).values().get()
    assert after == before | {"display_name": "Anna"}


@pytest.mark.asvs("6.4.4")
def test_who_lost_every_factor_is_let_in_anew_by_an_operator_alone(cast: Cast) -> None:
    from django.core.management import CommandError, call_command

    ann = signed_in("ann")
    with_app(ann)
    out = StringIO()
    call_command("account", "forget-factors", "Ann@example.org", stdout=out)
    assert out.getvalue() == "second factors removed; sessions ended: 1\n"
    assert ann.get("/auth/me").status_code == 401
    assert "second factors of your account were removed" in mails_to("ann@example.org")[0]
    # The password stays, and asks for nothing more.
    assert login(anyone()).status_code == 200
    assert second_factor.factors_of(cast.ann.user_id).methods == []
    with pytest.raises(CommandError, match="Nobody has this address"):
        call_command("account", "forget-factors", "x@example.org")


@pytest.mark.asvs("6.4.4", "6.5.1", "6.5.2")
def test_a_recovery_code_works_once_and_all_are_kept_as_digests(cast: Cast) -> None:
    ann = signed_in("ann")
    _, codes = with_app(ann)
    assert len(set(codes)) == 10
    # 112 bits or more: 23 of 31 letters and digits.
    assert all(len(code.replace("-", "")) >= 23 for code in codes)
    stored = str(list(second_factor.RecoveryCode.objects.values()))
    assert not [code for code in codes if code in stored or code.replace("-", "") in stored]
    for expected in (200, 401):
        challenge = login(anyone()).json()["challenge"]
        body = {"challenge": challenge, "code": codes[0].upper().replace("-", " ")}
        assert anyone().post("/auth/login/code", body).status_code == expected
    assert ann.get("/auth/mfa").json()["recovery_codes_left"] == 9
    assert ann.post("/auth/mfa/disable").status_code == 204
    assert ann.post("/auth/mfa/recovery-codes").status_code == 409
    with_app(ann)
    fresh = ann.post("/auth/mfa/recovery-codes").json()["codes"]
    assert not set(fresh) & set(codes)


@pytest.mark.asvs("6.3.1")
def test_guessing_codes_is_locked_like_guessing_passwords(cast: Cast) -> None:
    with_app(signed_in("ann"))
    challenge = login(anyone()).json()["challenge"]
    for _ in range(5):
        anyone().post("/auth/login/code", {"challenge": challenge, "code": "123456"})
    answer = anyone().post("/auth/login/code", {"challenge": challenge, "code": "123456"})
    assert (answer.status_code, answer.json()["code"]) == (429, "locked-out")


@pytest.mark.asvs("7.5.1", "10.3.4")
def test_what_is_dangerous_needs_a_fresh_sign_in(cast: Cast) -> None:
    ann = signed_in("ann")
    later = timedelta(minutes=5, seconds=1)
    with clock.shifted(later):
        for path, body in (
            ("/auth/mfa/setup", None),
            ("/auth/mfa/disable", None),
            ("/auth/mfa/recovery-codes", None),
            ("/auth/passkeys/ask", None),
            ("/auth/email", {"email": "other@example.org"}),
            ("/gateway/keys", {"name": "A key"}),
        ):
            refused = ann.post(path, body)
            assert (refused.status_code, refused.json()["code"]) == (403, "step-up-required"), path
        wrong = ann.post("/auth/step-up", {"password": "not mine"})
        assert wrong.status_code == 401
        cookie = ann.client.cookies["soma_session"].value
        assert ann.post("/auth/step-up", {"password": PASSWORD}).status_code == 200
        assert ann.client.cookies["soma_session"].value != cookie
        totp, _ = with_app(ann)
    with clock.shifted(2 * later):
        assert ann.post("/auth/mfa/disable").status_code == 403
        code = totp.at(clock.now())
        assert ann.post("/auth/step-up", {"code": code}).status_code == 200
        assert ann.post("/auth/mfa/disable").status_code == 204
        assert login(anyone()).status_code == 200


@pytest.mark.asvs("6.3.3")
@pytest.mark.parametrize(("mfa", "held"), [("required", {"ann", "admin"}), ("admins", {"admin"})])
def test_a_tenant_can_ask_for_a_second_factor(cast: Cast, mfa: str, held: set[str]) -> None:
    sysadmin = signed_in("sysadmin")
    assert sysadmin.put("/auth/policy", {"mfa": mfa}).json()["mfa"] == mfa
    assert signed_in("admin").put("/auth/policy", {"mfa": "off"}).status_code == 403
    for name in ("ann", "admin"):
        person = signed_in(name)
        answer = person.get("/agents")
        assert (answer.status_code == 403) is (name in held)
        assert person.get("/auth/me").json()["must_enrol"] is (name in held)
        if name in held:
            assert answer.json()["code"] == "second-factor-required"
            with_app(person)
            assert person.get("/agents").status_code == 200
    assert sysadmin.get("/auth/policy").status_code == 403


def test_where_the_tenant_has_it_off_a_password_is_enough(cast: Cast) -> None:
    with_app(signed_in("ann"))
    signed_in("sysadmin").put("/auth/policy", {"mfa": "off"})
    assert login(anyone()).status_code == 200


@pytest.mark.asvs("7.4.3", "7.5.2", "10.7.3")
def test_sessions_are_listed_and_ended_one_or_all(cast: Cast) -> None:
    here, there, third = signed_in("ann"), signed_in("ann"), signed_in("ann")
    items = here.get("/auth/sessions").json()["items"]
    assert len(items) == 3
    assert [one["is_current"] for one in items].count(True) == 1
    mine = next(one for one in there.get("/auth/sessions").json()["items"] if one["is_current"])
    assert signed_in("bob").delete(f"/auth/sessions/{mine['id']}").status_code == 404
    assert here.delete(f"/auth/sessions/{mine['id']}").status_code == 204
    assert there.get("/auth/me").status_code == 401
    assert here.post("/auth/sessions/end-others").json() == {"count": 1}
    assert third.get("/auth/me").status_code == 401
    assert here.get("/auth/me").status_code == 200


@pytest.mark.asvs("7.5.2")
def test_who_found_a_browser_open_cannot_sign_its_owner_out_elsewhere(cast: Cast) -> None:
    here, there = signed_in("ann"), signed_in("ann")
    items = here.get("/auth/sessions").json()["items"]
    own = next(one["id"] for one in items if one["is_current"])
    other = next(one["id"] for one in items if not one["is_current"])
    with clock.shifted(timedelta(minutes=6)):
        for refused in (
            here.delete(f"/auth/sessions/{other}"),
            here.post("/auth/sessions/end-others"),
        ):
            assert (refused.status_code, refused.json()["code"]) == (403, "step-up-required")
        assert there.get("/auth/me").status_code == 200
        assert here.post("/auth/step-up", {"password": PASSWORD}).status_code == 200
        assert here.delete(f"/auth/sessions/{other}").status_code == 204
        assert there.get("/auth/me").status_code == 401
    with clock.shifted(timedelta(minutes=13)):
        # To leave takes no proof.
        assert here.delete(f"/auth/sessions/{own}").status_code == 204
        assert here.get("/auth/me").status_code == 401


def test_the_session_least_recently_used_ends_at_the_tenants_limit(cast: Cast) -> None:
    signed_in("sysadmin").put("/auth/policy", {"session_limit": 2})
    first = signed_in("ann")
    second = signed_in("ann")
    signed_in("ann")
    assert first.get("/auth/me").status_code == 401
    assert second.get("/auth/me").status_code == 200


def test_a_tenant_can_shorten_idle_sessions(cast: Cast) -> None:
    signed_in("sysadmin").put("/auth/policy", {"idle_minutes": 5})
    ann = signed_in("ann")
    with clock.shifted(timedelta(minutes=5, seconds=1)):
        assert ann.get("/auth/me").status_code == 401


def test_an_open_socket_ends_with_its_session(web: Web, cast: Cast) -> None:
    from websockets.exceptions import ConnectionClosed

    here, elsewhere = Client(web, "ann"), Client(web, "ann")
    with elsewhere.socket() as socket:
        socket.until("connected")
        assert here.post("/auth/sessions/end-others").json()["count"] >= 1
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                socket.receive(timeout=15)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4001


def test_a_new_device_is_told_of_by_mail_and_a_known_one_is_not(cast: Cast) -> None:
    browser = anyone()
    login(browser)
    assert mails_to(ANN) == []
    login(browser)
    assert mails_to(ANN) == []
    login(anyone())
    assert "new device" in mails_to(ANN)[0]


def test_the_history_shows_tries_of_others_too(cast: Cast) -> None:
    login(anyone(), "a wrong password")
    items = signed_in("ann").get("/auth/history").json()["items"]
    assert [one["succeeded"] for one in items] == [True, False]


@pytest.mark.asvs("7.2.4")
def test_changing_rights_rotates_the_cookie_and_spares_requests_on_their_way(cast: Cast) -> None:
    ensure_membership(cast.ann.user_id, cast.globex_id, Role.VIEWER)
    ann = signed_in("ann")
    old = ann.client.cookies["soma_session"].value
    assert ann.post("/auth/tenant", {"tenant_id": str(cast.globex_id)}).status_code == 200
    assert ann.client.cookies["soma_session"].value != old
    late = anyone()
    late.client.cookies["soma_session"] = old
    assert late.get("/auth/me").status_code == 200
    with clock.shifted(timedelta(seconds=21)):
        assert late.get("/auth/me").status_code == 401
        assert ann.get("/auth/me").status_code == 200


def test_a_person_can_be_called_differently(cast: Cast) -> None:
    answer = signed_in("ann").patch("/auth/profile", {"display_name": "Ann B."})
    assert answer.json()["user"]["display_name"] == "Ann B."


def test_platform_admins_read_what_was_not_sent(cast: Cast) -> None:
    anyone().post("/auth/password/request", {"email": ANN})
    token = link_in(mails_to(ANN)[0])
    assert signed_in("sysadmin").get("/saas/mails").status_code == 403
    shown = signed_in("platform").get("/saas/mails").json()
    assert shown["is_sent"] is False
    assert token in json.dumps(shown)
    from io import StringIO

    from django.core.management import call_command

    out = StringIO()
    call_command("mailbox", stdout=out)
    assert token in out.getvalue()


@override_settings(MAIL_IS_SENT=True, EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
def test_mails_leave_by_djangos_back_end_and_their_links_with_them(cast: Cast) -> None:
    from django.core import mail

    mail.outbox = []  # type: ignore[attr-defined]
    anyone().post("/auth/password/request", {"email": ANN})
    token = link_in(mails_to(ANN)[0])
    assert mails.send_due() == 1
    assert mails.send_due() == 0
    assert token in mail.outbox[0].body
    assert token not in str(mails.list_mails(10))


@override_settings(MAIL_IS_SENT=True, EMAIL_HOST="127.0.0.1", EMAIL_PORT=9)
def test_a_mail_server_that_is_away_loses_nothing(cast: Cast) -> None:
    anyone().post("/auth/password/request", {"email": ANN})
    token = link_in(mails_to(ANN)[0])
    assert mails.send_due() == 0
    [kept] = mails.list_mails(10)
    assert (kept.sent_at, kept.attempts, kept.last_error) == (None, 1, "ConnectionRefusedError")
    assert token in kept.body
    # Not at once again, but later.
    assert mails.send_due() == 0
    with clock.shifted(timedelta(minutes=2)):
        mails.send_due()
    assert mails.list_mails(10)[0].attempts == 2


def test_an_inactive_person_gets_no_link(cast: Cast) -> None:
    User.objects.using("platform").filter(email=ANN).update(is_active=False)
    anyone().post("/auth/password/request", {"email": ANN})
    assert mails_to(ANN) == []


def test_a_session_says_what_really_happened(cast: Cast) -> None:
    totp, _ = with_app(signed_in("ann"))
    user = User.objects.get(email=ANN)
    visitor = sessions.Visitor("127.0.0.1")
    step = verbs.proceed(user, visitor, sessions.Proof(("fed",)), tenant_id=cast.acme_id)
    assert isinstance(step, verbs.SecondStep)
    entered = verbs.sign_in_with_code(step.challenge, totp.at(clock.now()), visitor)
    row = Session.objects.get(id=entered.actor.session_id)
    assert (row.methods, row.is_strong, row.tenant_id) == ("fed otp mfa", True, cast.acme_id)
    # A key that is shown later comes to what there was.
    sessions.strengthen(row.id, sessions.Proof(("hwk", "mfa"), is_strong=True))
    row.refresh_from_db()
    assert row.methods == "fed otp hwk mfa"


def test_a_new_password_is_hashed_before_the_transaction(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    within: list[bool] = []
    hash_password = passwords.hash_password

    def hashing(password: str) -> str:
        within.append(connection.in_atomic_block)
        return hash_password(password)

    monkeypatch.setattr(passwords, "hash_password", hashing)
    anyone().post("/auth/password/request", {"email": ANN})
    body = {"token": link_in(mails_to(ANN)[0]), "new": NEW}
    assert anyone().post("/auth/password/confirm", body).status_code == 204
    assert within == [False]


def test_ended_sessions_are_forgotten_after_ninety_days(cast: Cast) -> None:
    old, fresh, open_one = signed_in("ann"), signed_in("bob"), signed_in("admin")
    for person in (old, fresh):
        person.post("/auth/logout")
    of_ann = Session.objects.filter(user_id=cast.ann.user_id)
    of_ann.update(ended_at=clock.now() - sessions.KEPT - timedelta(minutes=1))
    assert sessions.forget_old() == 1
    assert not of_ann.exists()
    assert Session.objects.filter(user_id=cast.bob.user_id).exists()
    assert open_one.get("/auth/me").status_code == 200


def test_nobody_fills_a_table_by_beginning_sign_ins(cast: Cast) -> None:
    for _ in range(lockout.BEGUN_PER_ADDRESS):
        lockout.refuse_flood("sso", "203.0.113.7")
    with pytest.raises(LockedOut) as refused:
        lockout.refuse_flood("sso", "203.0.113.7")
    assert 0 < (refused.value.retry_after or 0) <= 900
    lockout.refuse_flood("sso", "203.0.113.8")
    # Whoever begins often is not kept from signing in with a password.
    lockout.refuse_if_locked(lockout.account_key(ANN), "203.0.113.7")
    with clock.shifted(lockout.WINDOW):
        lockout.refuse_flood("sso", "203.0.113.7")
