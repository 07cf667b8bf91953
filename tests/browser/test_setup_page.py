"""Setting up a new organisation, as its administrator does on the first day."""

from playwright.sync_api import expect

from tests.support.browser import NARROW, Tab, Visit
from tests.support.cast import Cast


def test_an_admin_sets_the_organisation_up_skips_a_step_and_resumes(
    visit: Visit, cast: Cast
) -> None:
    tab = visit.by("admin").go("/chat")
    page = tab.page
    tab.account("Set up the organisation")
    name = page.locator('[data-step="organisation"]')
    name.get_by_label("Name").fill("Acme & Sons")
    own = _accent(tab)
    name.get_by_label("Brand colour").fill("#ffd500")
    assert _accent(tab) not in {own, "#ffd500"}  # Darkened: nobody could read it on white.
    tab.shoot("setup")
    assert tab.violations() == []
    name.get_by_role("button", name="Save and go on").click()
    expect(name.get_by_role("heading")).to_contain_text("done")
    expect(name.get_by_role("button", name="Open again")).to_be_focused()
    model = page.locator('[data-step="model"]')
    model.get_by_role("button", name="Skip").press("Enter")
    expect(model.get_by_role("heading")).to_contain_text("skipped")

    # Later, in another window.
    branded = _accent(tab)
    page.reload()
    expect(page.get_by_text("2 of 4 steps were dealt with.")).to_be_visible()
    assert _accent(tab) == branded != own
    name.get_by_role("button", name="Open again").click()
    name.get_by_role("button", name="Default").press("Enter")
    assert _accent(tab) == own
    name.get_by_role("button", name="Skip").click()
    expect(name.get_by_role("heading")).to_contain_text("skipped")
    assert _accent(tab) == branded  # What was not kept is taken off.
    agent = page.locator('[data-step="agent"]')
    agent.get_by_label("Name of the agent").fill("Librarian")
    agent.get_by_role("button", name="Save and go on").click()
    expect(agent.get_by_role("heading")).to_contain_text("done")
    people = page.locator('[data-step="people"]')
    people.get_by_label("E-mail addresses").fill("carl@example.org\nnobody")
    people.get_by_role("button", name="Save and go on").click()
    expect(people.get_by_role("alert")).to_contain_text("nobody")
    people.get_by_label("E-mail addresses").fill("dora@example.org")
    people.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_text("Everything was dealt with.")).to_be_visible()
    assert tab.violations() == []
    tab.shoot("setup-finished")
    assert {one["name"] for one in tab.page.request.get(
        f"{tab.base}/api/v2/agents"
    ).json()["items"]} >= {"Librarian"}  # fmt: skip


def _accent(tab: Tab) -> str:
    """The accent that the page wears."""
    return str(
        tab.page.evaluate(
            "getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()"
        )
    )


def test_the_strip_leads_a_sysadmin_to_steps_that_fit_a_phone(visit: Visit, cast: Cast) -> None:
    tab = visit.by("sysadmin", size=NARROW).go("/chat")
    strip = tab.page.get_by_test_id("setup-strip")
    strip.get_by_role("link", name="Continue").wait_for()
    tab.shoot("setup-strip-narrow")
    assert tab.violations() == []
    strip.get_by_role("link", name="Continue").click()
    expect(strip).to_have_count(0)
    expect(tab.page.locator('[data-step="people"]')).to_be_visible()
    assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    tab.shoot("setup-narrow")
    assert tab.violations() == []
    name = tab.page.locator('[data-step="organisation"]')
    name.get_by_label("Address").fill("globex")
    name.get_by_role("button", name="Save and go on").click()
    expect(tab.page.get_by_role("alert")).to_contain_text("This address is taken")
    assert tab.violations() == []
    name.get_by_label("Address").fill("acme-and-sons")
    tab.shoot("setup-address-narrow")
    name.get_by_role("button", name="Save and go on").click()
    expect(name.get_by_role("heading")).to_contain_text("done")
    ann = visit.by("ann").go("/setup")
    expect(ann.page.get_by_text("This page is for administrators")).to_be_visible()
    expect(ann.page.get_by_test_id("setup-strip")).to_have_count(0)

    # Put off, and it stays so.
    wide = visit.by("sysadmin").go("/profile")
    strip = wide.page.get_by_test_id("setup-strip")
    expect(strip).to_be_visible()
    wide.shoot("setup-strip")
    strip.get_by_role("button", name="Later").press("Enter")
    expect(strip).to_have_count(0)
    expect(wide.page.locator("#main")).to_be_focused()
    with wide.page.expect_response("**/api/v2/saas/setup"):
        wide.page.reload()
    expect(wide.page.locator("#main")).to_be_visible()
    expect(strip).to_have_count(0)
