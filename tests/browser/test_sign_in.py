"""The door: where one goes after it, what it says when it stays shut, what it does not tell."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.browser import Tab, Visit
from tests.support.cast import PASSWORD
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web


def sign_in(tab: Tab, email: str, password: str) -> None:
    """Fill in the form and send it."""
    tab.page.get_by_label("E-mail").fill(email)
    tab.page.get_by_label("Password").fill(password)
    tab.page.get_by_role("button", name="Sign in").click()


def test_a_link_opened_before_signing_in_is_reached_after_it(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    conversation = Client(web, "ann").conversation("Summer plans")
    tab = visit.stranger().go(f"/chat/{conversation}")
    expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(tab, "ann@example.org", PASSWORD)
    expect(tab.page.get_by_role("heading", name="Summer plans")).to_be_visible()
    assert tab.conversation_id() == conversation


@pytest.mark.parametrize(
    "foreign", ["//evil.example/a", "/%5Cevil.example", "https://evil.example"]
)
def test_a_forged_return_address_leads_home(
    visit: Visit, model: SimulatedProvider, foreign: str
) -> None:
    tab = visit.stranger().go(f"/sign-in?next={foreign}")
    sign_in(tab, "ann@example.org", PASSWORD)
    expect(tab.page).to_have_url(re.compile(rf"^{re.escape(tab.base)}/chat$"))


@pytest.mark.parametrize("email", ["ann@example.org", "nobody@example.org"])
def test_after_five_failures_the_door_says_how_long_it_stays_shut(
    visit: Visit, model: SimulatedProvider, email: str
) -> None:
    tab = visit.stranger().go("/sign-in")
    for _ in range(5):
        with tab.page.expect_response("**/api/v2/auth/login") as refused:
            sign_in(tab, email, "not the password")
        assert refused.value.status == 401
        expect(tab.page.get_by_role("alert")).to_contain_text("E-mail or password is not right.")
    sign_in(tab, email, PASSWORD)
    # The same words, whether or not there is such an account.
    expect(tab.page.get_by_role("alert")).to_contain_text(re.compile(r"Try again in \d+ seconds"))
    expect(tab.page.get_by_role("alert")).not_to_contain_text(email)


def test_who_is_signed_in_goes_on_from_a_page_for_strangers(
    visit: Visit, model: SimulatedProvider
) -> None:
    tab = visit.by("ann").go("/forgotten-password")
    tab.page.get_by_role("link", name="Back to sign-in").click()
    expect(tab.page).to_have_url(re.compile(r"/chat$"))
    tab.is_live()
