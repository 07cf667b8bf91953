"""Setting up single sign-on on its page, against a real Keycloak, until somebody comes in by it."""

import re

from playwright.sync_api import expect

from tests.integration.test_scim import Directory
from tests.integration.test_sso import CALLBACK
from tests.support.browser import NARROW, Visit
from tests.support.cast import Cast
from tests.support.keycloak import CLIENT_ID, CLIENT_SECRET, PERSON_PASSWORD, realm_at
from tests.support.simulator import SimulatedProvider
from tests.support.web import Web


def test_a_sysadmin_sets_up_keycloak_tests_it_and_a_colleague_comes_in(
    visit: Visit, web: Web, model: SimulatedProvider, keycloak: str
) -> None:
    realm = realm_at(keycloak, f"{web.base}{CALLBACK}")
    realm.add_person("new@example.org")
    tab = visit.by("sysadmin").go()
    tab.account("Single sign-on")
    page = tab.page
    expect(page.get_by_text("No provider yet")).to_be_visible()
    expect(page.get_by_test_id("redirect-uri")).to_have_text(f"{web.base}{CALLBACK}")
    page.get_by_role("button", name="Copy the address").click()
    assert page.evaluate("navigator.clipboard.readText()") == f"{web.base}{CALLBACK}"
    assert tab.violations() == []

    # By keyboard alone.
    page.get_by_role("button", name="Add a provider").focus()
    page.keyboard.press("Enter")
    form = page.get_by_role("dialog", name="Add a provider")
    assert tab.violations() == []
    form.get_by_label("Name").fill("Our Keycloak")
    form.get_by_label("Issuer").fill(realm.issuer)
    form.get_by_label("Client id").fill(CLIENT_ID)
    form.get_by_label("Client secret").fill("mistyped")
    form.get_by_label("Role of those").select_option(label="Viewer")
    form.get_by_label("Client secret").press("Enter")
    card = page.get_by_role("region", name="Our Keycloak")
    expect(card).to_contain_text("Viewer")
    card.get_by_role("button", name="Test Our Keycloak").click()
    expect(card.locator('[data-finding="secret"]')).to_contain_text("does not accept")
    tab.shoot("sign-on-wrong")
    card.get_by_role("button", name="Edit Our Keycloak").click()
    form = page.get_by_role("dialog", name="Edit Our Keycloak")
    # What is stored is not shown.
    expect(form.get_by_label("Client secret")).to_have_value("")
    form.get_by_label("Client secret").fill(CLIENT_SECRET)
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()

    card.get_by_label("Domain of e-mail addresses").fill("example.org")
    card.get_by_role("button", name="Add it").click()
    expect(card.locator('[data-domain="example.org"]')).to_contain_text("not confirmed")
    expect(card).to_contain_text("https://example.org/.well-known/somaagent-sso.txt")
    card.get_by_role("button", name="Test Our Keycloak").click()
    expect(card.locator('[data-finding="domains"]')).to_contain_text("No domain is confirmed")
    assert tab.violations() == []
    tab.shoot("sign-on")

    platform = visit.by("platform").go("/platform/tenants")
    platform.page.get_by_role("button", name="Approve example.org of Acme").focus()
    assert platform.violations() == []
    platform.page.keyboard.press("Enter")
    expect(platform.page.get_by_text("example.org is confirmed for Acme.")).to_be_visible()

    page.reload()
    expect(card.locator('[data-domain="example.org"]')).to_contain_text("confirmed")
    card.get_by_role("button", name="Test Our Keycloak").click()
    expect(card.get_by_test_id("findings")).to_contain_text("All is well")
    tab.shoot("sign-on-right")

    colleague = visit.stranger().go("/sign-in")
    door = colleague.page
    door.get_by_label("E-mail").fill("new@example.org")
    door.get_by_role("button", name="Company sign-in").click()
    door.get_by_label("Username or email").fill("new")
    door.get_by_label("Password", exact=True).fill(PERSON_PASSWORD)
    door.get_by_role("button", name="Sign In").click()
    expect(door.get_by_role("button", name="New Keys Acme account menu")).to_be_visible()
    assert door.request.get(f"{web.base}/api/v2/auth/me").json()["role"] == "viewer"

    card.get_by_role("button", name="Turn off Our Keycloak").click()
    expect(card).to_contain_text("off")
    card.get_by_role("button", name="Remove Our Keycloak").click()
    assert tab.violations() == []
    page.get_by_role("dialog").get_by_role("button", name="Remove the provider").click()
    expect(page.get_by_text("No provider yet")).to_be_visible()
    expect(page.get_by_role("button", name="Add a provider")).to_be_focused()


def test_the_page_fits_a_phone_and_shows_an_admin_what_a_sysadmin_changes(
    visit: Visit, cast: Cast
) -> None:
    narrow = visit.by("sysadmin", size=NARROW).go("/sign-on")
    page = narrow.page
    page.get_by_role("button", name="Add a provider").click()
    page.get_by_label("Kind").select_option(label="Google")
    expect(page.get_by_label("Issuer")).to_have_count(0)
    page.get_by_label("Name").fill("Google")
    page.get_by_label("Client id").fill("a" * 72 + ".apps.googleusercontent.com")
    page.get_by_label("Client secret").fill("s")
    narrow.shoot("sign-on-form-narrow")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    card = page.get_by_role("region", name="Google")
    card.get_by_label("Domain of e-mail addresses").fill("example.org")
    card.get_by_role("button", name="Add it").click()
    expect(card.locator('[data-domain="example.org"]')).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path="test-report/screenshots/sign-on-narrow.png", full_page=True)

    admin = visit.by("admin").go("/sign-on")
    shown = admin.page.get_by_role("region", name="Google")
    expect(shown.get_by_role("button")).to_have_text([re.compile("Test")])
    assert admin.violations() == []
    member = visit.by("ann").go("/sign-on")
    expect(member.page.get_by_text("This page is for administrators")).to_be_visible()


def test_a_directory_is_connected_and_its_group_given_a_role(visit: Visit, web: Web) -> None:
    tab = visit.by("sysadmin").go("/sign-on")
    page = tab.page
    card = page.get_by_role("region", name="Directory (SCIM 2.0)")
    card.get_by_label("Role of new people").select_option(label="Viewer")
    card.get_by_role("button", name="Make a bearer").focus()
    page.keyboard.press("Enter")
    bearer = card.get_by_test_id("bearer").inner_text()
    assert tab.violations() == []
    tab.shoot("directory")
    with Directory(web, bearer) as directory:
        made = directory.post("/Groups", json={"displayName": "Builders"})
        assert made.status_code == 201, made.text
    page.reload()
    expect(card.get_by_label("Role of Builders")).to_have_value("")
    # It was shown once.
    expect(card.get_by_test_id("bearer")).to_have_count(0)
    card.get_by_label("Role of Builders").select_option(label="Developer")
    expect(page.get_by_text("The role of Builders holds at once.")).to_be_visible()
    assert tab.violations() == []
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    card.get_by_label("Role of Builders").scroll_into_view_if_needed()
    tab.shoot("directory-narrow")
    card.get_by_role("button", name="Disconnect").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect it").click()
    expect(card.get_by_role("button", name="Make a bearer")).to_be_focused()
    with Directory(web, bearer) as directory:
        assert directory.get("/Users").status_code == 401
