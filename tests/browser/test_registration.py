"""An account without an invitation where the platform allows it, and what is said elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import NARROW, Visit, visiting
from tests.support.cast import Cast
from tests.support.mailbox import link_in, mails_to
from tests.support.web import Web, running

NEW = "a calm and sunny harbour"


@pytest.fixture
def open_place(web: Web, chromium_browser: Browser, var_dir: Path, cast: Cast) -> Iterator[Visit]:
    """The same platform through a server that takes registrations."""
    own = Web(var_dir, {"SA01_REGISTRATION": "true"})
    with running(own), visiting(chromium_browser, own.base, own) as visit:
        yield visit


def test_a_person_registers_confirms_and_signs_in(open_place: Visit) -> None:
    tab = open_place.stranger(NARROW).go("/sign-in")
    page = tab.page
    for email in ("rita@example.org", "ann@example.org"):
        tab.go("/sign-in")
        page.get_by_role("link", name="Make an account").click()
        expect(page.get_by_label("Your name")).to_be_focused()
        page.get_by_label("Your name").fill("Rita")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(NEW)
        page.get_by_role("button", name="Make an account").press("Enter")
        # Whoever asks does not learn which address is taken; its owner does.
        expect(page.get_by_test_id("register").get_by_role("status")).to_have_text(
            "A mail is on its way to this address. Follow its link within 24 hours, then sign in."
        )
    assert "already" in mails_to("ann@example.org")[0]

    tab.go(f"/confirm-account#token={link_in(mails_to('rita@example.org')[0])}")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("link", name="Go on").click()
    page.get_by_label("E-mail").fill("rita@example.org")
    page.get_by_label("Password").fill(NEW)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="No organisation yet")).to_be_visible()
    me = page.request.get(f"{tab.base}/api/v2/auth/me").json()
    assert (me["user"]["display_name"], me["tenant"]) == ("Rita", None)


def test_the_page_fits_a_phone_and_breaks_no_rule(open_place: Visit) -> None:
    tab = open_place.stranger(NARROW).go("/register")
    expect(tab.page.get_by_label("Your name")).to_be_focused()
    assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert tab.violations_in_every_theme() == []
    tab.shoot("register-narrow")
    tab.page.get_by_label("Your name").fill("Rita")
    tab.page.get_by_label("E-mail").fill("rita@example.org")
    tab.page.get_by_label("Password").fill("password1234")
    tab.page.get_by_role("button", name="Make an account").click()
    expect(tab.page.get_by_role("alert")).to_be_visible()
    assert tab.violations() == []


def test_where_registration_is_closed_nothing_leads_to_it_and_the_page_says_so(
    visit: Visit,
) -> None:
    tab = visit.stranger().go("/sign-in")
    expect(tab.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(tab.page.get_by_role("link", name="Make an account")).to_have_count(0)
    tab.go("/register")
    expect(tab.page.get_by_text("Accounts are made by invitation here.")).to_be_visible()
    assert tab.violations() == []
    tab.shoot("register-closed")
