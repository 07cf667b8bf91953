"""The identity port: one contract, the accounts of this platform and a real Keycloak."""

from collections.abc import Iterator

import pytest

from kernel import outbox
from saas.identity import recovery, sessions, verbs
from saas.identity.accounts import set_account_open
from saas.identity.sessions import Visitor
from saas.people import members
from saas.people.members import Roles
from tests.support.cast import Cast
from tests.support.identities import Embedded, Place, kept_by

PASSWORD = "a lighthouse made of paper"

pytestmark = pytest.mark.usefixtures("nobody_is_woken")


@pytest.fixture(params=["embedded"])
def place(request: pytest.FixtureRequest, cast: Cast) -> Iterator[Place]:
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
