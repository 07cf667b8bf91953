"""Signing in at the company: from our page to Keycloak's own and back, in a real browser."""

import re

from playwright.sync_api import expect

from tests.integration.test_sso import CALLBACK, set_up
from tests.support.browser import Visit
from tests.support.keycloak import PERSON_PASSWORD, realm_at
from tests.support.simulator import SimulatedProvider
from tests.support.web import Web


def test_company_address_leads_to_keycloak_and_back_with_a_membership(
    visit: Visit, web: Web, model: SimulatedProvider, keycloak: str
) -> None:
    realm = realm_at(keycloak, f"{web.base}{CALLBACK}")
    realm.add_person("new@example.org")
    set_up(web, realm)
    tab = visit.stranger().go("/sign-in")
    page = tab.page
    company = page.get_by_role("button", name="Company sign-in")
    company.click()
    expect(page.get_by_role("alert")).to_contain_text("Fill in your e-mail address first")
    page.get_by_label("E-mail").fill("someone@elsewhere.example")
    company.click()
    expect(page.get_by_role("alert")).to_contain_text("No company sign-in is set up")

    page.get_by_label("E-mail").fill("new@example.org")
    company.focus()
    page.keyboard.press("Enter")
    # Keycloak's own page, at its own address.
    expect(page).to_have_url(re.compile(rf"^{re.escape(realm.issuer)}/"))
    page.get_by_label("Username or email").fill("new")
    page.get_by_label("Password", exact=True).fill(PERSON_PASSWORD)
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_role("button", name="New Keys Acme account menu")).to_be_visible()
    me = page.request.get(f"{tab.base}/api/v2/auth/me").json()
    assert (me["user"]["email"], me["role"]) == ("new@example.org", "member")
    assert [one["tenant"]["slug"] for one in me["memberships"]] == ["acme"]


def test_a_refusal_is_said_on_the_sign_in_page(visit: Visit, model: SimulatedProvider) -> None:
    tab = visit.stranger().go("/sign-in?refused=sso-provider-away")
    expect(tab.page.get_by_role("alert")).to_contain_text("cannot be reached")
    tab.go("/sign-in?refused=%3Cimg%20src=x%3E")
    expect(tab.page.get_by_role("alert")).to_contain_text("could not be confirmed")
