"""Accounts in Keycloak: in by its own page, out when it says so, and what is seen without it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from saas.identity import sessions
from saas.identity.sessions import Proof, Visitor
from saas.models import Tenant, User
from tests.support.browser import NARROW, Visit, visiting
from tests.support.cast import Cast
from tests.support.faulty_line import STOPPED, WELL, Line, line
from tests.support.identities import Keycloak, kept_by, settings_of
from tests.support.keycloak import PERSON_PASSWORD
from tests.support.web import Client, Web, eventually, free_port, running


@dataclass(frozen=True)
class Place:
    """A platform whose accounts are in a realm of its own, behind a line that can be cut."""

    web: Web
    keycloak: Keycloak
    line: Line
    visit: Visit


@pytest.fixture
def place(
    keycloak: str, web: Web, chromium_browser: Browser, var_dir: Path, cast: Cast
) -> Iterator[Place]:
    upstream = ("127.0.0.1", int(keycloak.rpartition(":")[2]))
    with line(upstream) as to_keycloak:
        port = free_port()
        realm = Keycloak(f"http://127.0.0.1:{to_keycloak.port}", f"http://127.0.0.1:{port}")
        realm.sync("--realm-only")
        own = Web(var_dir, {**realm.env, "SA01_HEALTH_INTERVAL_S": "1"}, port=port)
        with running(own), visiting(chromium_browser, own.base, own) as visit:
            realm.identity.ensure("ann@example.org", "Ann")
            realm.set_password("ann@example.org", PERSON_PASSWORD)
            yield Place(own, realm, to_keycloak, visit)
        realm.letters.close()


def test_sign_in_at_keycloak_and_sign_out_there(place: Place, cast: Cast) -> None:
    tab = place.visit.stranger().go("/sign-in?next=%2Fprofile")
    page = tab.page
    enter = page.get_by_role("link", name="Sign in with Keycloak")
    expect(enter).to_be_focused()
    expect(page.get_by_label("Password")).to_have_count(0)
    assert tab.violations() == []
    tab.shoot("keycloak-sign-in")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"^{re.escape(place.keycloak.realm.issuer)}/"))
    page.get_by_label("Email").fill("ann@example.org")
    page.keyboard.press("Enter")
    page.get_by_label("Password", exact=True).fill(PERSON_PASSWORD)
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_role("heading", name="Profile and security")).to_be_visible()

    # What is kept there is not offered here.
    console = page.get_by_role("link", name="Open your account in Keycloak")
    expect(console).to_have_attribute("href", f"{place.keycloak.realm.issuer}/account")
    expect(page.get_by_role("button", name="Change address")).to_have_count(0)
    expect(page.get_by_text("Recovery codes")).to_have_count(0)
    assert tab.violations() == []
    tab.shoot("keycloak-profile")
    refused = Client(place.web).sign_in("ann@example.org", "a quiet orchard in the rain")
    assert (refused.status_code, refused.json()["code"]) == (409, "kept-elsewhere")
    tab.go("/password")
    expect(page.get_by_role("link", name="Open your account in Keycloak")).to_be_visible()

    # The person is who they were here.
    me = page.request.get(f"{tab.base}/api/v2/auth/me").json()
    assert (me["user"]["email"], me["tenant"]["slug"]) == ("ann@example.org", "acme")

    # Signed out there: over here.
    tab.go("/chat")
    expect(tab.field).to_be_visible()
    place.keycloak.realm.sign_out("ann@example.org")
    expect(page.get_by_role("link", name="Sign in with Keycloak")).to_be_visible()
    expect(page.get_by_text("Your session has ended")).to_be_visible()


def test_settings_without_effect_say_so(place: Place, cast: Cast) -> None:
    sysadmin = User.objects.get(id=cast.sysadmin.user_id)
    acme = Tenant.objects.get(id=cast.acme.tenant_id)
    tab = place.visit.stranger()
    cookie = sessions.open_session(sysadmin, acme, Visitor(), Proof())
    tab.page.context.add_cookies(
        [{"name": "soma_session", "value": cookie, "url": place.web.base, "httpOnly": True}]
    )
    tab.go("/sign-on")
    expect(tab.page.get_by_role("note")).to_contain_text("Providers have no effect here")
    assert tab.violations() == []
    tab.shoot("keycloak-sign-on")
    tab.go("/people")
    expect(tab.page.get_by_role("note")).to_contain_text("Accounts are kept in Keycloak")
    assert tab.violations() == []


def test_keycloak_away_closes_no_session_and_is_said_at_the_door(place: Place, cast: Cast) -> None:
    with settings_of(place.keycloak.config), kept_by(place.keycloak.identity):
        entered = place.keycloak.sign_in("ann@example.org", PERSON_PASSWORD)
    assert entered is not None
    ann = place.visit.stranger()
    ann.page.context.add_cookies(
        [{"name": "soma_session", "value": entered.secret, "url": place.web.base, "httpOnly": True}]
    )
    ann.go("/chat")
    expect(ann.field).to_be_visible()
    place.line.set(STOPPED)

    # Whoever is signed in goes on, and is told.
    ann.go("/agents")
    expect(ann.page.get_by_role("heading", name="Agents")).to_be_visible()
    expect(ann.page.get_by_text("Nobody can sign in anew right now")).to_be_visible()

    # At the door it is said, before and after one tries; a program gets a problem.
    tab = place.visit.stranger(NARROW).go("/sign-in")
    expect(tab.page.get_by_role("alert")).to_contain_text("Keycloak cannot be reached")
    assert tab.violations() == []
    tab.shoot("keycloak-away")
    tab.page.get_by_role("link", name="Try again").click()
    expect(tab.page).to_have_url(re.compile("refused=sso-provider-away"))
    expect(tab.page.get_by_role("alert")).to_contain_text("Whoever is signed in goes on")
    door = Client(place.web).get("/auth/entrance").json()
    assert door["is_away"]
    typed = {"Sec-Fetch-Site": "none"}
    answer = httpx.get(f"{place.web.base}{door['sign_in']}", headers=typed)
    assert (answer.status_code, answer.json()["code"]) == (503, "sso-provider-away")

    platform = User.objects.get(id=cast.platform.user_id)
    own = sessions.open_session(platform, None, Visitor(), Proof())
    looked = httpx.get(
        f"{place.web.base}/api/v2/saas/health/keycloak", cookies={"soma_session": own}
    ).json()
    assert (looked["name"], looked["state"]) == ("keycloak", "down")

    place.line.set(WELL)
    eventually(lambda: not Client(place.web).get("/auth/entrance").json()["is_away"], "still away")
    tab.go("/sign-in")
    expect(tab.page.get_by_role("link", name="Sign in with Keycloak")).to_be_visible()
