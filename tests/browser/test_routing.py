"""The choice of models, as admins of an organisation and of the platform see and steer it."""

from playwright.sync_api import expect

from tests.support.browser import NARROW, Visit
from tests.support.models import add_provider
from tests.support.simulator import SimulatedProvider
from tests.support.v1 import calls
from tests.support.web import Client, Web


def test_an_admin_chooses_how_models_are_chosen_and_sees_why(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    default = Client(web, "platform").get("/gateway/models").json()["items"][0]["id"]
    add_provider(web, model.base_url, "Cheap", "small-8b")
    Client(web, "platform").put(f"/gateway/models/{default}/default")
    tab = visit.by("admin").go("/routing")
    page = tab.page
    expect(page.get_by_text("the platform’s rules hold")).to_be_visible()
    page.get_by_label("Highest tier").select_option("budget")
    page.get_by_role("button", name="Save the rules").click()
    expect(page.get_by_text("The rules hold from the next call on.")).to_be_visible()
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_test_id("verdict")).to_contain_text("Cheap/small-8b")
    expect(page.get_by_test_id("candidates")).to_contain_text("tier standard, above budget")
    assert tab.violations() == []
    ann = Client(web, "ann")
    ann.say(ann.conversation(), "Hello")
    decision = page.get_by_test_id("decisions").locator("li.card").first
    expect(decision).to_contain_text("Cheap/small-8b")
    decision.locator("summary").click()
    expect(decision).to_contain_text("Simulator/scripted: tier standard, above budget")
    tab.shoot("routing")
    assert tab.violations() == []
    allowed = page.get_by_test_id("allowed-models")
    allowed.get_by_label("Simulator/scripted").check()
    page.get_by_role("button", name="Save the choice").click()
    expect(page.get_by_text("The choice holds from the next call on.")).to_be_visible()
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_test_id("verdict")).to_contain_text("No model fits.")
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    tab.shoot("routing-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]


def test_a_platform_admin_describes_models_sets_rules_and_sees_what_is_spent(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    ann = Client(web, "ann")
    ann.say(ann.conversation(), "Hello")
    calls(web)
    tab = visit.by("platform").go("/platform/prices")
    page = tab.page
    page.get_by_role("button", name="Set the price of scripted").click()
    page.get_by_label("Region").fill("eu")
    page.get_by_label("pictures").check()
    page.get_by_role("button", name="Set it").click()
    row = page.get_by_test_id("prices").locator("tbody tr").first
    expect(row).to_contain_text("text, pictures, tools")
    expect(row).to_contain_text("eu")
    tab.go("/platform/routing")
    page.get_by_label("Only in these regions").fill("us")
    page.get_by_role("button", name="Save the rules").click()
    expect(page.get_by_text("The rules hold from the next call on.")).to_be_visible()
    page.locator("select[name=whose]").select_option(label="Acme")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_test_id("candidates")).to_contain_text("in the region eu")
    expect(page.get_by_test_id("decisions")).to_contain_text("Simulator/scripted")
    assert tab.violations() == []
    tab.shoot("platform-routing")
    page.get_by_label("only failed ones").check()
    expect(page.get_by_text("No decision")).to_be_visible()
    tab.go("/platform/spending")
    expect(page.get_by_test_id("usage")).to_contain_text("Acme")
    page.locator("select[name=by]").select_option("provider")
    expect(page.get_by_test_id("usage")).to_contain_text("Simulator")
    tab.shoot("spending")
    assert tab.violations() == []
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    tab.shoot("spending-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]


def test_a_member_is_told_whom_the_pages_are_for(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    tab = visit.by("ann").go("/routing")
    expect(tab.page.get_by_text("This page is for administrators")).to_be_visible()
    tab.go("/platform/spending")
    expect(tab.page.get_by_text("This page is for administrators of the platform")).to_be_visible()
    assert tab.violations() == []
