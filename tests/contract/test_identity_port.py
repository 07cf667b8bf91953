"""The identity port: one contract, the accounts of this platform and a real Keycloak."""

import base64
from collections.abc import Iterator

import httpx
import pyotp
import pytest
from django.core.management import CommandError, call_command

from kernel import outbox
from kernel.db import unit_of_work
from kernel.ids import uuid7
from kernel.models import OutboxEvent
from saas.errors import KeptElsewhere
from saas.identity import (
    invitations,
    passkeys,
    recovery,
    second_factor,
    sessions,
    tokens,
    verbs,
)
from saas.identity.accounts import set_account_open
from saas.identity.copying import mirror_all
from saas.identity.policy import SignInPolicy, set_sign_in_policy
from saas.identity.port import IdentityAway
from saas.identity.sessions import Visitor
from saas.keycloak.entrance import forget_sessions
from saas.keycloak.models import RealmAccount, RealmSession
from saas.models import Session, User
from saas.people import members
from saas.people.members import Roles
from saas.sso import flow
from saas.sso.doors import PLATFORM_DOOR
from saas.sso.errors import ProviderAway, ProviderUnknown, SsoRefused
from saas.sso.exchange import Assertion
from tests.support.cast import PASSWORD as CAST_PASSWORD
from tests.support.cast import Cast
from tests.support.identities import Embedded, Keycloak, Place, kept_by, settings_of

PASSWORD = "a lighthouse made of paper"

pytestmark = pytest.mark.usefixtures("nobody_is_woken")


@pytest.fixture(scope="module")
def realm(keycloak: str) -> Iterator[Keycloak]:
    made = Keycloak(keycloak)
    made.sync("--realm-only")
    yield made
    made.letters.close()


@pytest.fixture
def in_keycloak(realm: Keycloak, cast: Cast) -> Iterator[Keycloak]:
    """The realm, which knows the members of the cast and nobody else."""
    realm.tidy()
    with settings_of(realm.config), kept_by(realm.identity):
        mirror_all()
        yield realm


@pytest.fixture(params=["embedded", "keycloak"])
def place(request: pytest.FixtureRequest, cast: Cast) -> Iterator[Place]:
    """Where accounts are kept, which knows the members of the cast."""
    if request.param == "keycloak":
        yield request.getfixturevalue("in_keycloak")
        return
    made: Place = Embedded()
    with kept_by(made.identity):
        yield made


def test_an_account_is_made_once_and_found_in_any_spelling(place: Place) -> None:
    assert place.identity.find("ines@example.net") is None
    made = place.identity.ensure("ines@example.net", "Ines Ingold")
    assert (made.email, made.is_enabled) == ("ines@example.net", True)
    assert place.identity.ensure("Ines@Example.net", "Somebody Else") == made
    assert place.identity.find(" INES@example.net ") == made


def test_a_made_account_lets_nobody_in_before_a_password_was_chosen(place: Place) -> None:
    place.identity.ensure("ines@example.net", "Ines Ingold")
    for guess in ("", "!", "ines@example.net", PASSWORD):
        assert place.sign_in("ines@example.net", guess) is None


def test_a_link_for_a_password_goes_to_the_address_and_to_nobody_else(place: Place) -> None:
    place.identity.ensure("ines@example.net", "Ines Ingold")
    visitor = Visitor("127.0.0.1", "a test", "a device")
    for email in ("Ines@example.net", "nobody@example.net"):
        recovery.ask_reset(email, visitor)
    recovery.answer_requests()
    assert len(place.mails("ines@example.net")) == 1
    assert place.mails("nobody@example.net") == []
    assert not place.identity.send_reset("nobody@example.net")


def test_who_knows_the_password_comes_in_as_who_they_are(place: Place, cast: Cast) -> None:
    place.identity.ensure("ann@example.org", "Ann")
    place.set_password("ann@example.org", PASSWORD)
    assert place.sign_in("ann@example.org", "another lighthouse of paper") is None
    entered = place.sign_in("ann@example.org", PASSWORD)
    assert entered is not None
    assert (entered.actor.user_id, entered.actor.tenant_id) == (cast.ann.user_id, cast.acme_id)


def test_a_closed_account_ends_its_sessions_and_opens_none(place: Place, cast: Cast) -> None:
    place.identity.ensure("ann@example.org", "Ann")
    place.set_password("ann@example.org", PASSWORD)
    assert place.sign_in("ann@example.org", PASSWORD) is not None
    assert set_account_open("Ann@example.org", is_open=False) == 1
    assert sessions.list_sessions(cast.ann) == []
    found = place.identity.find("ann@example.org")
    assert found is not None
    assert not found.is_enabled
    assert place.sign_in("ann@example.org", PASSWORD) is None
    set_account_open("ann@example.org", is_open=True)
    assert place.sign_in("ann@example.org", PASSWORD) is not None


def test_signing_out_ends_the_session_and_no_other(place: Place, cast: Cast) -> None:
    place.identity.ensure("ann@example.org", "Ann")
    place.set_password("ann@example.org", PASSWORD)
    first, second = (place.sign_in("ann@example.org", PASSWORD) for _ in range(2))
    assert first is not None
    assert second is not None
    verbs.sign_out(first.actor)
    outbox.drain()
    open_now = [one.id for one in sessions.list_sessions(cast.ann)]
    assert open_now == [second.actor.session_id]


def test_roles_are_known_there_and_go_with_the_membership(place: Place, cast: Cast) -> None:
    bob = cast.bob.user_id

    def roles() -> frozenset[str] | None:
        outbox.drain()
        return place.identity.roles_in(cast.acme_id, "Bob@example.org")

    members.change_roles(cast.sysadmin, bob, Roles("developer", ["trainer"]))
    assert roles() == {"developer", "trainer"}
    members.change_roles(cast.sysadmin, bob, Roles("viewer"))
    assert roles() == {"viewer"}
    members.suspend_person(cast.sysadmin, bob, "on leave")
    assert roles() is None
    members.resume_person(cast.sysadmin, bob)
    assert roles() == {"viewer"}
    assert place.identity.roles_in(cast.globex_id, "bob@example.org") is None
    members.remove_person(cast.sysadmin, bob)
    assert roles() is None
    # The account stays: it belongs to the person, who may be in other tenants.
    assert place.identity.find("bob@example.org") is not None


def test_it_says_how_it_is(place: Place) -> None:
    assert place.identity.probe().ok


def test_a_person_of_the_organisation_comes_in_for_the_first_time(
    in_keycloak: Keycloak, cast: Cast
) -> None:
    in_keycloak.add_member("acme", "nora@example.net", "Nora Nord", PASSWORD)
    entered = in_keycloak.sign_in("nora@example.net", PASSWORD)
    assert entered is not None
    assert (entered.actor.tenant_id, entered.actor.role) == (cast.acme_id, "member")
    assert User.objects.get(id=entered.actor.user_id).display_name == "Nora Nord"
    # Compared, the organisation is left as it is; the role is told to it.
    outbox.drain()
    assert in_keycloak.identity.roles_in(cast.acme_id, "nora@example.net") == {"member"}
    assert mirror_all() == 0

    # Who is removed here does not come back by what Keycloak has not heard yet.
    members.remove_person(cast.sysadmin, entered.actor.user_id)
    again = in_keycloak.sign_in("nora@example.net", PASSWORD)
    assert again is not None
    assert again.actor.tenant_id is None
    outbox.drain()
    assert in_keycloak.identity.roles_in(cast.acme_id, "nora@example.net") is None


def test_those_whom_nobody_let_in_stay_outside(in_keycloak: Keycloak, cast: Cast) -> None:
    in_keycloak.identity.ensure("eve@example.net", "Eve")
    in_keycloak.set_password("eve@example.net", PASSWORD)
    assert in_keycloak.sign_in("eve@example.net", PASSWORD) is None
    assert not User.objects.filter(email="eve@example.net").exists()
    # An address that nobody confirmed is nobody's, whatever the organisation.
    in_keycloak.add_member("acme", "uma@example.net", "Uma", PASSWORD, is_verified=False)
    assert in_keycloak.sign_in("uma@example.net", PASSWORD) is None
    uma = Assertion("u", "uma@example.net", False, "Uma", organisations=("acme",))
    with pytest.raises(SsoRefused):
        in_keycloak.identity.door().enter(uma, Visitor())
    # An invitation opens the door, and nothing behind it until it is accepted.
    invitations.invite(cast.sysadmin, ["eve@example.net"], "viewer")
    entered = in_keycloak.sign_in("eve@example.net", PASSWORD)
    assert entered is not None
    assert entered.actor.tenant_id is None
    # A suspended member is no member by another way.
    members.suspend_person(cast.sysadmin, cast.bob.user_id, "on leave")
    in_keycloak.set_password("bob@example.org", PASSWORD)
    bob = in_keycloak.sign_in("bob@example.org", PASSWORD)
    assert bob is not None
    assert bob.actor.tenant_id is None


def test_who_is_invited_gets_an_account_and_a_mail_for_a_password(
    in_keycloak: Keycloak, cast: Cast
) -> None:
    invitations.invite(cast.sysadmin, ["ines@example.net", "bob@example.org"], "viewer")
    outbox.drain()
    assert in_keycloak.identity.find("ines@example.net") is not None
    assert len(in_keycloak.mails("ines@example.net")) == 1
    # It tells nothing of the organisation before it is accepted.
    assert in_keycloak.identity.roles_in(cast.acme_id, "ines@example.net") is None
    assert in_keycloak.mails("bob@example.org") == []


def test_signing_out_here_signs_out_there(in_keycloak: Keycloak, cast: Cast) -> None:
    in_keycloak.set_password("ann@example.org", PASSWORD)
    with httpx.Client(timeout=30) as browser:
        entered = in_keycloak.sign_in_with(browser, "ann@example.org", PASSWORD)
        assert entered is not None
        # Known there: no password is asked for, and it counts as shown when it was.
        shown_at = Session.objects.get(id=entered.actor.session_id).authenticated_at
        again = in_keycloak.sign_in_with(browser, "ann@example.org", "")
        assert again is not None
        # The same browser came again: one session there, one here, no newer proof.
        renewed = Session.objects.get(user_id=cast.ann.user_id, ended_at=None)
        assert renewed.id == again.actor.session_id
        assert renewed.authenticated_at == shown_at
        assert forget_sessions() == 0
        verbs.sign_out(again.actor)
        outbox.drain()
        assert in_keycloak.sign_in_with(browser, "ann@example.org", "") is None


def test_a_second_factor_that_was_shown_there_counts_here(
    in_keycloak: Keycloak, cast: Cast
) -> None:
    set_sign_in_policy(cast.sysadmin, SignInPolicy(mfa="required"))
    in_keycloak.set_password("ann@example.org", PASSWORD)
    entered = in_keycloak.sign_in("ann@example.org", PASSWORD)
    assert entered is not None
    assert entered.actor.must_enrol
    in_keycloak.add_app("olga@example.net", "Olga", PASSWORD, "a secret of an app 1")
    in_keycloak.add_member("acme", "olga@example.net")
    code = pyotp.TOTP(base64.b32encode(b"a secret of an app 1").decode()).now()
    strong = in_keycloak.sign_in("olga@example.net", PASSWORD, code)
    assert strong is not None
    assert not strong.actor.must_enrol


def test_a_company_has_no_door_past_the_platforms(in_keycloak: Keycloak) -> None:
    with pytest.raises(ProviderUnknown):
        flow.begin(uuid7(), "/", "a browser", "192.0.2.1")


def test_signing_out_there_ends_what_came_from_there(in_keycloak: Keycloak, cast: Cast) -> None:
    in_keycloak.set_password("ann@example.org", PASSWORD)
    first, second = (in_keycloak.sign_in("ann@example.org", PASSWORD) for _ in range(2))
    assert first is not None
    assert second is not None
    door = in_keycloak.identity.door()
    subject = RealmAccount.objects.get(user_id=cast.ann.user_id).subject
    sid = RealmSession.objects.get(session_id=first.actor.session_id).sid
    assert door.end({"sub": subject, "sid": sid}) == 1
    assert door.end({"sub": subject, "sid": sid}) == 0
    assert [one.id for one in sessions.list_sessions(cast.ann)] == [second.actor.session_id]
    assert door.end({"sub": "nobody", "sid": "x"}) == 0
    assert door.end({"sub": subject}) == 1


def test_what_was_lost_on_the_way_is_repaired_and_strangers_are_left_alone(
    in_keycloak: Keycloak, cast: Cast
) -> None:
    assert mirror_all() == 0
    bob = in_keycloak.identity.find("bob@example.org")
    assert bob is not None
    in_keycloak.remove_member("acme", bob.subject)
    in_keycloak.add_member("globex", "bob@example.org")
    in_keycloak.add_member("acme", "nora@example.net", "Nora Nord", PASSWORD)
    # Bob was never let in to Globex, so that this may be a first membership.
    assert mirror_all() == 2
    assert in_keycloak.identity.roles_in(cast.acme_id, "bob@example.org") == {"member"}
    assert in_keycloak.identity.roles_in(cast.acme_id, "nora@example.net") == frozenset()


def test_the_realm_is_made_so_once_and_what_is_the_operators_stays(realm: Keycloak) -> None:
    assert realm.sync("--realm-only")[-1].endswith("changes 0")
    name = realm.realm.name
    realm.realm.admin("PUT", f"/{name}", {"verifyEmail": False, "loginTheme": "keycloak"})
    assert realm.sync("--realm-only", "--dry-run") == [
        "realm: verifyEmail",
        f"realm {name}: changes 1",
    ]
    assert "realm: verifyEmail" in realm.sync("--realm-only")
    held = realm.realm.admin("GET", f"/{name}").json()
    assert (held["verifyEmail"], held["loginTheme"]) == (True, "keycloak")
    (client,) = realm.realm.admin("GET", f"/{name}/clients?clientId=somaagent").json()
    client["redirectUris"] = ["https://elsewhere.example/*"]
    client["protocolMappers"] = []
    realm.realm.admin("PUT", f"/{name}/clients/{client['id']}", client)
    assert any("redirectUris" in line for line in realm.sync("--realm-only"))
    assert realm.sync("--realm-only")[-1].endswith("changes 0")


def test_a_keycloak_that_is_away_is_said_and_waited_for(cast: Cast) -> None:
    gone = Keycloak("http://127.0.0.1:9")
    with settings_of(gone.config), kept_by(gone.identity):
        assert not gone.identity.probe().ok
        with pytest.raises(IdentityAway):
            gone.identity.find("ann@example.org")
        with pytest.raises(ProviderAway) as refused:
            flow.begin(PLATFORM_DOOR, "/", "a browser", "127.0.0.1")
        assert refused.value.status == 503
        with pytest.raises(CommandError, match="does not answer"):
            call_command("keycloak_sync", realm_only=True)
        # It holds here at once; there it is tried until it answers.
        members.suspend_person(cast.sysadmin, cast.bob.user_id, "on leave")
        outbox.drain()
        with unit_of_work(cast.acme):
            waiting = OutboxEvent.objects.filter(type="rights.changed", parked=True, dead_at=None)
            assert waiting.exists()
        with pytest.raises(IdentityAway):
            set_account_open("ann@example.org", is_open=False)
        assert not User.objects.get(email="ann@example.org").is_active
    gone.letters.close()


def test_passwords_and_factors_are_refused_here(in_keycloak: Keycloak, cast: Cast) -> None:
    visitor = Visitor("127.0.0.1", "a test", "a device")
    for refused in (
        lambda: verbs.sign_in("ann@example.org", CAST_PASSWORD, visitor),
        lambda: verbs.confirm_person(cast.ann, visitor, CAST_PASSWORD, None),
        lambda: verbs.confirm_person(cast.ann, visitor, None, "123456"),
        lambda: verbs.change_password(cast.ann, CAST_PASSWORD, PASSWORD, visitor),
        lambda: verbs.ask_passkey(None),
        lambda: recovery.reset_password("x", PASSWORD),
        lambda: recovery.ask_email_change(cast.ann, "x@example.net"),
        lambda: recovery.ask_registration("x@example.net", "X", PASSWORD, visitor),
        lambda: invitations.join("x", "X", PASSWORD, visitor),
        lambda: second_factor.begin_setup(cast.ann),
        lambda: passkeys.begin_registration(cast.ann),
        lambda: tokens.sign_in("ann@example.org", CAST_PASSWORD, None, "", visitor),
    ):
        with pytest.raises(KeptElsewhere) as said:
            refused()
        assert said.value.data["account_url"].endswith("/account")
