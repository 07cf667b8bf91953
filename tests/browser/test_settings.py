"""The pages of administrators: rules for all agents, the mode, where a provider runs."""

from playwright.sync_api import expect

from tests.support.browser import NARROW, Visit
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web


def test_a_tenant_admin_sets_rules_that_hold_from_the_next_answer_on(
    visit: Visit, model: SimulatedProvider
) -> None:
    model.script({"when": ".", "reply": "Noted: <EMAIL_ADDRESS_1>."})
    admin = visit.by("admin").go("/agents")
    page = admin.page
    page.get_by_role("link", name="Rules for all").click()
    page.get_by_label("Instructions").first.fill("Acme speaks formally.")
    page.get_by_label("Hide personal data from models outside").check()
    page.get_by_label("Longest answer (tokens)").fill("300")
    page.get_by_label("As the platform’s table").uncheck()
    page.get_by_label("Earlier messages").fill("40")
    expect(page.get_by_test_id("whole")).to_contain_text("Together 115 per cent")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_label("Memories", exact=True).fill("10")
    expect(page.get_by_test_id("whole")).to_contain_text("Together 100 per cent")
    assert admin.violations_in_every_theme() == []
    admin.shoot("rules")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("they hold from the next answer on")).to_be_visible()

    ann = visit.by("ann").go().is_live()
    expect(ann.ask("Write to ann@example.org")).to_contain_text("Noted: ann@example.org.")
    (body,) = [
        one["body"]
        for one in model.captured()
        if one["body"]["messages"][-1]["content"].startswith("Write to")
    ]
    assert body["messages"][-1]["content"] == "Write to <EMAIL_ADDRESS_1>"
    assert body["messages"][0]["content"].startswith("Acme speaks formally.")
    ann.go("/rules")
    expect(ann.page.get_by_text("This page is for administrators")).to_be_visible()


def test_the_mode_is_set_on_its_page_and_shown_to_everyone_by_itself(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    ann = visit.by("ann").go().is_live()
    expect(ann.page.get_by_test_id("mode")).to_have_attribute("data-mode", "production")
    platform = visit.by("platform").go().is_live()
    platform.account("Mode")
    page = platform.page
    page.get_by_test_id("tenant-modes").get_by_label("Acme").select_option(label="Test")
    expect(ann.page.get_by_test_id("mode")).to_have_text("Test mode", timeout=2_000)
    expect(page.get_by_test_id("mode")).to_have_attribute("data-mode", "production")
    page.get_by_label("Mode of the platform").select_option(label="Developer")
    expect(page.get_by_test_id("mode")).to_have_text("Developer mode", timeout=2_000)
    expect(ann.page.get_by_test_id("mode")).to_have_text("Test mode")
    row = page.get_by_role("row", name="Developer")
    expect(row).to_contain_text("debug")
    assert platform.violations_in_every_theme() == []
    platform.shoot("mode")
    ann.shoot("mode-badge")
    # Back again, from elsewhere: the open page shows it.
    Client(web, "platform").put("/saas/mode", {"of": "platform", "mode": "production"})
    expect(page.get_by_label("Mode of the platform")).to_have_value("production")


def test_the_pages_fit_a_phone(visit: Visit, model: SimulatedProvider) -> None:
    for name, path, test_id in (
        ("admin", "/rules", "policy-page"),
        ("platform", "/platform/mode", "mode-page"),
    ):
        tab = visit.by(name, NARROW).go(path)
        expect(tab.page.get_by_test_id(test_id).locator("input, select").first).to_be_visible()
        width = tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= NARROW[0], path
        tab.shoot(f"{test_id}-narrow")


def test_where_a_provider_runs_is_said_on_its_form(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    platform = visit.by("platform").go("/platform/providers")
    page = platform.page
    page.get_by_role("button", name="Edit").first.click()
    own = page.get_by_label("Runs on machines of one’s own")
    expect(own).not_to_be_checked()
    own.check()
    assert platform.violations_in_every_theme() == []
    platform.shoot("provider-hosting")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Edit").first).to_be_visible()
    (found,) = Client(web, "platform").get("/gateway/providers").json()["items"]
    assert found["self_hosted"] is True
