"""What each role finds, and what it is told where it may not go."""

import re

from playwright.sync_api import expect

from saas.models import Role
from saas.provisioning import ensure_membership
from tests.support.browser import Tab, Visit
from tests.support.cast import Cast
from tests.support.simulator import SimulatedProvider


def account_acts(tab: Tab) -> list[str]:
    """What the account menu offers."""
    tab.page.locator(".account").click()
    menu = tab.page.get_by_role("menu").filter(visible=True)
    expect(menu.get_by_text("Sign out")).to_be_visible()
    acts = [text.strip() for text in menu.locator(".menu__item").all_inner_texts()]
    tab.page.keyboard.press("Escape")
    return acts


def test_a_viewer_cannot_write_and_is_told_why(visit: Visit, model: SimulatedProvider) -> None:
    viewer = visit.by("viewer").go()
    expect(viewer.field).to_be_disabled()
    expect(viewer.page.get_by_text("Your role lets you read here, but not write")).to_be_visible()
    expect(viewer.page.get_by_test_id("send")).to_be_disabled()
    assert "Models and providers" not in account_acts(viewer)
    viewer.go("/agents")
    expect(viewer.page.get_by_role("heading", name="Soma")).to_be_visible()
    expect(viewer.page.get_by_role("link", name="Edit Soma")).to_have_count(0)


def test_a_member_neither_edits_agents_nor_sees_providers(
    visit: Visit, model: SimulatedProvider
) -> None:
    ann = visit.by("ann").go()
    acts = account_acts(ann)
    assert "Agents" in acts
    assert "Models and providers" not in acts
    ann.go("/platform/providers")
    expect(ann.page.get_by_text("This page is for administrators of the platform")).to_be_visible()
    expect(ann.page.get_by_role("button", name="Add a provider")).to_have_count(0)
    expect(ann.page.get_by_text("Simulator")).to_have_count(0)
    ann.go("/agents")
    expect(ann.page.get_by_role("heading", name="Soma")).to_be_visible()
    expect(ann.page.get_by_role("link", name="New agent")).to_have_count(0)
    expect(ann.page.get_by_role("link", name="Edit Soma")).to_have_count(0)


def test_a_tenant_admin_makes_and_edits_agents(visit: Visit, model: SimulatedProvider) -> None:
    model.script({"when": ".", "reply": "Soup."})
    admin = visit.by("admin").go("/agents")
    page = admin.page
    page.get_by_role("link", name="New agent").click()
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill("Cook")
    page.get_by_label("Instructions").fill("You are a cook who hates waste.")
    page.get_by_label("Model").select_option(label="scripted · Simulator")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Cook was saved.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/agents$"))
    card = page.get_by_role("listitem").filter(has_text="Cook")
    expect(card).to_contain_text("Speaks with scripted")
    page.get_by_role("link", name="Edit Cook").click()
    page.get_by_label("Instructions").fill("You are a cook who loves butter.")
    page.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("loves butter")
    admin.go()
    page.get_by_role("radio", name="Cook").check()
    admin.ask("What do I cook?")
    prompts = [one["body"]["messages"][0]["content"] for one in model.captured()]
    assert any("loves butter" in prompt for prompt in prompts)


def test_a_name_that_is_taken_is_told_beside_the_form(
    visit: Visit, model: SimulatedProvider
) -> None:
    admin = visit.by("admin").go("/agents/new")
    admin.page.get_by_label("Name").fill("Soma")
    admin.page.get_by_label("Instructions").fill("Again.")
    admin.page.get_by_role("button", name="Save").click()
    expect(admin.page.get_by_role("alert")).to_contain_text(re.compile("name", re.IGNORECASE))
    expect(admin.page.get_by_label("Instructions")).to_have_value("Again.")


def test_a_platform_admin_adds_tests_and_removes_a_provider(
    visit: Visit, model: SimulatedProvider
) -> None:
    model.script({"when": ".", "fail": "401"})
    admin = visit.by("platform").go()
    admin.account("Models and providers")
    page = admin.page
    page.get_by_role("button", name="Add a provider").click()
    expect(page.get_by_label("Kind")).to_be_focused()
    page.get_by_label("Kind").select_option("openai-compatible")
    page.get_by_label("Name", exact=True).fill("Second")
    page.get_by_label("Address").fill(model.base_url)
    page.get_by_label("API key").fill("sk-wrong-0123456789")
    page.get_by_label("Model name").fill("other")
    page.get_by_role("button", name="Save").click()
    card = page.get_by_role("region", name="Second")
    test = card.get_by_role("button", name="Test")
    expect(test).to_be_focused()
    test.click()
    expect(card).to_contain_text("The provider did not accept the key")
    expect(card).to_contain_text("can enter another key")
    # What the provider said may hold a key.
    expect(page.locator("body")).not_to_contain_text("sk-leaked")
    admin.shoot("provider-test-failed")
    card.get_by_role("radio").check()
    expect(card).to_contain_text("default")
    expect(page.get_by_role("region", name="Simulator").get_by_role("radio")).not_to_be_checked()
    card.get_by_role("button", name="Remove").click()
    dialog = page.get_by_role("dialog", name="Remove Second")
    expect(dialog.get_by_role("button", name="Remove")).to_be_disabled()
    dialog.get_by_role("textbox").fill("Second")
    dialog.get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)
    expect(page.get_by_text("Second was removed.")).to_be_visible()


def test_a_person_of_two_tenants_switches_between_them(
    visit: Visit, model: SimulatedProvider, cast: Cast
) -> None:
    model.script({"when": ".", "reply": "Hello from Globex."})
    ensure_membership(cast.platform.user_id, cast.acme_id, Role.ADMIN)
    person = visit.by("platform").go()
    person.ask("Where am I?")
    expect(person.items).to_have_count(1)
    person.account("Switch to Acme")
    expect(person.page.locator(".account")).to_contain_text("Acme")
    expect(person.page.get_by_text("No conversations yet")).to_be_visible()
    person.page.reload()
    expect(person.page.locator(".account")).to_contain_text("Acme")
    person.account("Switch to Globex")
    expect(person.items).to_have_count(1)


def test_the_knobs_of_an_agent_show_what_they_give_while_they_are_moved(
    visit: Visit, model: SimulatedProvider
) -> None:
    admin = visit.by("admin").go("/agents")
    page = admin.page
    page.get_by_role("link", name="Edit Soma").click()
    derived = page.get_by_test_id("derived")
    expect(derived).to_contain_text("2,048 tokens")
    slider = page.get_by_label("Intelligence")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(derived).to_contain_text("8,192 tokens")
    expect(derived).to_contain_text("flagship")
    page.get_by_label("Spending limit per turn").select_option(value="0.1")
    expect(derived).to_contain_text("10,000 tokens at most")
    admin.shoot("agent-knobs")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Soma was saved.")).to_be_visible()
    page.get_by_role("link", name="Edit Soma").click()
    expect(page.get_by_label("Intelligence")).to_have_value("10")
    expect(page.get_by_test_id("derived")).to_contain_text("10,000 tokens at most")
